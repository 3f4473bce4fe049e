package import Graphs
import Kernels
package import Tensors

// Primitives of Keras's masking: masks are arrays of bool, and no gradient passes through any of these.

/// Where x (float32 or int32) is not a number, as a mask.
package struct NotEqual: Op {
    package var value: Float

    package init(to value: Float) { self.value = value }

    package var name: String { "not_equal" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        guard inputs[0].dtype == .float32 || inputs[0].dtype == .int32 else {
            throw mismatch(name, "dtype", expected: "float32 or int32", got: inputs[0].dtype.rawValue)
        }
        return [ValueInfo(inputs[0].shape, .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundNotEqual(
            value: value, isInteger: site.inputs[0].dtype == .int32,
            elements: TileCut(elements: site.inputs[0].shape.count))
    }
}

private struct BoundNotEqual: BoundOp {
    let value: Float
    let isInteger: Bool
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile)
        let output = frame.outputs[0].assumingMemoryBound(to: UInt8.self)
        if isInteger {
            // In Double, which holds every Int32 and every Float.
            let integers = frame.integers(0), value = Double(value)
            for index in range { output[index] = Double(integers[index]) != value ? 1 : 0 }
        } else {
            notEqual(frame.input(0) + range.lowerBound, value, output + range.lowerBound, count: range.count)
        }
    }
}

/// Where both masks are set, with NumPy's broadcasting.
package struct LogicalAnd: Op {
    package init() {}

    package var name: String { "logical_and" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .bool, "masks") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundLogicalAnd(
            walk: PairWalk(
                result: site.outputs[0].shape, left: site.inputs[0].shape, right: site.inputs[1].shape,
                nanosecondsPerElement: 0.1),
            count: site.outputs[0].shape.count)
    }
}

private struct BoundLogicalAnd: BoundOp {
    let walk: PairWalk
    let count: Int

    var cost: Double { Double(count) }
    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        let output = frame.outputs[0].assumingMemoryBound(to: UInt8.self)
        walk.forEachBlock(of: tile) { block in
            for row in 0..<block.rows {
                logicalAnd(
                    frame.mask(0) + block.left + row * l.row, step: l.column,
                    frame.mask(1) + block.right + row * r.row, step: r.column,
                    output + block.result + row * walk.row, count: block.columns)
            }
        }
    }
}

/// Whether all, or any, of a mask's elements along an axis are set.
package struct MaskReduction: Op {
    package enum Kind: String, Hashable, Sendable { case all, any }

    package var kind: Kind
    /// Negative counts from the end.
    package var axis: Int
    /// Whether the axis stays, with extent 1.
    package var keepsAxis: Bool

    package init(_ kind: Kind, axis: Int = -1, keepsAxis: Bool = false) {
        self.kind = kind
        self.axis = axis
        self.keepsAxis = keepsAxis
    }

    package var name: String { "mask_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .bool, "a mask")
        let axis = try resolve(name, axis: axis, rank: inputs[0].shape.rank)
        var shape = inputs[0].shape
        if keepsAxis { shape[axis] = 1 } else { shape.dims.remove(at: axis) }
        return [ValueInfo(shape, .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundMaskReduction(
            isAll: kind == .all, view: view,
            rows: TileCut(view.outer, nanosecondsPerUnit: 0.5 * Double(view.extent * view.inner) + 5))
    }
}

private struct BoundMaskReduction: BoundOp {
    let isAll: Bool
    let view: AxisView
    let rows: TileCut

    var cost: Double { Double(view.outer * view.extent * view.inner) }
    var forwardStages: [Int] { [view.inner == 0 ? 0 : rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: UInt8.self)
        for row in rows.range(tile) {
            reduceMask(
                all: isAll, frame.mask(0) + row * view.extent * view.inner, output + row * view.inner,
                extent: view.extent, columns: view.inner)
        }
    }
}

/// An array of the input's shape, filled with one number; the input's elements aren't read. `Fill(1, .bool)` is the mask
/// that lets everything pass.
package struct Fill: Op {
    package var value: Float
    package var dtype: DType

    package init(_ value: Float, _ dtype: DType = .float32) {
        self.value = value
        self.dtype = dtype
    }

    package var name: String { "fill" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        guard PlainType(dtype) != nil else {
            throw LocatedError(
                .unsupported, "fill.dtype", "fill expected float32, int32 or bool, got \(dtype.rawValue)")
        }
        return [ValueInfo(inputs[0].shape, dtype)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundFill(value: value, type: PlainType(dtype)!, elements: TileCut(elements: site.inputs[0].shape.count))
    }
}

private struct BoundFill: BoundOp {
    let value: Float
    let type: PlainType
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile)
        switch type {
        case .float: (frame.output() + range.lowerBound).update(repeating: value, count: range.count)
        case .integer:
            // What fits is exact; the rest goes to the ends, as a cast does it.
            let integer = Int32(exactly: value.rounded(.towardZero)) ?? (value > 0 ? .max : value < 0 ? .min : 0)
            (frame.outputs[0].assumingMemoryBound(to: Int32.self) + range.lowerBound)
                .update(repeating: integer, count: range.count)
        case .mask:
            (frame.outputs[0].assumingMemoryBound(to: UInt8.self) + range.lowerBound)
                .update(repeating: value == 0 ? 0 : 1, count: range.count)
        }
    }
}
