package import Graphs
package import Kernels
package import Tensors

/// y = activation(x · w + bias).
///
/// Inputs: x (…, K), w (K, N), bias (N) when `hasBias`; output (…, N). All float32.
///
/// Takes in an activation that follows, in training too where the output tells the derivative; in inference also a
/// `ChannelAffine`, whose constant inputs then follow the bias, and the sum with one other array of the output's shape, the last input.
package struct MatMul: Op {
    package var hasBias: Bool { epilogue.hasBias }
    package var activation: Activation { epilogue.activation }
    private var epilogue: Epilogue

    package init(hasBias: Bool, activation: Activation = .linear) {
        epilogue = Epilogue(hasBias: hasBias, activation: activation)
    }

    package var name: String { "matmul" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, epilogue.inputCounts)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let (x, w) = (inputs[0].shape, inputs[1].shape)
        guard x.rank >= 1, w.rank == 2 else {
            throw LocatedError(.mismatch, "matmul.shape", "matmul expected (…, K) times (K, N), got \(x) times \(w)")
        }
        if let depth = x[x.rank - 1], let rows = w[0], depth != rows {
            throw LocatedError(
                .mismatch, "matmul.shape", "matmul expected a last axis of \(rows), as the kernel \(w) has rows, got the shape \(x)")
        }
        if hasBias { try requireVector(name, inputs[2], w[1], "bias") }
        return [ValueInfo(PartialShape(x.dims.dropLast() + [w[1]]))]
    }

    /// Few rows are multiplied in another way, and then the rows of a sample's neighbours count.
    package func isSampleWise(inputs: [ValueInfo]) -> Bool {
        let rows = inputs[0].shape.dims.dropFirst().dropLast()
        return inputs[0].shape.rank >= 3 && rows.reduce(1 as Int?) { all, rows in rows.flatMap { rows in all.map { $0 * rows } } } ?? 0 > 4
    }

    package func bound(to site: Site) -> any BoundOp { BoundMatMul(epilogue, site) }

    package func adding(input: Int) -> (any Op)? {
        guard epilogue.activation == .linear, epilogue.addend == nil else { return nil }
        var fused = self
        fused.epilogue.addend = input
        return fused
    }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard
            let both = epilogue.absorbing(
                consumer, at: position, others: others, othersAreConstant: othersAreConstant, phase: phase)
        else { return nil }
        var fused = self
        fused.epilogue = both
        return fused
    }
}

private struct BoundMatMul: BoundOp {
    let epilogue: Epilogue
    let wants: [Bool]
    /// Rows of x and y, depth, columns of y.
    let (m, k, n): (Int, Int, Int)
    /// The kernel and the bias are scaled beforehand, or, when they may change, in a stage of their own.
    let isFoldedBeforehand: Bool
    /// The kernel is packed beforehand, where many rows are multiplied by one that stays.
    let isPacked: Bool
    /// Few rows: W is read once in long runs, in parts whose sums are added in a second stage.
    let isNarrow: Bool
    let depthParts: TileCut
    let columnParts: TileCut
    let rowBlocks: TileCut
    let columnBlocks: TileCut
    /// Blocks of the backward half: of all elements of y, and of depth and columns for the kernel's gradient.
    let elementBlocks: TileCut
    let depthBlocks: TileCut
    let gradientColumnBlocks: TileCut

    init(_ epilogue: Epilogue, _ site: Site) {
        self.epilogue = epilogue
        wants = site.wantsGradient
        let (x, w) = (site.inputs[0].shape, site.inputs[1].shape)
        m = x.dims.dropLast().reduce(1, *)
        k = w[0]
        n = w[1]
        isFoldedBeforehand = site.constantInputs.indices.allSatisfy { $0 == 0 || $0 == epilogue.addend || site.constantInputs[$0] }
        isNarrow = m <= 4
        isPacked = site.phase == .inference && isFoldedBeforehand && !isNarrow && PackedMatrix.isWorthwhile
        columnParts = TileCut(n, step: 2048)
        depthParts = TileCut(k, step: max(64, 131_072 / max(1, min(n, 2048))))
        // Activations that the product doesn't make itself go over whole rows at once.
        let hasWholeRows = isPacked && n * 32 <= 65536 && ProductActivation(epilogue.activation) == .none && epilogue.activation != .linear
        rowBlocks = TileCut(m, step: hasWholeRows ? 32 : 128)
        // Rows are copied for each block of columns when they are long.
        let columns = hasWholeRows ? n : isPacked && k >= 512 && n >= 512 ? 256 : 128
        columnBlocks = TileCut(n, step: columns >= 256 || hasWholeRows || rowBlocks.count * ((n + 127) / 128) >= 8 ? columns : 64)
        elementBlocks = TileCut(m * n, step: 65536)
        depthBlocks = TileCut(k, step: 128)
        gradientColumnBlocks = TileCut(n, step: 512)
    }

    var cost: Double { 2 * Double(m) * Double(k) * Double(n) }

