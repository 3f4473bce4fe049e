internal import Kernels
internal import Ops
public import Tensors

// Comparisons, logic and choice. Source: keras/src/ops/numpy.py (3.15).

extension ops {
    /// Where x = y, as a mask.
    public static func equal(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.equal, x, y) }
    /// Where x = y, as a mask.
    public static func equal(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try equal(x.floating(), x.number(y)) }
    /// Where x ≠ y, as a mask.
    public static func notEqual(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.notEqual, x, y) }
    /// Where x ≠ y, as a mask.
    public static func notEqual(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try notEqual(x.floating(), x.number(y)) }
    /// Where x < y, as a mask.
    public static func less(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.less, x, y) }
    /// Where x < y, as a mask.
    public static func less(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try less(x.floating(), x.number(y)) }
    /// Where x ≤ y, as a mask.
    public static func lessEqual(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.lessEqual, x, y) }
    /// Where x ≤ y, as a mask.
    public static func lessEqual(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try lessEqual(x.floating(), x.number(y)) }
    /// Where x > y, as a mask.
    public static func greater(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.greater, x, y) }
    /// Where x > y, as a mask.
    public static func greater(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try greater(x.floating(), x.number(y)) }
    /// Where x ≥ y, as a mask.
    public static func greaterEqual(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try compare(.greaterEqual, x, y) }
    /// Where x ≥ y, as a mask.
    public static func greaterEqual(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try greaterEqual(x.floating(), x.number(y)) }

    /// Where both are true.
    public static func logicalAnd(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try logical(.and, x, y) }
    /// Where either is true.
    public static func logicalOr(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try logical(.or, x, y) }
    /// Where it is false.
    public static func logicalNot(_ x: Symbol) throws(LocatedError) -> Symbol { try equal(try cast(x, .float32), 0) }

    /// `x1` where the condition is true, else `x2`.
    public static func `where`(_ condition: Symbol, _ x1: Symbol, _ x2: Symbol) throws(LocatedError) -> Symbol {
        let mask = condition.dtype == .bool ? condition : try cast(condition, .bool)
        let isWhole = x1.dtype == x2.dtype
        return try mask.applying(Select(), isWhole ? x1 : x1.floating(), isWhole ? x2 : x2.floating())
    }

    private static func compare(_ op: Comparison, _ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol {
        if x.dtype == .int32, y.dtype == .int32 { return try x.applying(Compare(op), y) }
        return try x.floating().applying(Compare(op), try y.floating())
    }

    private static func logical(_ op: LogicalOperator, _ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol {
        try cast(x, .bool).applying(Logical(op), try cast(y, .bool))
    }
}
