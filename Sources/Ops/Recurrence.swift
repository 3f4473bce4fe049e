import Graphs
import Kernels
import Tensors

/// What the fused recurrent ops share when they run: extents, tiles, what masks do to states and outputs on the way, and the
/// products that make the gradients of x and the weights from what all steps left.
///
/// Arrays "by sequence and time" have B·T rows. Output 0 is the sequence of outputs or the last one, output 1 is h, others are
/// further states; outputs from 1 on hold the states on the way.
struct Recurrence {
    let shapes: RecurrentShapes
    let goesBackwards: Bool
    let zeroesMasked: Bool
    let isTraining: Bool
    let wants: [Bool]
    /// Whether the recurrent kernel is packed once for each version of the weights.
    let isPrepared: Bool
    /// The kernel as it is packed for each version of the weights; nil where it isn't.
    let kernel: PackedMatrix?
    let (batch, steps, features): (Int, Int, Int)
    /// Rows of x, of all sequences together, that are multiplied by the kernel at once.
    let projection: TileCut
    /// Sequences that go through time together.
    let sequences: TileCut
    /// Of the kernels' gradients: rows and columns of one tile, and rows of the input's gradient.
    let kernelRows: TileCut
    let recurrentRows: TileCut
    let gateColumns: TileCut
    let inputRows: TileCut

