internal import Graphs
internal import Kernels
internal import Ops
public import Tensors

// Arithmetic, element by element, with NumPy's broadcasting. Source: keras/src/ops/numpy.py (3.15).

extension ops {
    /// x + y.
    public static func add(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.add, x, y) }
    /// x + y.
    public static func add(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol {
        try x.floating().applying(Scale(by: 1, offset: Float(y)))
    }

    /// x − y.
    public static func subtract(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.subtract, x, y) }
    /// x − y.
    public static func subtract(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try add(x, -y) }
    /// x − y.
    public static func subtract(_ x: Double, _ y: Symbol) throws(LocatedError) -> Symbol {
        try y.floating().applying(Scale(by: -1, offset: Float(x)))
    }

    /// x · y, element by element.
    public static func multiply(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.multiply, x, y) }
    /// x · y.
    public static func multiply(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol {
        try x.floating().applying(Scale(by: Float(y)))
    }

    /// x / y.
    public static func divide(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.divide, x, y) }
    /// x / y. Rounds as a division does, not as a product with 1 / y.
    public static func divide(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try binary(.divide, x, x.number(y)) }
    /// x / y.
    public static func divide(_ x: Double, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.divide, y.number(x), y) }

    /// The larger of both.
    public static func maximum(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.maximum, x, y) }
    /// The larger of both.
    public static func maximum(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try maximum(x, x.number(y)) }
    /// The smaller of both.
    public static func minimum(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.minimum, x, y) }
    /// The smaller of both.
    public static func minimum(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol { try minimum(x, x.number(y)) }

    /// `x` within `xMin` and `xMax`.
    public static func clip(_ x: Symbol, _ xMin: Double, _ xMax: Double) throws(LocatedError) -> Symbol {
        try minimum(maximum(x, xMin), xMax)
    }

    /// −x.
    public static func negative(_ x: Symbol) throws(LocatedError) -> Symbol { try multiply(x, -1) }
    /// x².
    public static func square(_ x: Symbol) throws(LocatedError) -> Symbol { try multiply(x, x) }

    /// x to the power of y.
    public static func power(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.power, x, y) }
    /// x to the power of y.
    public static func power(_ x: Symbol, _ y: Double) throws(LocatedError) -> Symbol {
        switch y {
        case 1: try x.floating()
        case 2: try square(x)
        case 3: try multiply(try square(x), x)
        case 0.5: try sqrt(x)
        case -1: try reciprocal(x)
        default: try power(x, x.number(y))
        }
    }
    /// x to the power of y.
    public static func power(_ x: Double, _ y: Symbol) throws(LocatedError) -> Symbol { try power(y.number(x), y) }

    /// The rest of x / y, with y's sign, as Python's `%`.
    public static func mod(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.mod, x, y) }
    /// x / y, rounded down.
    public static func floorDivide(_ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol { try binary(.floorDivide, x, y) }

    private static func binary(_ op: BinaryOperator, _ x: Symbol, _ y: Symbol) throws(LocatedError) -> Symbol {
        var result = try x.floating().applying(Binary(op), try y.floating())
        result.maskValue = x.maskValue ?? y.maskValue
        return result
    }
}

extension Symbol {
    public static func + (x: Symbol, y: Symbol) throws(LocatedError) -> Symbol { try ops.add(x, y) }
    public static func + (x: Symbol, y: Double) throws(LocatedError) -> Symbol { try ops.add(x, y) }
    public static func + (x: Double, y: Symbol) throws(LocatedError) -> Symbol { try ops.add(y, x) }
    public static func - (x: Symbol, y: Symbol) throws(LocatedError) -> Symbol { try ops.subtract(x, y) }
    public static func - (x: Symbol, y: Double) throws(LocatedError) -> Symbol { try ops.subtract(x, y) }
    public static func - (x: Double, y: Symbol) throws(LocatedError) -> Symbol { try ops.subtract(x, y) }
    public static func * (x: Symbol, y: Symbol) throws(LocatedError) -> Symbol { try ops.multiply(x, y) }
    public static func * (x: Symbol, y: Double) throws(LocatedError) -> Symbol { try ops.multiply(x, y) }
    public static func * (x: Double, y: Symbol) throws(LocatedError) -> Symbol { try ops.multiply(y, x) }
    public static func / (x: Symbol, y: Symbol) throws(LocatedError) -> Symbol { try ops.divide(x, y) }
    public static func / (x: Symbol, y: Double) throws(LocatedError) -> Symbol { try ops.divide(x, y) }
    public static func / (x: Double, y: Symbol) throws(LocatedError) -> Symbol { try ops.divide(x, y) }
    public static prefix func - (x: Symbol) throws(LocatedError) -> Symbol { try ops.negative(x) }
}
