internal import Graphs
internal import Ops
public import Tensors

// Shapes: what elements are where, not what they are. Source: keras/src/ops/numpy.py, core.py (3.15).

extension ops {
    /// The same elements under another shape; one extent may be nil, which is worked out.
    public static func reshape(_ x: Symbol, _ newShape: [Int?]) throws(LocatedError) -> Symbol {
        guard newShape.allSatisfy({ $0.map { $0 >= 0 } ?? true }) else {
            throw LocatedError(.mismatch, "ops.reshape", "reshape expected extents of 0 or above, got \(PartialShape(newShape))")
        }
        return try x.applying(Reshape(to: PartialShape(newShape))).withoutMask
    }

    /// Axes in another order; nil: the reverse.
    public static func transpose(_ x: Symbol, axes: [Int]? = nil) throws(LocatedError) -> Symbol {
        try x.applying(Transpose(axes ?? Array((0..<x.shape.rank).reversed()))).withoutMask
    }

    /// A new axis of extent 1.
    public static func expandDims(_ x: Symbol, axis: Int) throws(LocatedError) -> Symbol {
        var dims = x.shape.dims
        let place = axis < 0 ? axis + dims.count + 1 : axis
        guard (0...dims.count).contains(place) else {
            throw LocatedError(
                .mismatch, "ops.axis", "expand_dims expected a new axis among \(dims.count + 1), got \(axis)")
        }
        dims.insert(1, at: place)
        return try x.applying(Reshape(to: PartialShape(dims))).withoutMask
    }

    /// Without an axis of extent 1.
    public static func squeeze(_ x: Symbol, axis: Int) throws(LocatedError) -> Symbol {
        var dims = x.shape.dims
        let place = try x.axis(axis, "squeeze")
        guard dims[place] == 1 else {
            throw LocatedError(
                .mismatch, "ops.squeeze", "squeeze expected an axis of extent 1, got axis \(axis) of \(x.shape)")
        }
        dims.remove(at: place)
        return try x.applying(Reshape(to: PartialShape(dims))).withoutMask
    }

    /// Arrays joined along an axis.
    public static func concatenate(_ xs: [Symbol], axis: Int = -1) throws(LocatedError) -> Symbol {
        guard let first = xs.first else {
            throw LocatedError(.usage, "ops.concatenate", "concatenate expected at least one array, got none")
        }
        return try first.applying(Concatenate(axis: axis == first.shape.rank - 1 ? -1 : axis), to: Array(xs.dropFirst())).withoutMask
    }

    /// Repeated along axes of extent 1, and along new axes in front; nil keeps an extent.
    public static func broadcastTo(_ x: Symbol, _ shape: [Int?]) throws(LocatedError) -> Symbol {
        try x.applying(BroadcastTo(PartialShape(shape))).withoutMask
    }

    /// One-hot vectors of whole numbers, along a new last axis.
    public static func oneHot(_ x: Symbol, numClasses: Int) throws(LocatedError) -> Symbol {
        try cast(x, .int32).applying(OneHot(numClasses)).withoutMask
    }

    /// The same values, through which no gradient goes.
    public static func stopGradient(_ x: Symbol) throws(LocatedError) -> Symbol { try x.applying(StopGradient()) }

    /// The same numbers in another type: float32, int32 or bool.
    public static func cast(_ x: Symbol, _ dtype: DType) throws(LocatedError) -> Symbol { try x.applying(Cast(to: dtype)) }

    /// Places of zeros before and behind each axis.
    public static func pad(_ x: Symbol, _ padWidth: [(Int, Int)]) throws(LocatedError) -> Symbol {
        try x.applying(Pad(before: padWidth.map(\.0), after: padWidth.map(\.1))).withoutMask
    }
}

extension Symbol {
    /// Another shape has other steps.
    var withoutMask: Symbol {
        var symbol = self
        symbol.maskValue = nil
        return symbol
    }
}
