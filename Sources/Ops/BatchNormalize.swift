package import Graphs
import Kernels
package import Tensors

/// y = gamma·(x − mean) / √(variance + epsilon) + beta by channel, with given statistics: batch normalization in inference,
/// or frozen in training.
///
/// Inputs: x, gamma (with `scale`), beta (with `center`), mean, variance; all but x of shape (channels,). All of them get
/// gradients if wanted.
package struct BatchNormalize: ChannelAffine {
    /// The axis of the channels; -1 (counted from the end) is what a product in front can take in.
    package var axis: Int
    package var epsilon: Float
    package var scale: Bool
    package var center: Bool

    package init(axis: Int = -1, epsilon: Float, scale: Bool = true, center: Bool = true) {
        self.axis = axis
        self.epsilon = epsilon
        self.scale = scale
        self.center = center
    }

    package var name: String { "batch_normalize" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        [ValueInfo(try normalizedShape(name, inputs, axis: axis, scale: scale, center: center).shape)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBatchNormalize(self, site) }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { axis == -1 && inputs[0].shape.rank > 1 }

    package func isChannelAffine(others: [ValueInfo]) -> Bool { axis == -1 }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard phase == .inference, axis == -1, let consumer = consumer as? any ElementwiseActivation else { return nil }
        return AffineConcatenate(affine: self, affineInputs: 2 + (scale ? 1 : 0) + (center ? 1 : 0), activation: consumer.activation)
    }

    package func channelAffine(
        others: UnsafePointer<UnsafeMutableRawPointer>, channels: Int, scale factor: UnsafeMutablePointer<Float>,
        shift: UnsafeMutablePointer<Float>
    ) {
        func vector(_ index: Int) -> UnsafePointer<Float> {
            UnsafePointer(others[index].assumingMemoryBound(to: Float.self))
        }
        let gamma = scale ? vector(0) : nil
        let beta = center ? vector(scale ? 1 : 0) : nil
        let statistics = (scale ? 1 : 0) + (center ? 1 : 0)
        let mean = vector(statistics), variance = vector(statistics + 1)
        for channel in 0..<channels {
            let inverse = 1 / (variance[channel] + epsilon).squareRoot()
            let slope = gamma.map { $0[channel] * inverse } ?? inverse
            factor[channel] = slope
            shift[channel] = (beta?[channel] ?? 0) - mean[channel] * slope
        }
    }
}

/// The shape rule of both batch normalizations: the output's shape, and the number of channels as far as it is known.
func normalizedShape(
    _ op: String, _ inputs: [ValueInfo], axis: Int, scale: Bool, center: Bool
) throws(LocatedError) -> (shape: PartialShape, channels: Int?) {
    let count = 3 + (scale ? 1 : 0) + (center ? 1 : 0)
    try requireInputs(op, inputs, count...count)
    for input in inputs { try require(op, input, is: .float32, "inputs") }
    var shape = inputs[0].shape
    let place = try resolve(op, axis: axis, rank: shape.rank)
    var channels = shape[place]
    for input in inputs.dropFirst() {
        guard input.shape.rank == 1, channels == nil || input.shape[0] == nil || input.shape[0] == channels else {
            throw mismatch(
                op, expected: "parameters of shape \(PartialShape([channels])) for axis \(axis) of \(inputs[0].shape)",
                got: "\(input.shape)")
        }
        channels = channels ?? input.shape[0]
    }
    shape[place] = channels
    return (shape, channels)
}

extension ChannelLayout {
    init(_ shape: Shape, axis: Int) {
        let view = AxisView(shape, axis: axis)
        self.init(outer: view.outer, channels: view.extent, run: view.inner)
    }
}

private struct BoundBatchNormalize: BoundOp {
    let op: BatchNormalize
    let layout: ChannelLayout
    let tiles: TileCut
    /// Where scale and shift are: folded beforehand, or by forward, for itself or for backward too.
    let place: Place
    let wants: [Bool]
    /// Σ dy and Σ dy·(x − mean), wanted for the parameters.
    let needsSums: Bool

    enum Place { case prepared, scratch, saved }