    // Narrow products are written before the other array is read.
    var inPlaceInputs: [Int] { isNarrow ? [] : epilogue.addend.map { [$0] } ?? [] }

    var memory: WorkingMemory {
        let folded = isPacked ? (matrix.count + 2 * n) * 4 : epilogue.affine == nil ? 0 : (k * n + 2 * n) * 4
        let differentiated = epilogue.activation == .linear ? 0 : m * n * 4
        return WorkingMemory(
            prepared: isFoldedBeforehand ? folded : 0,
            forwardScratch: alignedBytes(isFoldedBeforehand ? 0 : folded) + partialCount * 4,
            backwardScratch: differentiated, workerScratch: sgemmWorkspace * 4)
    }

    var retained: Retained {
        var inputs: [Int] = []
        if wants[1] { inputs.append(0) }
        if wants[0] { inputs.append(1) }
        return Retained(inputs: inputs, outputs: epilogue.activation == .linear ? [] : [0])
    }

    // MARK: Folding

    private var foldsInForward: Bool { epilogue.affine != nil && !isFoldedBeforehand }

    private var matrix: PackedMatrix { PackedMatrix(k: k, n: n) }

    func prepare(_ frame: Frame) {
        if isPacked {
            let packed = frame.prepared.assumingMemoryBound(to: Float.self)
            let (shift, scale) = (packed + matrix.count, packed + matrix.count + n)
            matrix.pack(frame.input(1), to: packed)
            guard epilogue.affine != nil else { return }
            epilogue.fold(frame, channels: n, scale: scale, shift: shift)
            return matrix.scale(packed, by: scale)
        }
        if epilogue.affine != nil && isFoldedBeforehand { fold(frame, into: frame.prepared.assumingMemoryBound(to: Float.self)) }
    }

    /// Kernel, shift and scale, in this order.
    private func fold(_ frame: Frame, into target: UnsafeMutablePointer<Float>) {
        let (shift, scale) = (target + k * n, target + k * n + n)
        epilogue.fold(frame, channels: n, scale: scale, shift: shift)
        let w = frame.input(1)
        for row in 0..<k { for j in 0..<n { target[row * n + j] = w[row * n + j] * scale[j] } }
    }

    private func weights(_ frame: Frame) -> (kernel: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
        if isPacked {
            let packed = UnsafePointer(frame.prepared.assumingMemoryBound(to: Float.self))
            return (packed, epilogue.affine != nil ? packed + matrix.count : epilogue.hasBias ? frame.input(2) : nil)
        }
        guard epilogue.affine != nil else { return (frame.input(1), epilogue.hasBias ? frame.input(2) : nil) }
        let area = isFoldedBeforehand ? frame.prepared : frame.scratch
        let folded = UnsafePointer(area.assumingMemoryBound(to: Float.self))
        return (folded, folded + k * n)
    }

    // MARK: Forward

    private var partialCount: Int { isNarrow && depthParts.count > 1 ? depthParts.count * m * n : 0 }

    private func partials(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        let folded = foldsInForward ? alignedBytes((k * n + 2 * n) * 4) : 0
        return (frame.scratch + folded).assumingMemoryBound(to: Float.self)
    }

