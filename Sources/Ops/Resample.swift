package import Graphs
import Kernels
package import Tensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One axis of an image in another size, float32: weighted sums of neighbours, with the weights of TensorFlow's `tf.image.resize`
/// (half-pixel centres). An image is resized by one `Resample` for its rows and one for its columns.
package struct Resample: Op {
    package enum Method: String, Hashable, Sendable, CaseIterable {
        case nearest, bilinear, bicubic, lanczos3, lanczos5, area, gaussian, mitchellcubic
    }

    /// Negative counts from the end.
    package var axis: Int
    package var size: Int
    package var method: Method
    /// Widens the kernel when the image shrinks.
    package var antialiases: Bool

    package init(axis: Int, to size: Int, _ method: Method, antialiasing: Bool = false) {
        self.axis = axis
        self.size = size
        self.method = method
        antialiases = antialiasing
    }

    package var name: String { "resample" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        var shape = inputs[0].shape
        let axis = try resolve(name, axis: axis, rank: shape.rank)
        guard (1..<1 << 31).contains(size), shape[axis] != 0 else {
            throw mismatch(name, expected: "extents of at least 1", got: "\(size) from the shape \(shape)")
        }
        shape[axis] = size
        guard shape.concrete == nil || shape.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(shape)")
        }
        return [ValueInfo(shape)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundResample(view, size, Self.weights(method, antialiases, from: view.extent, to: size))
    }

    /// For each place of the result: where its neighbours begin, and their weights.
    static func weights(_ method: Method, _ antialiases: Bool, from input: Int, to output: Int) -> [(first: Int, weights: [Float])] {
        let scale = Float(input) / Float(output)
        return (0..<output).map { place in
            let centre = (Float(place) + 0.5) * scale
            switch method {
            case .nearest: return (min(Int(centre.rounded(.down)), input - 1), [1])
            case .bilinear where !antialiases:
                let low = (centre - 0.5).rounded(.down), part = centre - 0.5 - low
                let first = max(Int(low), 0), second = min(Int(low) + 1, input - 1)
                return second == first ? (first, [1]) : (first, [1 - part, part])
            case .bicubic where !antialiases: return cubic(centre - 0.5, input)
            case .area: return area(Float(place) * scale, Float(place + 1) * scale, input)
            case .bilinear: return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 1) { max(0, 1 - $0) }
            case .bicubic:
                return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 2) { x in
                    x >= 2 ? 0 : x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : ((1.5 * x - 2.5) * x) * x + 1
                }
            case .lanczos3: return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 3) { lanczos($0, 3) }
            case .lanczos5: return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 5) { lanczos($0, 5) }
            case .gaussian:
                return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 1.5) { x in
                    x >= 1.5 ? 0 : exp(-x * x / (2 * 0.5 * 0.5))
                }
            case .mitchellcubic:
                return span(centre, antialiases ? max(scale, 1) : 1, input, radius: 2) { x in
                    x >= 2
                        ? 0
                        : x >= 1
                            ? (((-7 / 18) * x + 2) * x - 10 / 3) * x + 16 / 9
                            : (((7 / 6) * x - 2) * x) * x + 8 / 9
                }
            }
        }
    }

    private static func lanczos(_ x: Float, _ radius: Float) -> Float {
        if x > radius { return 0 }
        if x <= 1e-3 { return 1 }
        return radius * sin(.pi * x) * sin(.pi * x / radius) / (.pi * .pi * x * x)
    }

    /// TensorFlow's ScaleAndTranslate: the kernel's values at the neighbours, made to sum to 1.
    private static func span(
        _ centre: Float, _ kernelScale: Float, _ input: Int, radius: Float, _ kernel: (Float) -> Float
    ) -> (first: Int, weights: [Float]) {
        let first = min(max(Int((centre - radius * kernelScale - 0.5).rounded(.up)), 0), input - 1)
        let last = min(max(Int((centre + radius * kernelScale - 0.5).rounded(.down)), 0), input - 1)
        let weights = (first...max(first, last)).map { kernel(abs((Float($0) + 0.5 - centre) / kernelScale)) }
        let total = weights.reduce(0, +)
        return (first, abs(total) >= 1000 * Float.leastNormalMagnitude ? weights.map { $0 * (1 / total) } : weights)
    }

    /// TensorFlow's ResizeBicubic: Keys's kernel (A = -1/2) read from a table of 1024 steps; neighbours outside don't count.
    private static func cubic(_ place: Float, _ input: Int) -> (first: Int, weights: [Float]) {
        let low = Int(place.rounded(.down)), steps: Float = 1024
        let offset = ((place - Float(low)) * steps).rounded(.toNearestOrEven)
        func near(_ x: Float) -> Float { ((1.5 * x - 2.5) * x) * x + 1 }
        func far(_ x: Float) -> Float { ((-0.5 * x + 2.5) * x - 4) * x + 2 }
        let all = [
            far(offset / steps + 1), near(offset / steps), near((steps - offset) / steps), far((steps - offset) / steps + 1),
        ]
        let inside = (0..<4).filter { (0..<input).contains(low - 1 + $0) }
        let total = inside.reduce(0) { $0 + all[$1] }
        let isNormal = abs(total) >= 1000 * Float.leastNormalMagnitude
        return (low - 1 + inside[0], inside.map { isNormal ? all[$0] / total : all[$0] })
    }

    /// TensorFlow's ResizeArea: each neighbour counts for as much of it as is covered.
    private static func area(_ from: Float, _ to: Float, _ input: Int) -> (first: Int, weights: [Float]) {
        let first = min(Int(from.rounded(.down)), input - 1), last = min(max(Int(to.rounded(.up)), first + 1), input)
        return (
            first,
            (first..<last).map { place in
                let low = max(from, Float(place)), high = min(to, Float(place + 1))
                return max(0, high - low) / (to - from)
            }
        )
    }
}

