import Graphs
import Tensors

// What shape rules share: their complaints, and the arithmetic of extents some of which are unknown.

/// Shapes or types that don't fit: code `op.shape` or `op.dtype`; the location comes from the graph builder.
func mismatch(_ op: String, _ kind: String = "shape", expected: String, got: String) -> LocatedError {
    LocatedError(.mismatch, "\(op).\(kind)", "\(op) expected \(expected), got \(got)")
}

/// The number of inputs is a matter of our own lowering, but a custom layer may get it wrong too.
func requireInputs(_ op: String, _ inputs: [ValueInfo], _ counts: ClosedRange<Int>) throws(LocatedError) {
    guard counts.contains(inputs.count) else {
        let wanted = counts.count == 1 ? "\(counts.lowerBound)" : "\(counts.lowerBound) to \(counts.upperBound)"
        throw mismatch(op, "inputs", expected: "\(wanted) inputs", got: "\(inputs.count)")
    }
}

func require(_ op: String, _ info: ValueInfo, is dtype: DType, _ what: String = "input") throws(LocatedError) {
    guard info.dtype == dtype else {
        throw mismatch(op, "dtype", expected: "\(what) of type \(dtype.rawValue)", got: info.dtype.rawValue)
    }
}

/// An axis counted from the front; negative axes count from the end.
func resolve(_ op: String, axis: Int, rank: Int) throws(LocatedError) -> Int {
    let resolved = axis < 0 ? axis + rank : axis
    guard resolved >= 0 && resolved < rank else {
        throw mismatch(op, "axis", expected: "an axis from \(-rank) to \(rank - 1)", got: "\(axis)")
    }
    return resolved
}

/// The same without a complaint, for an axis that the shape rule has accepted.
func resolved(axis: Int, rank: Int) -> Int { axis < 0 ? axis + rank : axis }

/// NumPy's broadcasting of partial shapes: aligned at the end; 1 gives way; an unknown extent takes what the others know.
func broadcast(_ op: String, _ shapes: [PartialShape]) throws(LocatedError) -> PartialShape {
    let rank = shapes.map(\.rank).max() ?? 0
    var dims: [Int?] = []
    for axis in 0..<rank {
        var extent: Int? = 1
        for shape in shapes {
            let own = axis - (rank - shape.rank)
            guard own >= 0 else { continue }
            switch (extent, shape[own]) {
            case (1, let dim): extent = dim
            case (_, 1): break
            // Unknown here, above 1 there: it has to be the same, or 1.
            case (nil, let dim): extent = dim
            case (_, nil): break
            case (let known?, let dim?):
                guard known == dim else {
                    throw mismatch(
                        op, expected: "shapes that can be broadcast together",
                        got: shapes.map(\.description).joined(separator: " and "))
                }
            }
        }
        dims.append(extent)
    }
    return PartialShape(dims)
}

/// An array seen along one axis: `outer` times `extent` times `inner` elements.
struct AxisView: Hashable, Sendable {
    let outer: Int
    let extent: Int
    let inner: Int

    /// - Parameter axis: may be negative; accepted by the shape rule.
    init(_ shape: Shape, axis: Int) {
        let axis = resolved(axis: axis, rank: shape.rank)
        self.outer = shape.dims[..<axis].reduce(1, *)
        self.extent = shape[axis]
        self.inner = shape.dims[(axis + 1)...].reduce(1, *)
    }
}
