package import Graphs
package import Tensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Random numbers that take several of a generator's: each has a stream of its own, so that tiles and threads make no difference.
/// The input's elements aren't read, but for the parameter of a distribution that takes one. No gradient passes through.
package struct RandomDraw: Op {
    package enum Distribution: Hashable, Sendable {
        /// Each of 0 to n - 1 once, in any order, n the input's first extent; int32.
        case permutation
        /// Beta(a, a), a the second input (a scalar); one for each of the input's first axis.
        case beta
        /// Gamma(shape, 1), of so many numbers.
        case gamma(shape: Float, count: Int)
    }

    package var distribution: Distribution
    package var stream: UInt64

    package init(_ distribution: Distribution, stream: UInt64) {
        self.distribution = distribution
        self.stream = stream
    }

    package var name: String { "random_draw" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, distribution == .beta ? 2...2 : 1...1)
        guard inputs[0].shape.rank > 0 else { throw mismatch(name, expected: "an input with a batch axis", got: "\(inputs[0].shape)") }
        switch distribution {
        case .permutation: return [ValueInfo([inputs[0].shape[0]], .int32)]
        case .beta:
            try require(name, inputs[1], is: .float32, "parameter")
            return [ValueInfo([inputs[0].shape[0]])]
        case .gamma(_, let count): return [ValueInfo([count])]
        }
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundRandomDraw(distribution: distribution, stream: stream, count: site.outputs[0].shape.count)
    }
}

private struct BoundRandomDraw: BoundOp {
    let distribution: RandomDraw.Distribution
    let stream: UInt64
    let count: Int

    var cost: Double { 200 * Double(count) }
    var forwardStages: [Int] { [1] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        func random(_ place: Int) -> Tensors.RandomStream {
            Tensors.RandomStream(
                seed: frame.seed &+ frame.step &* 0x9e37_79b9_7f4a_7c15, stream: stream &* 0x1_0000_0001 &+ UInt64(place) << 20)
        }
        switch distribution {
        case .permutation:
            let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
            var source = random(0)
            for place in 0..<count { output[place] = Int32(truncatingIfNeeded: place) }
            for place in stride(from: count - 1, to: 0, by: -1) {
                let other = min(Int(source.uniformDouble() * Double(place + 1)), place)
                if other != place { (output[place], output[other]) = (output[other], output[place]) }
            }
        case .beta:
            let a = Double(frame.input(1)[0])
            for place in 0..<count {
                var source = random(place)
                let (x, y) = (Self.gamma(a, &source), Self.gamma(a, &source))
                // Both may be too small to be told from 0: then all the weight is on one side.
                frame.output()[place] = x + y > 0 ? Float(x / (x + y)) : source.uniform() < 0.5 ? 0 : 1
            }
        case .gamma(let shape, _):
            for place in 0..<count {
                var source = random(place)
                frame.output()[place] = Float(Self.gamma(Double(shape), &source))
            }
        }
    }

    /// Marsaglia and Tsang (2000); below 1 by a power of a uniform number.
    private static func gamma(_ shape: Double, _ random: inout Tensors.RandomStream) -> Double {
        if shape < 1 {
            let base = gamma(shape + 1, &random)
            return base * pow(max(random.uniformDouble(), 1e-300), 1 / max(shape, 1e-12))
        }
        let d = shape - 1 / 3.0, c = 1 / (9 * d).squareRoot()
        for _ in 0..<1000 {
            let x = random.normal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            if log(max(random.uniformDouble(), 1e-300)) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
        return d
    }
}
