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

    /// x to a whole power, by products. Powers beyond ±64 are refused.
    public static func power(_ x: Symbol, _ exponent: Int) throws(LocatedError) -> Symbol {
        guard exponent.magnitude <= 64 else {
            throw LocatedError(.unsupported, "ops.power", "power expected an exponent from -64 to 64, got \(exponent)")
        }
        guard exponent != 0 else { return try x.floating().applying(Fill(1)) }
        var (result, square, rest) = (nil as Symbol?, x, exponent.magnitude)
        while true {
            if rest & 1 == 1 { result = try result.map { (r) throws(LocatedError) in try multiply(r, square) } ?? square }
            rest >>= 1
            if rest == 0 { break }
            square = try multiply(square, square)
        }
        guard let result else { return x }
        return exponent < 0 ? try divide(1, result) : result
    }

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

extension Operation {
    static let arithmetic: [Operation] = [
        Operation("add", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.add(a.symbol("x1"), a.symbol("x2"))) },
        Operation("subtract", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.subtract(a.symbol("x1"), a.symbol("x2"))) },
        Operation("multiply", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.multiply(a.symbol("x1"), a.symbol("x2"))) },
        Operation("divide", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.divide(a.symbol("x1"), a.symbol("x2"))) },
        Operation("true_divide", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.divide(a.symbol("x1"), a.symbol("x2"))) },
        Operation("maximum", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.maximum(a.symbol("x1"), a.symbol("x2"))) },
        Operation("minimum", "x1", "x2") { (a) throws(LocatedError) in .symbol(try ops.minimum(a.symbol("x1"), a.symbol("x2"))) },
        Operation("clip", "x", "x_min", "x_max") { (a) throws(LocatedError) in
            .symbol(try ops.clip(a.symbol("x"), a.number("x_min"), a.number("x_max")))
        },
        Operation("power", "x1", "x2") { (a) throws(LocatedError) in
            .symbol(try ops.power(a.symbol("x1"), a.integer("x2")))
        },
        .unary("negative") { (x) throws(LocatedError) in try ops.negative(x) },
        .unary("square") { (x) throws(LocatedError) in try ops.square(x) },
    ]
}
