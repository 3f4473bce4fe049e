package import Graphs
import Kernels
package import Tensors

/// 1 at the place that an index tells, 0 beside it: indices (…) of int32 give (…, classes), the classes standing at `axis` of the
/// result. An index outside gives zeros only.
package struct OneHot: Op {
    package var classes: Int
    /// Where the classes stand in the result; negative counts from its end.
    package var axis: Int
    /// float32, int32 or bool.
    package var dtype: DType

    package init(_ classes: Int, axis: Int = -1, dtype: DType = .float32) {
        self.classes = classes
        self.axis = axis
        self.dtype = dtype
    }

    package var name: String { "one_hot" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .int32, "indices")
        guard PlainType(dtype) != nil else {
            throw mismatch(name, "dtype", expected: "float32, int32 or bool", got: dtype.rawValue)
        }
        guard classes >= 0 else { throw mismatch(name, "classes", expected: "a number of 0 or above", got: "\(classes)") }
        var shape = inputs[0].shape
        shape.dims.insert(classes, at: try resolve(name, axis: axis, rank: shape.rank + 1))
        guard shape.concrete == nil || shape.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(shape)")
        }
        return [ValueInfo(shape, dtype)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.outputs[0].shape, axis: axis)
        return BoundOneHot(
            view: view, type: PlainType(dtype)!,
            rows: TileCut(view.outer, nanosecondsPerUnit: 0.3 * Double(view.extent * view.inner) + 5))
    }
}

private struct BoundOneHot: BoundOp {
    let view: AxisView
    let type: PlainType
    let rows: TileCut

    var cost: Double { Double(view.outer * view.extent * view.inner) }
    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch type {
        case .float: fill(frame, tile, Float.self, 0, 1)
        case .integer: fill(frame, tile, Int32.self, 0, 1)
        case .mask: fill(frame, tile, UInt8.self, 0, 1)
        }
    }

    private func fill<Element: BitwiseCopyable>(
        _ frame: Frame, _ tile: Int, _ element: Element.Type, _ zero: Element, _ one: Element
    ) {
        let indices = frame.integers(0), output = frame.outputs[0].assumingMemoryBound(to: element)
        for row in rows.range(tile) {
            let target = output + row * view.extent * view.inner
            target.update(repeating: zero, count: view.extent * view.inner)
            for column in 0..<view.inner {
                let index = Int(indices[row * view.inner + column])
                if index >= 0 && index < view.extent { target[index * view.inner + column] = one }
            }
        }
    }
}
