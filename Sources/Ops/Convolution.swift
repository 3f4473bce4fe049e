package import Graphs
package import Kernels
package import Tensors

/// y = activation(x ∗ kernel + bias), over one to three spatial axes, channels last.
///
/// Inputs: x (B, H, W, C), kernel (kH, kW, C / groups, F), bias (F) when `hasBias`; output (B, H′, W′, F). All float32. As
/// everywhere in Keras this is a cross-correlation: the kernel isn't flipped. Filters of group g see the channels of group g.
///
/// Takes in an activation that follows, in training too where the output tells the derivative; in inference also a
/// `ChannelAffine`, whose constant inputs then follow the bias, and the sum with one other array of the output's shape, the last input.
package struct Convolution: Op {
    package var strides: [Int]
    package var padding: WindowPadding
    package var dilation: [Int]
    package var groups: Int
    private var epilogue: Epilogue

    /// - Parameters:
    ///   - strides: one for each spatial axis.
    ///   - dilation: distance of taps, one for each spatial axis; nil: 1.
    package init(
        strides: [Int], padding: WindowPadding, dilation: [Int]? = nil, groups: Int = 1, hasBias: Bool,
        activation: Activation = .linear
    ) {
        self.strides = strides
        self.padding = padding
        self.dilation = dilation ?? strides.map { _ in 1 }
        self.groups = groups
        epilogue = Epilogue(hasBias: hasBias, activation: activation)
    }

    package var name: String { "convolution" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, epilogue.inputCounts)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let (x, kernel) = (inputs[0].shape, inputs[1].shape)
        let spatial = strides.count
        guard (1...3).contains(spatial), dilation.count == spatial, x.rank == spatial + 2, kernel.rank == spatial + 2 else {
            throw LocatedError(
                .mismatch, "convolution.shape",
                "convolution expected an input and a kernel with \(spatial) spatial axes, got \(x) and \(kernel)")
        }
        guard groups > 0, (x[spatial + 1] ?? groups) % groups == 0, (kernel[spatial + 1] ?? groups) % groups == 0 else {
            throw LocatedError(
                .mismatch, "convolution.groups",
                "convolution expected channels and filters in multiples of groups (\(groups)), got \(x) and \(kernel)")
        }
        if let channels = x[spatial + 1], let depth = kernel[spatial], depth != channels / groups {
            throw LocatedError(
                .mismatch, "convolution.shape",
                "convolution expected a kernel of depth \(channels / groups), got \(kernel) for the input \(x)")
        }
        if epilogue.hasBias { try requireVector(name, inputs[2], kernel[spatial + 1], "bias") }
        var dims: [Int?] = [x[0]]
        for axis in 0..<spatial { dims.append(try extent(x, kernel, axis)) }
        try refuseVastPadding(x, kernel)
        return [ValueInfo(PartialShape(dims + [kernel[spatial + 1]]))]
    }

    private func extent(_ x: PartialShape, _ kernel: PartialShape, _ axis: Int) throws(LocatedError) -> Int? {
        guard let input = x[axis + 1], let size = kernel[axis] else { return nil }
        guard let window = window(axis, input: input, kernel: size) else {
            throw LocatedError(
                .mismatch, "convolution.window",
                "convolution expected a window (kernel \(size), stride \(strides[axis]), dilation \(dilation[axis])) that fits into "
                    + "\(input) cells of spatial axis \(axis), got the input \(x)",
                hint: "Give a larger input, or padding \"same\".")
        }
        return window.output
    }

    /// Dilation and padding can ask for copies that are out of proportion to anything in the file.
    private func refuseVastPadding(_ x: PartialShape, _ kernel: PartialShape) throws(LocatedError) {
        var (real, copied) = (1.0, 1.0)
        for axis in strides.indices {
            guard let input = x[axis + 1], let size = kernel[axis], let window = window(axis, input: input, kernel: size)
            else { return }
            real *= Double(input)
            copied *= Double(max(window.span, input + window.kernel * window.dilation))
        }
        let depth = Double(max(x[x.rank - 1] ?? 1, kernel[kernel.rank - 1] ?? 1))
        guard copied * depth <= max(268_435_456, 8 * real * depth) else {
            throw LocatedError(
                .unsupported, "convolution.padding",
                "convolution expected padding in proportion to its input, got \(copied) cells with padding for the input \(x) "
                    + "(kernel \(kernel), dilation \(dilation))")
        }
    }

    private func window(_ axis: Int, input: Int, kernel: Int) -> WindowAxis? {
        WindowAxis(
            input: input, kernel: kernel, stride: strides[axis], dilation: dilation[axis], padding: padding, axis: axis)
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundConvolution(epilogue, geometry(site.inputs[0].shape, site.inputs[1].shape), site, parts: [])
    }

    /// As an op whose x is several arrays: see `JoinedConvolution`.
    func bound(to site: Site, parts: [Int]) -> any BoundOp {
        BoundConvolution(epilogue, geometry(site.inputs[0].shape, site.inputs[1].shape), site, parts: parts)
    }

    func geometry(_ x: Shape, _ kernel: Shape) -> ConvolutionGeometry {
        let spatial = strides.count
        let axes = (0..<spatial).map { axis -> WindowAxis in
            guard let window = window(axis, input: x[axis + 1], kernel: kernel[axis]) else {
                preconditionFailure("the shape rule has accepted this window")
            }
            return window
        }
        return ConvolutionGeometry(
            images: x[0], axes: WindowAxes(axes), channels: x[spatial + 1], filters: kernel[spatial + 1], groups: groups)
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { true }

    /// With windows of one cell.
    package func skipping(inputs: [ValueInfo]) -> Skipping? {
        let none = strides.map { _ in 0 }
        guard strides.contains(where: { $0 > 1 }), [.valid, .same, .explicit(begin: none, end: none)].contains(padding),
            inputs[0].shape.concrete != nil, inputs[1].shape.dims.prefix(strides.count).allSatisfy({ $0 == 1 })
        else { return nil }
        var dense = self
        dense.strides = strides.map { _ in 1 }
        dense.padding = .valid
        return Skipping(strides: strides, op: dense)
    }

    package func thinned(by strides: [Int], inputs: [ValueInfo]) -> Thinned? {
        guard strides.count == self.strides.count, let x = inputs[0].shape.concrete, let kernel = inputs[1].shape.concrete else {
            return nil
        }
        var (thin, begin, end) = (self, [Int](), [Int]())
        for axis in strides.indices {
            guard let window = window(axis, input: x[axis + 1], kernel: kernel[axis]) else { return nil }
            begin.append(window.begin)
            end.append(max(0, window.span - window.input - window.begin))
            thin.strides[axis] *= strides[axis]
        }
        // The padding stays what it was, whatever Keras would make of the new strides.
        thin.padding = .explicit(begin: begin, end: end)
        for axis in strides.indices {
            guard let old = window(axis, input: x[axis + 1], kernel: kernel[axis]),
                thin.window(axis, input: x[axis + 1], kernel: kernel[axis])?.output == (old.output + strides[axis] - 1) / strides[axis]
            else { return nil }
        }
        let rules = [AxisRule.keep] + strides.map { $0 == 1 ? .keep : .slice(step: $0) } + [.keep]
        return Thinned(op: thin, before: epilogue.addend.map { [($0, Rearrange(rules))] } ?? [])
    }

    package func flattened(
        over producer: any Op, at place: Int, parts: [ValueInfo], inputs: [ValueInfo], othersAreConstant: Bool
    ) -> (any Op)? {
        guard place == 0, othersAreConstant, (producer as? Concatenate)?.axis == -1, let x = inputs[0].shape.concrete,
            let kernel = inputs[1].shape.concrete, geometry(x, kernel).forwardAlgorithm(isPrepared: true).winograd != nil,
            parts.allSatisfy({ ($0.shape.dims.last ?? nil).map { $0 > 0 && $0 % 16 == 0 } == true })
        else { return nil }
        return JoinedConvolution(convolution: self, parts: parts.count)
    }

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

struct BoundConvolution: BoundOp {
    let epilogue: Epilogue
    /// Channels of the arrays that x is, when those are several; then they are computed by Winograd, and lie before input 0, which is the last of them.
    let parts: [Int]
    let geometry: ConvolutionGeometry
    let algorithm: String?
    let bands: ConvolutionBands
    let winograd: WinogradStages?
    /// The kernel is packed once for each version of the weights, or else in a stage of its own.
    let isPackedBeforehand: Bool
    /// Units are parts of the filters of bands of images, image by image; a tile of forward is a few of them.
    let units: TileCut
    let columns: TileCut
    let backward: ConvolutionBackward?

    init(_ epilogue: Epilogue, _ geometry: ConvolutionGeometry, _ site: Site, parts: [Int]) {
        self.epilogue = epilogue
        self.parts = parts
        self.geometry = geometry
        bands = ConvolutionBands(geometry)
        isPackedBeforehand =
            site.phase == .inference
            && site.constantInputs.indices.allSatisfy { $0 == 0 || $0 == epilogue.addend || site.constantInputs[$0] }
        var choice = geometry.forwardAlgorithm(isPrepared: isPackedBeforehand)
        if parts.count > 1 && choice.winograd == nil { choice = (.winograd, WinogradConvolution(geometry)) }
        algorithm = choice.algorithm.rawValue
        winograd = choice.winograd.map { WinogradStages($0, isStaged: choice.algorithm != .winograd) }
        columns = TileCut(geometry.filters, step: bands.columnStep)
        let unitsOfImage = bands.bandCount * columns.count
        units = TileCut(geometry.images * unitsOfImage, step: unitsPerTile(geometry.cost, unitsOfImage))
        backward =
            site.phase == .training ? ConvolutionBackward(epilogue, geometry, bands, wants: site.wantsGradient) : nil
    }

    var cost: Double { Double(geometry.images) * geometry.cost }

    private var packedCount: Int { winograd?.plan.packedCount ?? bands.packedCount }
    private var panels: Int { winograd?.plan.panels ?? bands.panels }

    /// The packed kernel; after it scale and shift, when something is folded.
    private var packedBytes: Int {
        alignedBytes(packedCount * 4) + (epilogue.affine == nil ? 0 : 2 * geometry.filters * 4)
    }
    private var packingBytes: Int { (winograd?.plan.packingCount ?? 0) * 4 }

    var memory: WorkingMemory {
        let packed = isPackedBeforehand ? 0 : alignedBytes(packedBytes)
        return WorkingMemory(
            prepared: isPackedBeforehand ? packedBytes : 0,
            forwardScratch: packed + (winograd?.scratchBytes ?? 0), backwardScratch: backward?.scratchBytes ?? 0,
            workerScratch: max(
                winograd?.workerBytes ?? bands.bufferCount * 4, packingBytes, backward?.workerBytes ?? 0))
    }

    var retained: Retained { backward?.retained ?? Retained() }
    var inPlaceInputs: [Int] { epilogue.addend.map { [$0] } ?? [] }

    private func packed(_ area: UnsafeMutableRawPointer) -> (
        kernel: UnsafeMutablePointer<Float>, scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>
    ) {
        let scale = (area + alignedBytes(packedCount * 4)).assumingMemoryBound(to: Float.self)
        return (area.assumingMemoryBound(to: Float.self), scale, scale + geometry.filters)
    }

    func prepare(_ frame: Frame) {
        guard isPackedBeforehand else { return }
        pack(frame, into: frame.prepared, 0..<panels)
    }

    private func pack(_ frame: Frame, into area: UnsafeMutableRawPointer, _ range: Range<Int>) {
        let (kernel, scale, shift) = packed(area)
        if epilogue.affine != nil { epilogue.fold(frame, channels: geometry.filters, scale: scale, shift: shift) }
        let factors = epilogue.affine == nil ? nil : UnsafePointer(scale)
        for panel in range {
            if let winograd {
                winograd.plan.pack(
                    frame.input(1), panel: panel, scale: factors, into: kernel,
                    buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
            } else {
                bands.pack(frame.input(1), panel: panel, scale: factors, into: kernel)
            }
        }
    }

    /// Panels are packed one a tile, unless scale and shift come first.
    private var packingTiles: Int { epilogue.affine == nil ? panels : 1 }

    var forwardStages: [Int] { (isPackedBeforehand ? [] : [packingTiles]) + (winograd?.stages ?? [units.count]) }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if !isPackedBeforehand && stage == 0 {
            return pack(frame, into: frame.scratch, packingTiles == 1 ? 0..<panels : tile..<tile + 1)
        }
        let (kernel, bias) = kernelAndBias(frame)
        if let winograd {
            let activation = ProductActivation(epilogue.activation)
            let addend = epilogue.addend.map { frame.input($0) }
            return winograd.run(
                stage: isPackedBeforehand ? stage : stage - 1, tile: tile, source(frame), packed: kernel,
                WinogradConvolution.Finish(bias: bias, residual: addend, activation: activation), to: frame.output(),
                scratch: isPackedBeforehand ? frame.scratch : frame.scratch + alignedBytes(packedBytes),
                workerScratch: frame.workerScratch
            ) { if activation == .none { epilogue.activateInPlace(frame.output() + $0, count: $1) } }
        }
        for unit in units.range(tile) {
            let (band, part) = (unit / columns.count, unit % columns.count)
            direct(
                frame, packed: kernel, bias: bias, image: band / bands.bandCount, planes: bands.planes(band % bands.bandCount),
                filters: columns.count > 1 ? columns.range(part) : nil)
        }
    }

    private func source(_ frame: Frame) -> WinogradConvolution.Source {
        parts.count > 1 ? .parts(frame.inputs + 1 - parts.count, channels: parts) : .whole(frame.input(0))
    }

    /// As they were packed, and folded.
    private func kernelAndBias(_ frame: Frame) -> (kernel: UnsafePointer<Float>, bias: UnsafePointer<Float>?) {
        let (kernel, _, shift) = packed(isPackedBeforehand ? frame.prepared : frame.scratch)
        return (UnsafePointer(kernel), epilogue.affine != nil ? UnsafePointer(shift) : epilogue.hasBias ? frame.input(2) : nil)
    }

    /// Output planes of an image, computed directly.
    private func direct(
        _ frame: Frame, packed kernel: UnsafePointer<Float>, bias: UnsafePointer<Float>?, image: Int, planes: Range<Int>,
        filters: Range<Int>?
    ) {
        let activation = ProductActivation(epilogue.activation)
        let planeCount = geometry.outputCount / max(1, geometry.axes.first.output)
        let start = image * geometry.outputCount + planes.lowerBound * planeCount
        let y = frame.output() + start
        // Added to where it is, or where it is brought.
        let addend = epilogue.addend.map { frame.input($0) }
        if let addend, addend != UnsafePointer(frame.output()) {
            forEachRun(planes.count * planeCount, filters) { (y + $0).update(from: addend + start + $0, count: $1) }
        }
        bands.forward(
            frame.input(0) + image * geometry.inputCount, packed: kernel, bias: bias, planes: planes, columns: filters,
            activation: activation, accumulate: addend != nil, to: y,
            buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
        if activation == .none {
            forEachRun(planes.count * planeCount, filters) { epilogue.activateInPlace(y + $0, count: $1) }
        }
    }

    /// Calls `body` with the runs of `count` elements that some of the filters are, or all of them (nil).
    private func forEachRun(_ count: Int, _ columns: Range<Int>?, _ body: (_ start: Int, _ count: Int) -> Void) {
        guard let columns else { return body(0, count) }
        for cell in stride(from: 0, to: count, by: geometry.filters) { body(cell + columns.lowerBound, columns.count) }
    }

    var backwardStages: [Int] { backward?.stages ?? [] }

    func backward(_ frame: Frame, stage: Int, tile: Int) { backward?.run(frame, stage, tile) }
}

/// So many bands that a tile takes some 5 million operations, when an image takes less.
func unitsPerTile(_ imageCost: Double, _ bands: Int) -> Int {
    bands > 1 ? 1 : Int(max(1, min(64, 5e6 / max(1, imageCost))))
}

extension BoundConvolution: RowWise {
    var rowWise: (any RowWise)? {
        winograd == nil && backward == nil && isPackedBeforehand && geometry.images == 1 && bands.bandSize > 0 ? self : nil
    }

    func rowsRead(for rows: Range<Int>) -> Range<Int> {
        let first = geometry.axes.first
        let start = rows.lowerBound * first.stride - first.begin
        let end = (rows.upperBound - 1) * first.stride - first.begin + (first.kernel - 1) * first.dilation + 1
        // A window may lie in the padding altogether.
        let low = min(max(0, start), max(0, first.input - 1))
        return low..<max(low + min(1, first.input), min(first.input, end))
    }

    func forward(_ frame: Frame, rows: Range<Int>) {
        let (kernel, bias) = kernelAndBias(frame)
        for start in stride(from: rows.lowerBound, to: rows.upperBound, by: bands.bandSize) {
            direct(
                frame, packed: kernel, bias: bias, image: 0, planes: start..<min(rows.upperBound, start + bands.bandSize), filters: nil)
        }
    }
}
