internal import Graphs
internal import Ops
public import Tensors

// Sums and means over axes. Source: keras/src/ops/numpy.py (3.15).

extension ops {
    /// The sum over some axes; nil: over all.
    public static func sum(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try reduce(.sum, x, axis, keepdims)
    }
    /// The sum over an axis.
    public static func sum(_ x: Symbol, axis: Int, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try sum(x, axis: [axis], keepdims: keepdims)
    }

    /// The mean over some axes; nil: over all.
    public static func mean(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try reduce(.mean, x, axis, keepdims)
    }
    /// The mean over an axis.
    public static func mean(_ x: Symbol, axis: Int, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try mean(x, axis: [axis], keepdims: keepdims)
    }

    /// The mean squared distance from the mean over some axes; nil: over all.
    public static func `var`(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try mean(try square(try subtract(x, try mean(x, axis: axis, keepdims: true))), axis: axis, keepdims: keepdims)
    }

    /// The standard deviation over some axes; nil: over all.
    public static func std(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try sqrt(try `var`(x, axis: axis, keepdims: keepdims))
    }

    /// The largest along some axes; nil: of all.
    public static func max(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try x.floating().applying(Aggregate(.max, axes: axis, keepsAxes: keepdims)).withoutMask
    }
    /// The largest along an axis.
    public static func max(_ x: Symbol, axis: Int, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try max(x, axis: [axis], keepdims: keepdims)
    }

    /// The smallest along some axes; nil: of all.
    public static func min(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try x.floating().applying(Aggregate(.min, axes: axis, keepsAxes: keepdims)).withoutMask
    }
    /// The smallest along an axis.
    public static func min(_ x: Symbol, axis: Int, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try min(x, axis: [axis], keepdims: keepdims)
    }

    /// Whether all elements along some axes are true; nil: of all.
    public static func all(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try x.applying(Aggregate(.all, axes: axis, keepsAxes: keepdims)).withoutMask
    }
    /// Whether any element along some axes is true; nil: of all.
    public static func any(_ x: Symbol, axis: [Int]? = nil, keepdims: Bool = false) throws(LocatedError) -> Symbol {
        try x.applying(Aggregate(.any, axes: axis, keepsAxes: keepdims)).withoutMask
    }

    private static func reduce(
        _ kind: Reduce.Kind, _ x: Symbol, _ axes: [Int]?, _ keepsAxes: Bool
    ) throws(LocatedError) -> Symbol {
        var result = try x.floating().applying(Reduce(kind, axes: axes, keepsAxes: keepsAxes))
        result.maskValue = nil
        return result
    }
}
