package import Graphs
import Kernels
package import Tensors

/// Random numbers in the shape of the input, whose elements aren't read. No gradient passes through.
///
/// A number is a function of the run's seed, the step, `stream` and its place (Philox4x32-10), whatever the tiles and threads.
package struct RandomFill: Op {
    package enum Distribution: Hashable, Sendable {
        case normal(mean: Float, stddev: Float)
        /// From `low` to below `high`.
        case uniform(low: Float, high: Float)
        /// 0 with this probability, else 1.
        case keep(dropping: Float)
    }

    package var distribution: Distribution
    /// Tells this place of the model from others.
    package var stream: UInt64
    /// Another shape than the input's: its extents where unknown.
    package var shape: PartialShape?

    package init(_ distribution: Distribution, stream: UInt64, shape: PartialShape? = nil) {
        self.distribution = distribution
        self.stream = stream
        self.shape = shape
    }

    package var name: String { "random" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        guard let shape else { return [ValueInfo(inputs[0].shape)] }
        let input = inputs[0].shape
        guard shape.rank == input.rank || !shape.dims.contains(nil) else {
            throw mismatch(name, expected: "a shape of \(input.rank) axes", got: "\(shape)")
        }
        return [ValueInfo(PartialShape(shape.dims.enumerated().map { $1 ?? input[$0] }))]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundRandomFill(
            distribution: distribution, stream: stream,
            elements: TileCut(elements: site.outputs[0].shape.count, nanoseconds: 2))
    }
}

private struct BoundRandomFill: BoundOp {
    let distribution: RandomFill.Distribution
    let stream: UInt64
    let elements: TileCut

    var cost: Double { Double(elements.extent) * 10 }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile), start = range.lowerBound
        let random = RandomStream(seed: frame.seed, step: frame.step, stream: stream)
        let output = frame.output() + start
        switch distribution {
        case .normal(let mean, let stddev):
            random.normal(first: start, mean: mean, stddev: stddev, to: output, count: range.count)
        case .uniform(let low, let high): random.uniform(first: start, low: low, high: high, to: output, count: range.count)
        case .keep(let rate): random.dropoutMask(first: start, rate: rate, scale: 1, to: output, count: range.count)
        }
    }
}