    var forwardStages: [Int] {
        let folding = foldsInForward ? [1] : []
        guard isNarrow else { return folding + [rowBlocks.count * columnBlocks.count] }
        return folding + [max(1, depthParts.count) * columnParts.count] + (depthParts.count > 1 ? [columnParts.count] : [])
    }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch (stage - (foldsInForward ? 1 : 0), isNarrow) {
        case (-1, _): fold(frame, into: frame.scratch.assumingMemoryBound(to: Float.self))
        case (0, true): narrowProduct(frame, tile)
        case (0, false): product(frame, rowBlocks.range(tile / columnBlocks.count), columnBlocks.range(tile % columnBlocks.count))
        default: addPartials(frame, columnParts.range(tile))
        }
    }

    private func product(_ frame: Frame, _ rows: Range<Int>, _ columns: Range<Int>) {
        let (kernel, bias) = weights(frame)
        let start = rows.lowerBound * n + columns.lowerBound
        let y = frame.output() + start
        let workspace = frame.workerScratch.assumingMemoryBound(to: Float.self)
        defer {
            if columns.count == n {
                epilogue.activateInPlace(y, count: rows.count * n)
            } else {
                for row in 0..<rows.count { epilogue.activateInPlace(y + row * n, count: columns.count) }
            }
        }
        let addend = epilogue.addend.map { frame.input($0) }
        if let addend, addend != UnsafePointer(frame.output()) {
            for row in 0..<rows.count { (y + row * n).update(from: addend + start + row * n, count: columns.count) }
        }
        if isPacked {
            return matrix.product(
                rows.count, columns: columns, frame.input(0) + rows.lowerBound * k, lda: k, packed: kernel, to: y, ldc: n,
                bias: bias.map { $0 + columns.lowerBound }, accumulate: addend != nil,
                rectify: epilogue.activation == .rectifier, workspace: workspace)
        }
        sgemm(
            rows.count, columns.count, k, frame.input(0) + rows.lowerBound * k, lda: k, kernel + columns.lowerBound, ldb: n, y,
            ldc: n, bias: bias.map { $0 + columns.lowerBound }, accumulate: addend != nil,
            rectify: epilogue.activation == .rectifier, workspace: workspace)
    }

    private func narrowProduct(_ frame: Frame, _ tile: Int) {
        let columns = columnParts.range(tile % columnParts.count)
        let depth = depthParts.count == 0 ? 0..<0 : depthParts.range(tile / columnParts.count)
        let (kernel, bias) = weights(frame)
        let x = frame.input(0) + depth.lowerBound
        let w = kernel + depth.lowerBound * n + columns.lowerBound
        let isWhole = depthParts.count <= 1
        let target = isWhole ? frame.output() : partials(frame) + tile / columnParts.count * m * n
        for row in 0..<m {
            let y = target + row * n + columns.lowerBound
            rowProduct(x + row * k, w, stride: n, rows: depth.count, columns: columns.count, y)
            if isWhole { finishRow(frame, row, y, bias, columns) }
        }
    }

    private func addPartials(_ frame: Frame, _ columns: Range<Int>) {
        let bias = weights(frame).bias
        let partials = partials(frame)
        for row in 0..<m {
            let y = frame.output() + row * n + columns.lowerBound
            sumColumns(
                partials + row * n + columns.lowerBound, stride: m * n, rows: depthParts.count, columns: columns.count, alpha: 1,
                to: y, accumulate: false)
            finishRow(frame, row, y, bias, columns)
        }
    }

    private func finishRow(
        _ frame: Frame, _ row: Int, _ y: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>?, _ columns: Range<Int>
    ) {
        if let bias { add(y, bias + columns.lowerBound, y, count: columns.count) }
        if let addend = epilogue.addend {
            add(y, frame.input(addend) + row * n + columns.lowerBound, y, count: columns.count)
        }
        if epilogue.activation != .linear { activate(epilogue.activation, y, y, count: columns.count) }
    }

    // MARK: Backward

    private var xTiles: Int { wants[0] ? rowBlocks.count * depthBlocks.count : 0 }
    private var kernelTiles: Int { wants[1] ? depthBlocks.count * gradientColumnBlocks.count : 0 }
    private var biasTiles: Int { epilogue.hasBias && wants[2] ? 1 : 0 }

    var backwardStages: [Int] {
        let products = [xTiles + kernelTiles + biasTiles]
        return epilogue.activation == .linear ? products : [elementBlocks.count] + products
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        // The gradient before the activation; zero when nothing arrives.
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        guard let dy = frame.outputGradient() else { return zeroGradients(frame, stage, tile) }
        if epilogue.activation != .linear && stage == 0 {
            let range = elementBlocks.range(tile)
            activationGradient(
                epilogue.activation, input: nil, output: frame.output() + range.lowerBound, outputGradient: dy + range.lowerBound,
                inputGradient: scratch + range.lowerBound, count: range.count, accumulate: false)
            return
        }
        let dz = epilogue.activation == .linear ? dy : UnsafePointer(scratch)
        let workspace = frame.workerScratch.assumingMemoryBound(to: Float.self)
        if tile < xTiles, let dx = frame.inputGradient(0) {
            let (rows, depth) = (rowBlocks.range(tile / depthBlocks.count), depthBlocks.range(tile % depthBlocks.count))
            sgemm(
                transposeB: true, rows.count, depth.count, n, dz + rows.lowerBound * n, lda: n,
                frame.input(1) + depth.lowerBound * n, ldb: n, dx + rows.lowerBound * k + depth.lowerBound, ldc: k,
                accumulate: frame.accumulates[0], workspace: workspace)
        } else if tile < xTiles + kernelTiles, let dw = frame.inputGradient(1) {
            let index = tile - xTiles
            let depth = depthBlocks.range(index / gradientColumnBlocks.count)
            let columns = gradientColumnBlocks.range(index % gradientColumnBlocks.count)
            sgemm(
                transposeA: true, depth.count, columns.count, m, frame.input(0) + depth.lowerBound, lda: k,
                dz + columns.lowerBound, ldb: n, dw + depth.lowerBound * n + columns.lowerBound, ldc: n,
                accumulate: frame.accumulates[1], workspace: workspace)
        } else if let bias = frame.inputGradient(2) {
            sumColumns(dz, stride: n, rows: m, columns: n, alpha: 1, to: bias, accumulate: frame.accumulates[2])
        }
    }

    private func zeroGradients(_ frame: Frame, _ stage: Int, _ tile: Int) {
        guard stage == backwardStages.count - 1, tile == 0 else { return }
        for (index, count) in [m * k, k * n, n].enumerated().prefix(epilogue.hasBias ? 3 : 2) {
            guard wants[index], let gradient = frame.inputGradient(index), !frame.accumulates[index] else { continue }
            gradient.update(repeating: 0, count: count)
        }
    }
}