private struct BoundResample: BoundOp {
    let view: AxisView
    let size: Int
    let firsts: [Int]
    /// Where each place's weights begin; the weights.
    let starts: [Int]
    let weights: [Float]
    let rows: TileCut

    init(_ view: AxisView, _ size: Int, _ spans: [(first: Int, weights: [Float])]) {
        self.view = view
        self.size = size
        firsts = spans.map(\.first)
        var starts = [0]
        for span in spans { starts.append(starts[starts.count - 1] + span.weights.count) }
        self.starts = starts
        weights = spans.flatMap(\.weights)
        rows = TileCut(view.outer, nanosecondsPerUnit: 0.4 * Double(weights.count * view.inner) + 10)
    }

    var cost: Double { 2 * Double(view.outer * view.inner) * Double(weights.count) }

    var forwardStages: [Int] { [view.inner == 0 ? 0 : rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let inner = view.inner
        for row in rows.range(tile) {
            let x = frame.input(0) + row * view.extent * inner, y = frame.output() + row * size * inner
            for place in 0..<size {
                let target = y + place * inner
                for index in starts[place]..<starts[place + 1] {
                    transfer(
                        x + (firsts[place] + index - starts[place]) * inner, to: target, count: inner, alpha: weights[index],
                        accumulate: index > starts[place])
                }
            }
        }
    }

    var backwardStages: [Int] { [view.inner == 0 ? 0 : rows.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let inner = view.inner, range = rows.range(tile)
        frame.noGradient(0, range.lowerBound * view.extent * inner..<range.upperBound * view.extent * inner)
        guard let gradient = frame.outputGradient() else { return }
        for row in range {
            let dx = target + row * view.extent * inner, dy = gradient + row * size * inner
            for place in 0..<size {
                for index in starts[place]..<starts[place + 1] {
                    transfer(
                        dy + place * inner, to: dx + (firsts[place] + index - starts[place]) * inner, count: inner,
                        alpha: weights[index], accumulate: true)
                }
            }
        }
    }
}
