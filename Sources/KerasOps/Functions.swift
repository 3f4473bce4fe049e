internal import Kernels
internal import Ops
public import Tensors

// Functions of one number, element by element. Source: keras/src/ops/numpy.py, math.py (3.15).

extension ops {
    /// |x|.
    public static func absolute(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.absolute, x) }
    /// −1, 0 or 1.
    public static func sign(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.sign, x) }
    /// √x.
    public static func sqrt(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.sqrt, x) }
    /// 1 / √x.
    public static func rsqrt(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.rsqrt, x) }
    /// 1 / x.
    public static func reciprocal(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.reciprocal, x) }
    /// exp(x) − 1.
    public static func expm1(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.expm1, x) }
    /// 2 to the x.
    public static func exp2(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.exp2, x) }
    /// The natural logarithm.
    public static func log(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.log, x) }
    /// log(1 + x).
    public static func log1p(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.log1p, x) }
    /// The logarithm to base 2.
    public static func log2(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.log2, x) }
    /// The logarithm to base 10.
    public static func log10(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.log10, x) }
    /// The sine.
    public static func sin(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.sin, x) }
    /// The cosine.
    public static func cos(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.cos, x) }
    /// The tangent.
    public static func tan(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.tan, x) }
    /// The inverse sine.
    public static func arcsin(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arcsin, x) }
    /// The inverse cosine.
    public static func arccos(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arccos, x) }
    /// The inverse tangent.
    public static func arctan(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arctan, x) }
    /// The hyperbolic sine.
    public static func sinh(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.sinh, x) }
    /// The hyperbolic cosine.
    public static func cosh(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.cosh, x) }
    /// The inverse hyperbolic sine.
    public static func arcsinh(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arcsinh, x) }
    /// The inverse hyperbolic cosine.
    public static func arccosh(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arccosh, x) }
    /// The inverse hyperbolic tangent.
    public static func arctanh(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.arctanh, x) }
    /// The error function.
    public static func erf(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.erf, x) }
    /// The inverse error function.
    public static func erfinv(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.erfinv, x) }
    /// The largest whole number that is not above.
    public static func floor(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.floor, x) }
    /// The smallest whole number that is not below.
    public static func ceil(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.ceil, x) }
    /// The nearest whole number; halves to even.
    public static func round(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.round, x) }
    /// Without the fraction.
    public static func trunc(_ x: Symbol) throws(LocatedError) -> Symbol { try function(.trunc, x) }
    /// |x|.
    public static func abs(_ x: Symbol) throws(LocatedError) -> Symbol { try absolute(x) }

    private static func function(_ function: MathFunction, _ x: Symbol) throws(LocatedError) -> Symbol {
        try (function.isIntegral && x.dtype == .int32 ? x : x.floating()).applying(Unary(function))
    }
}
