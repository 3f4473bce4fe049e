import CKernels

// Names for the loops of ck_function.h.

/// A function of one number that is no activation. Rounding takes halves to even.
package enum MathFunction: String, Hashable, Sendable, CaseIterable {
    case negative, absolute, sign, square, sqrt, rsqrt, reciprocal, cbrt
    case exp, exp2, expm1, log, log1p, log2, log10
    case sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, arcsinh, arccosh, arctanh
    case erf, erfc, erfinv, lgamma, digamma, sinc, i0
    case floor, ceil, round, trunc

    var code: ck_function {
        switch self {
        case .negative: CK_NEGATE
        case .absolute: CK_ABSOLUTE
        case .sign: CK_SIGN
        case .square: CK_SQUARE
        case .sqrt: CK_SQRT
        case .rsqrt: CK_RSQRT
        case .reciprocal: CK_RECIPROCAL
        case .cbrt: CK_CBRT
        case .exp: CK_EXP
        case .exp2: CK_EXP2
        case .expm1: CK_EXPM1
        case .log: CK_LOG
        case .log1p: CK_LOG1P
        case .log2: CK_LOG2
        case .log10: CK_LOG10
        case .sin: CK_SIN
        case .cos: CK_COS
        case .tan: CK_TAN
        case .arcsin: CK_ASIN
        case .arccos: CK_ACOS
        case .arctan: CK_ATAN
        case .sinh: CK_SINH
        case .cosh: CK_COSH
        case .tanh: CK_TANH
        case .arcsinh: CK_ASINH
        case .arccosh: CK_ACOSH
        case .arctanh: CK_ATANH
        case .erf: CK_ERF
        case .erfc: CK_ERFC
        case .erfinv: CK_ERFINV
        case .lgamma: CK_LGAMMA
        case .digamma: CK_DIGAMMA
        case .sinc: CK_SINC
        case .i0: CK_I0
        case .floor: CK_FLOOR
        case .ceil: CK_CEIL
        case .round: CK_ROUND
        case .trunc: CK_TRUNC
        }
    }

    /// Whether whole numbers have it too, without becoming floats.
    package var isIntegral: Bool {
        switch self {
        case .negative, .absolute, .sign, .square: true
        default: false
        }
    }

    /// Whether the derivative is computed from the output instead of the input.
    package var gradientReadsOutput: Bool { ck_gradient_reads_output(code) }

    /// Whether the derivative is 0 wherever there is one.
    package var isStep: Bool {
        switch self {
        case .sign, .floor, .ceil, .round, .trunc: true
        default: false
        }
    }

    /// Nanoseconds of one element, roughly: for cutting tiles.
    package var cost: Double {
        switch self {
        case .negative, .absolute, .sign, .square, .floor, .ceil, .round, .trunc: 0.2
        case .sqrt, .rsqrt, .reciprocal, .exp, .log, .tanh: 0.5
        case .erfinv, .lgamma, .digamma, .i0: 60
        default: 6
        }
    }
}

/// y = f(x); x and y are equal or disjoint.
package func evaluate(
    _ function: MathFunction, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, count: Int
) {
    ck_function_of(function.code, x, y, count)
}

/// y = f(x) for whole numbers, of a function that `isIntegral`.
package func evaluate(
    _ function: MathFunction, _ x: UnsafePointer<Int32>, _ y: UnsafeMutablePointer<Int32>, count: Int
) {
    ck_integer_function(function.code, x, y, count)
}

/// dx = dy·f′, or added; `known` is f(x) where `gradientReadsOutput`, else x.
package func functionGradient(
    _ function: MathFunction, known: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>,
    count: Int, accumulate: Bool
) {
    ck_function_gradient(function.code, known, dy, dx, count, accumulate)
}

/// A question about one float.
package enum FloatPredicate: String, Hashable, Sendable, CaseIterable {
    case isNaN = "isnan", isInfinite = "isinf", isFinite = "isfinite"
    case isPositiveInfinity = "isposinf", isNegativeInfinity = "isneginf"
    /// Whether the sign bit is set.
    case isNegative = "signbit"

    var code: ck_predicate {
        switch self {
        case .isNaN: CK_IS_NAN
        case .isInfinite: CK_IS_INFINITE
        case .isFinite: CK_IS_FINITE
        case .isPositiveInfinity: CK_IS_POSITIVE_INFINITY
        case .isNegativeInfinity: CK_IS_NEGATIVE_INFINITY
        case .isNegative: CK_IS_NEGATIVE
        }
    }
}

