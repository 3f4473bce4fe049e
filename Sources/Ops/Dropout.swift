package import Graphs
import Kernels
package import Tensors

/// Inverted dropout, for training graphs only: each element is 0 with probability `rate`, else x / (1 − rate).
///
/// The mask is a function of the run's seed, the step and `stream` (Philox4x32-10), whatever the tiles and threads. Without a
/// noise shape backward makes it anew instead of keeping it.
package struct Dropout: Op {
    /// From 0 (nothing is dropped) to 1 (everything is).
    package var rate: Float
    /// The shape of the mask, broadcast to x: extents of 1, or x's where unknown. nil is x's shape.
    package var noiseShape: PartialShape?
    /// Tells this place of the model from others.
    package var stream: UInt64

    package init(rate: Float, noiseShape: PartialShape? = nil, stream: UInt64) {
        self.rate = rate
        self.noiseShape = noiseShape
        self.stream = stream
    }

    package var name: String { "dropout" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        guard rate >= 0 && rate <= 1 else {
            throw mismatch(name, "rate", expected: "a rate from 0 to 1", got: "\(rate)")
        }
        if let noiseShape {
            let shape = inputs[0].shape
            let fits =
                noiseShape.rank == shape.rank
                && zip(noiseShape.dims, shape.dims).allSatisfy { $0 == nil || $0 == 1 || $1 == nil || $0 == $1 }
            guard fits else {
                throw mismatch(name, expected: "a noise shape that broadcasts to \(shape)", got: "\(noiseShape)")
            }
        }
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        let noise = noiseShape.map { noise in Shape(zip(noise.dims, shape.dims).map { $0 ?? $1 }) } ?? shape
        return noise.count == shape.count
            ? BoundDropout(
                rate: rate, stream: stream, elements: TileCut(elements: shape.count, nanoseconds: 1.5))
            : BoundBroadcastDropout(rate, stream, shape, noise)
    }
}

/// What is kept is multiplied by this; at a rate of 1 nothing is.
private func keptScale(_ rate: Float) -> Float { rate < 1 ? 1 / (1 - rate) : 0 }

private struct BoundDropout: BoundOp {
    let rate: Float
    let stream: UInt64
    let elements: TileCut

    var cost: Double { Double(elements.extent) * 10 }
    var inPlaceInputs: [Int] { [0] }

    private func apply(
        _ frame: Frame, _ tile: Int, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, accumulate: Bool
    ) {
        let range = elements.range(tile), start = range.lowerBound
        RandomStream(seed: frame.seed, step: frame.step, stream: stream).dropout(
            first: start, rate: rate, scale: keptScale(rate), x + start, to: y + start, count: range.count,
            accumulate: accumulate)
    }

    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        apply(frame, tile, frame.input(0), to: frame.output(), accumulate: false)
    }

    var backwardStages: [Int] { [elements.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        guard let gradient = frame.outputGradient() else { return frame.noGradient(0, elements.range(tile)) }
        apply(frame, tile, gradient, to: target, accumulate: frame.accumulates[0])
    }
}

/// With a mask smaller than x, which is kept for backward.
private struct BoundBroadcastDropout: BoundOp {
    let rate: Float
    let stream: UInt64
    let count: Int
    let noise: TileCut
    let walk: PairWalk

    init(_ rate: Float, _ stream: UInt64, _ shape: Shape, _ noise: Shape) {
        self.rate = rate
        self.stream = stream
        self.count = shape.count
        self.noise = TileCut(elements: noise.count, nanoseconds: 1.5)
        self.walk = PairWalk(result: shape, left: shape, right: noise)
    }

    var memory: WorkingMemory { WorkingMemory(saved: noise.extent * 4) }
    var cost: Double { Double(count) }
    var inPlaceInputs: [Int] { [0] }

    var forwardStages: [Int] { [noise.count, walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let mask = frame.saved.assumingMemoryBound(to: Float.self)
        if stage == 0 {
            let range = noise.range(tile)
            return RandomStream(seed: frame.seed, step: frame.step, stream: stream).dropoutMask(
                first: range.lowerBound, rate: rate, scale: keptScale(rate), to: mask + range.lowerBound,
                count: range.count)
        }
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        walk.forEachBlock(of: tile) { block in
            binary(
                .multiply, RowOperand(frame.input(0) + block.left, row: l.row, column: l.column),
                RowOperand(mask + block.right, row: r.row, column: r.column), to: frame.output() + block.result,
                row: walk.row, rows: block.rows, columns: block.columns)
        }
    }

    var backwardStages: [Int] { [walk.tiles] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(0, 0..<count) }
            return
        }
        let mask = UnsafePointer(frame.saved.assumingMemoryBound(to: Float.self))
        let r = walk.rightSteps
        walk.forEachBlock(of: tile) { block in
            let factor = RowOperand(mask + block.right, row: r.row, column: r.column)
            binaryGradient(
                .multiply, second: false, gradient: gradient + block.result, factor, factor, to: target + block.result,
                row: walk.row, rows: block.rows, columns: block.columns, accumulate: frame.accumulates[0])
        }
    }
}