    /// - Parameter nanosecondsPerUnit: what a step of a cell takes for each unit, beside products.
    init(_ shapes: RecurrentShapes, _ site: Site, goesBackwards: Bool, zeroesMasked: Bool, nanosecondsPerUnit: Double) {
        self.shapes = shapes
        self.goesBackwards = goesBackwards
        self.zeroesMasked = zeroesMasked
        isTraining = site.phase == .training
        wants = site.wantsGradient
        isPrepared = site.phase != .training && site.constantInputs[2]
        let x = site.inputs[0].shape
        (batch, steps, features) = (x[0], x[1], x[2])
        let units = shapes.units, gates = shapes.gates * units
        kernel =
            isPrepared && site.constantInputs[1] && PackedMatrix.isWorthwhile ? PackedMatrix(k: features, n: gates) : nil
        // A product takes about 0.02 ns for each multiplication and addition.
        let perRow = 0.04 * Double(features + 1) * Double(gates)
        // A kernel that isn't packed beforehand is packed for each tile.
        projection = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: kernel == nil && batch * steps >= 1024 ? 128 : 32)
        inputRows = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: 32)
        // Eight parts at most, and rows in eights, as the product takes them: each part reads the recurrent kernel anew.
        let perSequence = Double(steps) * (0.04 * Double(units * gates) + nanosecondsPerUnit * Double(units))
        let isSmall = perSequence * Double(batch) < TileCut.nanoseconds
        sequences = TileCut(batch, step: isSmall ? batch : max((batch + 7) / 8 + 7, 8) / 8 * 8)
        kernelRows = TileCut(features, step: 64)
        recurrentRows = TileCut(units, step: 64)
        gateColumns = TileCut(gates, step: 128)
    }

    var units: Int { shapes.units }
    /// Columns of the kernels.
    var gates: Int { shapes.gates * shapes.units }
    /// Steps of all sequences.
    var rows: Int { batch * steps }

    var cost: Double { 2 * Double(rows) * Double(gates) * Double(features + units) }

    var retained: Retained {
        var inputs: [Int] = [2]
        if wants[1] { inputs.append(0) }
        if wants[0] { inputs.append(1) }
        if shapes.hasMask { inputs.append(shapes.maskInput) }
        return Retained(inputs: inputs.sorted())
    }

    /// Elements up to the next multiple of 64 bytes.
    func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    func saved(_ frame: Frame, _ offset: Int) -> UnsafeMutablePointer<Float> {
        frame.saved.assumingMemoryBound(to: Float.self) + offset
    }

    func scratch(_ frame: Frame, _ offset: Int) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self) + offset
    }

    func worker(_ frame: Frame) -> UnsafeMutablePointer<Float> { frame.workerScratch.assumingMemoryBound(to: Float.self) }

    /// Where the sums of the gates are made, (B·T, gates): kept for backward in training.
    ///
    /// - Parameter packed: elements of the packed recurrent kernel.
    func sums(_ frame: Frame, packed: Int) -> UnsafeMutablePointer<Float> {
        isTraining ? saved(frame, 0) : scratch(frame, isPrepared ? 0 : aligned(packed))
    }

    func packedRecurrent(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        (isPrepared ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
    }

    /// Bytes that are prepared: `packed` elements of packed recurrent kernels, and the kernel behind them.
    func preparedBytes(packed: Int) -> Int { isPrepared ? 4 * (aligned(packed) + (kernel?.count ?? 0)) : 0 }

    /// Packs the kernel, where it is, behind `packed` elements.
    func prepareKernel(_ frame: Frame, packed: Int) {
        kernel?.pack(frame.input(1), to: packedRecurrent(frame) + aligned(packed))
    }

    /// The time that a step reads.
    func time(_ step: Int) -> Int { goesBackwards ? steps - 1 - step : step }

    /// Whether a step has a state before it that isn't zero.
    func hasState(_ step: Int) -> Bool { step > 0 || shapes.hasInitialState }

    /// Whether a step of a sequence counts.
    func counts(_ frame: Frame, _ sequence: Int, _ time: Int) -> Bool {
        !shapes.hasMask || frame.mask(shapes.maskInput)[sequence * steps + time] != 0
    }

    // MARK: Forward

    /// x·kernel + bias, for a tile of `projection`.
    ///
    /// - Parameter packed: elements of the packed recurrent kernels.
    func project(_ frame: Frame, _ tile: Int, packed: Int, to sums: UnsafeMutablePointer<Float>) {
        let part = projection.range(tile)
        if let kernel {
            return kernel.product(
                part.count, columns: 0..<gates, frame.input(0) + part.lowerBound * features, lda: features,
                packed: packedRecurrent(frame) + aligned(packed), to: sums + part.lowerBound * gates, ldc: gates,
                bias: shapes.bias == nil ? nil : frame.input(shapes.biasInput), rectify: false, workspace: worker(frame))
        }
        sgemm(
            part.count, gates, features, frame.input(0) + part.lowerBound * features, lda: features, frame.input(1),
            ldb: gates, sums + part.lowerBound * gates, ldc: gates,
            bias: shapes.bias == nil ? nil : frame.input(shapes.biasInput), workspace: worker(frame))
    }

    /// The states before the first step of some sequences.
    func begin(_ frame: Frame, _ part: Range<Int>) {
        let start = part.lowerBound * units, count = part.count * units
        for state in 0..<shapes.stateCount {
            let target = frame.output(1 + state) + start
            if shapes.hasInitialState {
                target.update(from: frame.input(shapes.stateInput + state) + start, count: count)
            } else {
                target.update(repeating: 0, count: count)
            }
        }
        if !shapes.returnsSequences { (frame.output() + start).update(repeating: 0, count: count) }
    }

    /// Gives out what a step of a sequence left in h.
    func give(_ frame: Frame, _ sequence: Int, _ step: Int, isCounted: Bool) {
        let h = frame.output(1) + sequence * units
        if shapes.returnsSequences {
            let output = frame.output() + (sequence * steps + step) * units
            if isCounted {
                output.update(from: h, count: units)
            } else if step > 0, !zeroesMasked {
                output.update(from: output - units, count: units)
            } else {
                output.update(repeating: 0, count: units)
            }
        } else if isCounted && (step == steps - 1 || shapes.hasMask && !zeroesMasked) {
            (frame.output() + sequence * units).update(from: h, count: units)
        }
    }

    // MARK: Backward, from the last step to the first

    /// What is known of the gradients of some sequences after the last step: of each state, and of an output that is carried
    /// back to the step that made it.
    func begin(_ frame: Frame, _ part: Range<Int>, states: UnsafeMutablePointer<Float>..., carried: UnsafeMutablePointer<Float>) {
        for (state, target) in states.enumerated() { load(frame.outputGradient(1 + state), part, to: target) }
        load(shapes.returnsSequences ? nil : frame.outputGradient(0), part, to: carried)
    }

    private func load(_ gradient: UnsafePointer<Float>?, _ part: Range<Int>, to target: UnsafeMutablePointer<Float>) {
        if let gradient {
            target.update(from: gradient + part.lowerBound * units, count: part.count * units)
        } else {
            target.update(repeating: 0, count: part.count * units)
        }
    }

    /// Adds what arrives at a step's output.
    func arrive(_ frame: Frame, _ sequence: Int, _ step: Int, at carried: UnsafeMutablePointer<Float>) {
        guard shapes.returnsSequences, let gradient = frame.outputGradient(0) else { return }
        add(carried, gradient + (sequence * steps + step) * units, carried, count: units)
    }

    /// The gradients of the states before the first step.
    func finish(_ frame: Frame, _ part: Range<Int>, states: UnsafeMutablePointer<Float>...) {
        guard shapes.hasInitialState else { return }
        for (state, source) in states.enumerated() {
            let input = shapes.stateInput + state
            guard let target = frame.inputGradient(input) else { continue }
            transfer(
                source, to: target + part.lowerBound * units, count: part.count * units, accumulate: frame.accumulates[input])
        }
    }

    // MARK: Backward, products of what all steps left

    var inputTiles: Int { wants[0] ? inputRows.count : 0 }
    var kernelTiles: Int { wants[1] ? kernelRows.count * gateColumns.count : 0 }
    var wantsBias: Bool { shapes.bias != nil && wants[shapes.biasInput] }

    /// A tile of `inputTiles`.
    ///
    /// - Parameter gradients: of the sums, by sequence and time.
    func inputGradient(_ frame: Frame, _ tile: Int, _ gradients: UnsafePointer<Float>) {
        guard let target = frame.inputGradient(0) else { return }
        let part = inputRows.range(tile)
        sgemm(
            transposeB: true, part.count, features, gates, gradients + part.lowerBound * gates, lda: gates,
            frame.input(1), ldb: gates, target + part.lowerBound * features, ldc: features,
            accumulate: frame.accumulates[0], workspace: worker(frame))
    }

    /// A tile of `kernelTiles`.
    func kernelGradient(_ frame: Frame, _ tile: Int, _ gradients: UnsafePointer<Float>) {
        weightGradient(frame, 1, tile, kernelRows, gateColumns, frame.input(0), depth: features, gradients, stride: gates)
    }

    /// A tile of what `left` (B·T, depth), transposed, gives with `right` (B·T, its columns), from column `column` of the
    /// gradient of an input on.
    func weightGradient(
        _ frame: Frame, _ input: Int, _ tile: Int, _ rowCut: TileCut, _ columnCut: TileCut, _ left: UnsafePointer<Float>,
        depth: Int, _ right: UnsafePointer<Float>, stride: Int, column: Int = 0
    ) {
        guard let target = frame.inputGradient(input) else { return }
        let part = rowCut.range(tile / columnCut.count), columns = columnCut.range(tile % columnCut.count)
        sgemm(
            transposeA: true, part.count, columns.count, rows, left + part.lowerBound, lda: depth,
            right + columns.lowerBound, ldb: stride, target + part.lowerBound * gates + column + columns.lowerBound, ldc: gates,
            accumulate: frame.accumulates[input], workspace: worker(frame))
    }

    /// The sums of columns of `right` (B·T, `stride`), from a place of the bias's gradient on.
    func biasGradient(_ frame: Frame, at place: Int, columns: Int, _ right: UnsafePointer<Float>, stride: Int) {
        guard let target = frame.inputGradient(shapes.biasInput) else { return }
        if !frame.accumulates[shapes.biasInput] { (target + place).update(repeating: 0, count: columns) }
        // In blocks, so that rounding errors stay small.
        for start in Swift.stride(from: 0, to: rows, by: 512) {
            sumColumns(
                right + start * stride, stride: stride, rows: min(512, rows - start), columns: columns, alpha: 1,
                to: target + place, accumulate: true)
        }
    }
}