/// 1 where the predicate holds, else 0.
package func holds(
    _ predicate: FloatPredicate, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_holds(predicate.code, x, y, count)
}

/// The mask turned round.
package func logicalNot(_ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>, count: Int) { ck_mask_not(x, y, count) }

/// Arithmetic on whole numbers, with wrapping. Division rounds down and gives 0 where the divisor is 0.
package enum IntegerOperator: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply, maximum, minimum, floorDivide = "floor_divide", mod, power
    case and = "bitwise_and", or = "bitwise_or", xor = "bitwise_xor"
    case shiftLeft = "left_shift", shiftRight = "right_shift"
    /// The greatest common divisor of magnitudes.
    case commonDivisor = "gcd"

    var code: ck_integer_operator {
        switch self {
        case .add: CK_INTEGER_ADD
        case .subtract: CK_INTEGER_SUBTRACT
        case .multiply: CK_INTEGER_MULTIPLY
        case .maximum: CK_INTEGER_MAXIMUM
        case .minimum: CK_INTEGER_MINIMUM
        case .floorDivide: CK_INTEGER_FLOOR_DIVIDE
        case .mod: CK_INTEGER_MOD
        case .power: CK_INTEGER_POWER
        case .and: CK_INTEGER_AND
        case .or: CK_INTEGER_OR
        case .xor: CK_INTEGER_XOR
        case .shiftLeft: CK_INTEGER_SHIFT_LEFT
        case .shiftRight: CK_INTEGER_SHIFT_RIGHT
        case .commonDivisor: CK_INTEGER_GCD
        }
    }
}

/// z = x op y along a row; a step is 0 or 1.
package func binary(
    _ op: IntegerOperator, _ x: UnsafePointer<Int32>, step xStep: Int, _ y: UnsafePointer<Int32>, step yStep: Int,
    _ z: UnsafeMutablePointer<Int32>, count: Int
) {
    ck_integer_row(op.code, x, xStep, y, yStep, z, count)
}

/// How two numbers are compared; NaN is unequal to everything.
package enum Comparison: String, Hashable, Sendable, CaseIterable {
    case equal, notEqual = "not_equal", less, lessEqual = "less_equal", greater, greaterEqual = "greater_equal"

    var code: ck_comparison {
        switch self {
        case .equal: CK_EQUAL
        case .notEqual: CK_NOT_EQUAL
        case .less: CK_LESS
        case .lessEqual: CK_LESS_EQUAL
        case .greater: CK_GREATER
        case .greaterEqual: CK_GREATER_EQUAL
        }
    }
}

/// A mask of where x op y along a row; a step is 0 or 1.
package func compare(
    _ op: Comparison, _ x: UnsafePointer<Float>, step xStep: Int, _ y: UnsafePointer<Float>, step yStep: Int,
    _ z: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_compare_row(op.code, x, xStep, y, yStep, z, count)
}

/// The same for whole numbers.
package func compare(
    _ op: Comparison, _ x: UnsafePointer<Int32>, step xStep: Int, _ y: UnsafePointer<Int32>, step yStep: Int,
    _ z: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_compare_integer_row(op.code, x, xStep, y, yStep, z, count)
}

/// How two masks make one.
package enum LogicalOperator: String, Hashable, Sendable, CaseIterable {
    case and, or, xor

    var code: ck_logic {
        switch self {
        case .and: CK_LOGIC_AND
        case .or: CK_LOGIC_OR
        case .xor: CK_LOGIC_XOR
        }
    }
}

/// z = x op y along a row of masks; a step is 0 or 1.
package func logic(
    _ op: LogicalOperator, _ x: UnsafePointer<UInt8>, step xStep: Int, _ y: UnsafePointer<UInt8>, step yStep: Int,
    _ z: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_logic_row(op.code, x, xStep, y, yStep, z, count)
}

/// z = condition ? x : y along a row of elements of 4 bytes; a step is 0 or 1.
package func select(
    _ condition: UnsafePointer<UInt8>, step: Int, _ x: UnsafePointer<UInt32>, step xStep: Int, _ y: UnsafePointer<UInt32>,
    step yStep: Int, _ z: UnsafeMutablePointer<UInt32>, count: Int
) {
    ck_select_4(condition, step, x, xStep, y, yStep, z, count)
}

/// The same for elements of 1 byte.
package func select(
    _ condition: UnsafePointer<UInt8>, step: Int, _ x: UnsafePointer<UInt8>, step xStep: Int, _ y: UnsafePointer<UInt8>,
    step yStep: Int, _ z: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_select_1(condition, step, x, xStep, y, yStep, z, count)
}
