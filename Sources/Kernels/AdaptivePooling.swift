/// Windows along one axis, as many as the output has places: an array of (outer, `input`, inner) gives (outer, `output`, inner).
/// Output i sees the places ⌊i·input / output⌋ up to, not including, ⌈(i + 1)·input / output⌉.
package struct AdaptivePooling: Hashable, Sendable {
    package let kind: PoolKind
    package let input: Int
    package let output: Int
    package let inner: Int

    /// - Parameters:
    ///   - input: at least 1.
    ///   - output: at least 1; products of both are numbers.
    package init(_ kind: PoolKind, input: Int, output: Int, inner: Int) {
        (self.kind, self.input, self.output, self.inner) = (kind, input, output, inner)
    }

    private func window(_ place: Int) -> Range<Int> {
        place * input / output..<((place + 1) * input + output - 1) / output
    }

    /// One outer index.
    package func forward(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        for place in 0..<output {
            let window = window(place)
            let to = y + place * inner
            to.update(from: x + window.lowerBound * inner, count: inner)
            for step in window.dropFirst() {
                let from = x + step * inner
                switch kind {
                case .max: for index in 0..<inner where from[index] > to[index] || from[index].isNaN { to[index] = from[index] }
                case .average: for index in 0..<inner { to[index] += from[index] }
                }
            }
            guard kind == .average else { continue }
            let count = Float(window.count)
            for index in 0..<inner { to[index] /= count }
        }
    }

    /// Adds one outer index's gradient to `dx`; that of a maximum goes to the first of equal ones.
    ///
    /// - Parameter x: read for `max` only.
    package func gradient(_ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, to dx: UnsafeMutablePointer<Float>) {
        for place in 0..<output {
            let window = window(place)
            let from = dy + place * inner
            switch kind {
            case .max:
                for index in 0..<inner {
                    var best = window.lowerBound * inner + index
                    for step in window.dropFirst() {
                        let value = x[step * inner + index]
                        if value > x[best] || (value.isNaN && !x[best].isNaN) { best = step * inner + index }
                    }
                    dx[best] += from[index]
                }
            case .average:
                let count = Float(window.count)
                for step in window {
                    let to = dx + step * inner
                    for index in 0..<inner { to[index] += from[index] / count }
                }
            }
        }
    }
}