    init(_ op: BatchNormalize, _ site: Site) {
        self.op = op
        layout = ChannelLayout(site.inputs[0].shape, axis: op.axis)
        tiles = TileCut(layout.outer, nanosecondsPerUnit: 0.2 * Double(layout.row))
        place =
            site.phase == .training
            ? .saved : site.constantInputs.dropFirst().allSatisfy(\.self) ? .prepared : .scratch
        wants = site.wantsGradient
        needsSums = wants.dropFirst().contains(true)
    }

    private var meanInput: Int { 1 + (op.scale ? 1 : 0) + (op.center ? 1 : 0) }
    private var channels: Int { layout.channels }
    /// Floats of one vector by channel, so that the next one is aligned.
    private var pitch: Int { (channels + 15) / 16 * 16 }

    var memory: WorkingMemory {
        let vectors = 2 * pitch * 4
        return WorkingMemory(
            saved: place == .saved ? vectors : 0, prepared: place == .prepared ? vectors : 0,
            forwardScratch: place == .scratch ? vectors : 0,
            backwardScratch: needsSums ? 2 * pitch * tiles.count * 4 : 0)
    }
    var cost: Double { Double(layout.outer * layout.row) }
    // Backward reads x only for the parameters' sake.
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained {
        guard needsSums else { return Retained() }
        return Retained(inputs: [0] + (op.scale ? [1] : []) + [meanInput, meanInput + 1])
    }

    private func vectors(_ frame: Frame) -> (scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>) {
        let area =
            switch place {
            case .prepared: frame.prepared
            case .scratch: frame.scratch
            case .saved: frame.saved
            }
        let start = area.assumingMemoryBound(to: Float.self)
        return (start, start + pitch)
    }

    private func fold(_ frame: Frame) {
        let (scale, shift) = vectors(frame)
        op.channelAffine(others: frame.inputs + 1, channels: channels, scale: scale, shift: shift)
    }

    func prepare(_ frame: Frame) { if place == .prepared { fold(frame) } }

    var forwardStages: [Int] { place == .prepared ? [tiles.count] : [1, tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 0 && place != .prepared { return fold(frame) }
        let (scale, shift) = vectors(frame)
        layout.affine(frame.input(0), scale: scale, shift: shift, rows: tiles.range(tile), to: frame.output())
    }

    var backwardStages: [Int] { needsSums ? [tiles.count, 1] : [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 1 { return finish(frame) }
        let rows = tiles.range(tile)
        let elements = rows.lowerBound * layout.row..<rows.upperBound * layout.row
        guard let gradient = frame.outputGradient() else { return frame.noGradient(0, elements) }
        if let target = frame.inputGradient(0) {
            let scale = vectors(frame).scale
            if frame.accumulates[0] {
                layout.addScaled(gradient, scale: scale, rows: rows, to: target)
            } else {
                layout.scale(gradient, by: scale, rows: rows, to: target)
            }
        }
        if needsSums {
            let sums = frame.scratch.assumingMemoryBound(to: Float.self) + 2 * pitch * tile
            layout.gradientSums(
                frame.input(0), gradient, mean: frame.input(meanInput), rows: rows, sum: sums, product: sums + pitch)
        }
    }

    /// The parameters' gradients from the tiles' sums, in order.
    private func finish(_ frame: Frame) {
        let isSilent = frame.outputGradient() == nil
        let partial = frame.scratch.assumingMemoryBound(to: Float.self)
        let variance = frame.input(meanInput + 1)
        let scale = vectors(frame).scale
        func put(_ input: Int, _ channel: Int, _ value: Double) {
            guard let target = frame.inputGradient(input) else { return }
            target[channel] = frame.accumulates[input] ? target[channel] + Float(value) : Float(value)
        }
        for channel in 0..<channels {
            var sum = 0.0, product = 0.0
            if !isSilent {
                for tile in 0..<tiles.count {
                    sum += Double(partial[2 * pitch * tile + channel])
                    product += Double(partial[2 * pitch * tile + pitch + channel])
                }
            }
            let inverse = 1 / Double(variance[channel] + op.epsilon).squareRoot()
            if op.scale { put(1, channel, product * inverse) }
            if op.center { put(op.scale ? 2 : 1, channel, sum) }
            put(meanInput, channel, -sum * Double(scale[channel]))
            put(meanInput + 1, channel, -0.5 * product * Double(scale[channel]) * inverse * inverse)
        }
    }
}
