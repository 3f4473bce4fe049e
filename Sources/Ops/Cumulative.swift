package import Graphs
import Kernels
package import Tensors

/// The running sum, product, maximum or minimum along an axis; float32 or int32.
///
/// Gradients as TensorFlow's: a product's is Σ product·gradient behind the element, over the element, and 0 where that is 0. The
/// gradient of a running maximum goes to the element that made it, the first of equals.
package struct Cumulative: Op {
    package enum Kind: String, Hashable, Sendable { case sum, product, max, min }

    package var kind: Kind
    /// Negative counts from the end.
    package var axis: Int

    package init(_ kind: Kind, axis: Int) {
        self.kind = kind
        self.axis = axis
    }

    package var name: String { "cumulative_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        if inputs[0].dtype != .int32 { try require(name, inputs[0], is: .float32) }
        _ = try resolve(name, axis: axis, rank: inputs[0].shape.rank)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundCumulative(
            kind: kind, isInteger: site.inputs[0].dtype == .int32, view: view,
            rows: TileCut(view.outer, nanosecondsPerUnit: Double(view.extent * view.inner) + 5))
    }
}

private struct BoundCumulative: BoundOp {
    let kind: Cumulative.Kind
    let isInteger: Bool
    let view: AxisView
    let rows: TileCut

    var cost: Double { Double(view.outer * view.extent * view.inner) }
    var retained: Retained {
        switch kind {
        case .sum: Retained()
        case .product, .max, .min: Retained(inputs: [0], outputs: [0])
        }
    }

    var forwardStages: [Int] { [view.extent == 0 ? 0 : rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch (kind, isInteger) {
        case (.sum, true): run(frame, tile, Int32.self) { $0 &+ $1 }
        case (.product, true): run(frame, tile, Int32.self) { $0 &* $1 }
        case (.max, true): run(frame, tile, Int32.self) { $1 > $0 ? $1 : $0 }
        case (.min, true): run(frame, tile, Int32.self) { $1 < $0 ? $1 : $0 }
        case (.sum, false): run(frame, tile, Float.self) { $0 + $1 }
        case (.product, false): run(frame, tile, Float.self) { $0 * $1 }
        case (.max, false): run(frame, tile, Float.self) { $1 > $0 || $1.isNaN ? $1 : $0 }
        case (.min, false): run(frame, tile, Float.self) { $1 < $0 || $1.isNaN ? $1 : $0 }
        }
    }

    @inline(__always) private func run<Element: BitwiseCopyable>(
        _ frame: Frame, _ tile: Int, _ type: Element.Type, _ combine: (Element, Element) -> Element
    ) {
        let inner = view.inner
        for row in rows.range(tile) {
            let start = row * view.extent * inner
            let x = frame.inputs[0].assumingMemoryBound(to: type) + start
            let y = frame.outputs[0].assumingMemoryBound(to: type) + start
            y.update(from: x, count: inner)
            for index in inner..<max(view.extent * inner, inner) { y[index] = combine(y[index - inner], x[index]) }
        }
    }

    var backwardStages: [Int] { isInteger ? [] : [view.extent == 0 ? 0 : rows.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let own = rows.range(tile), size = view.extent * view.inner, inner = view.inner
        guard let gradient = frame.outputGradient() else {
            return frame.noGradient(0, own.lowerBound * size..<own.upperBound * size)
        }
        let add = frame.accumulates[0]
        for row in own {
            for column in 0..<inner {
                let start = row * size + column
                var sum: Float = 0
                for place in stride(from: view.extent - 1, through: 0, by: -1) {
                    let index = start + place * inner
                    let dx: Float
                    switch kind {
                    case .sum:
                        sum += gradient[index]
                        dx = sum
                    case .product:
                        sum += frame.output()[index] * gradient[index]
                        let x = frame.input(0)[index]
                        dx = x == 0 ? 0 : sum / x
                    case .max, .min:
                        sum += gradient[index]
                        // A new extremum is where the output departs from the one before.
                        if place == 0 || frame.output()[index] != frame.output()[index - inner] {
                            dx = sum
                            sum = 0
                        } else {
                            dx = 0
                        }
                    }
                    target[index] = add ? target[index] + dx : dx
                }
            }
        }
    }
}
