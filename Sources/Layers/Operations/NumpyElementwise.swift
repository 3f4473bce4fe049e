internal import Graphs
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: functions element by element.

extension Operation {
    private static func unary(_ name: String, _ function: MathFunction) -> Operation {
        Operation(name, "x") { try $0.context.unary(function, try $0.tensor("x")) }
    }

    /// A function that makes floats of whole numbers.
    private static func rounding(_ name: String, _ function: MathFunction) -> Operation {
        Operation(name, "x") { call in
            let x = try call.tensor("x")
            return try call.context.unary(function, x)
        }
    }

    private static func predicate(_ name: String, _ predicate: FloatPredicate) -> Operation {
        Operation(name, "x") { try $0.context.apply(Predicate(predicate), try $0.float("x")) }
    }

    private static func binary(_ name: String, _ op: BinaryOperator) -> Operation {
        Operation(name, "x1 x2") { try $0.context.binary(op, try $0.tensor("x1"), try $0.tensor("x2")) }
    }

    private static func floatBinary(_ name: String, _ op: BinaryOperator) -> Operation {
        Operation(name, "x1 x2") { try $0.context.floatBinary(op, try $0.tensor("x1"), try $0.tensor("x2")) }
    }

    private static func comparison(_ name: String, _ op: Comparison) -> Operation {
        Operation(name, "x1 x2") { try $0.context.compare(op, try $0.tensor("x1"), try $0.tensor("x2")) }
    }

    private static func logical(_ name: String, _ op: LogicalOperator) -> Operation {
        Operation(name, "x1 x2") { try $0.context.logical(op, try $0.tensor("x1"), try $0.tensor("x2")) }
    }

    private static func bitwise(_ name: String, _ op: IntegerOperator) -> Operation {
        Operation(name, "x y") { call in
            let operands = try call.context.promoted([try call.tensor("x"), try call.tensor("y")])
            let isMask = call.context.dtype(operands[0]) == .bool
            let result = try call.context.apply(
                IntegerBinary(op), try call.context.cast(operands[0], to: .int32), try call.context.cast(operands[1], to: .int32))
            return isMask ? try call.context.cast(result, to: .bool) : result
        }
    }

    static let numpyElementwise: [Operation] = functions + arithmetic + comparisons + cleaning

    private static let functions: [Operation] = [
        unary("Absolute", .absolute), unary("Negative", .negative), unary("Sign", .sign), unary("Square", .square),
        unary("Sqrt", .sqrt), unary("Reciprocal", .reciprocal), unary("Cbrt", .cbrt), unary("Exp", .exp), unary("Exp2", .exp2),
        unary("Expm1", .expm1), unary("Log", .log), unary("Log1p", .log1p), unary("Log2", .log2), unary("Log10", .log10),
        unary("Sin", .sin), unary("Cos", .cos), unary("Tan", .tan), unary("Arcsin", .arcsin), unary("Arccos", .arccos),
        unary("Arctan", .arctan), unary("Sinh", .sinh), unary("Cosh", .cosh), unary("Tanh", .tanh), unary("Arcsinh", .arcsinh),
        unary("Arccosh", .arccosh), unary("Arctanh", .arctanh), unary("Sinc", .sinc), unary("I0", .i0),
        unary("Floor", .floor), unary("Ceil", .ceil),
        Operation("Trunc", "x") { call in
            let x = try call.tensor("x")
            return call.context.dtype(x) == .float32 ? try call.context.unary(.trunc, x) : x
        },
        Operation("Fabs", "x") { try $0.context.unary(.absolute, try $0.float("x")) },
        Operation("Round", "x", "decimals") { call in
            let x = try call.tensor("x"), decimals = try call.integer("decimals", default: 0)
            if call.context.dtype(x) != .float32, decimals >= 0 { return x }
            guard abs(decimals) <= 30 else { throw call.wrong("decimals", "at most 30") }
            if decimals == 0 { return try call.context.unary(.round, x) }
            var factor: Float = 1
            for _ in 0..<abs(decimals) { factor *= 10 }
            // As Keras: multiplied (or divided), rounded, and back.
            let scale = call.context.scalar(Double(factor))
            let wide = try call.context.floatBinary(decimals > 0 ? .multiply : .divide, x, scale)
            return try call.context.floatBinary(decimals > 0 ? .divide : .multiply, try call.context.unary(.round, wide), scale)
        },
        Operation("Deg2rad", "x") { try $0.context.scaled(try $0.tensor("x"), by: .pi / 180) },
        Operation("Rad2deg", "x") { try $0.context.scaled(try $0.tensor("x"), by: 180 / .pi) },
        Operation("Conjugate", "x", keepsMask: true) { try $0.tensor("x") },
        Operation("Real", "x", keepsMask: true) { try $0.tensor("x") },
        Operation("Copy", "x") { try $0.tensor("x") },
        Operation("Imag", "x") { call in
            let x = try call.tensor("x")
            return try call.context.filled(like: x, 0, call.context.dtype(x))
        },
        Operation("Angle", "x") { call in
            let x = try call.float("x")
            return try call.context.select(
                try call.context.compare(.less, x, call.context.scalar(0.0)), call.context.scalar(.pi), call.context.scalar(0.0))
        },
        Operation("LogicalNot", "x") { try $0.context.logicalNot(try $0.tensor("x")) },
        Operation("BitwiseInvert", "x") { try invert($0) },
        Operation("BitwiseNot", "x") { try invert($0) },
        predicate("Isfinite", .isFinite), predicate("Isinf", .isInfinite), predicate("Isnan", .isNaN),
        predicate("Isneginf", .isNegativeInfinity), predicate("Isposinf", .isPositiveInfinity),
        Operation("Signbit", "x") { call in
            let x = try call.tensor("x")
            if call.context.dtype(x) == .float32 { return try call.context.apply(Predicate(.isNegative), x) }
            return try call.context.compare(.less, x, call.context.scalar(0 as Int32))
        },
        Operation("Isreal", "x") { try $0.context.filled(like: try $0.tensor("x"), 1, .bool) },
    ]

    private static func invert(_ call: OperationCall) throws -> Value {
        let x = try call.tensor("x")
        if call.context.dtype(x) == .bool { return try call.context.logicalNot(x) }
        return try call.context.apply(
            IntegerBinary(.xor), try call.context.cast(x, to: .int32), call.context.scalar(-1 as Int32))
    }

    private static let arithmetic: [Operation] = [
        Operation("Add", "x1 x2") { call in
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            // Masks are added as TensorFlow does it.
            if call.context.dtype(x) == .bool, call.context.dtype(y) == .bool { return try call.context.logical(.or, x, y) }
            return try call.context.add(x, y)
        },
        binary("Subtract", .subtract),
        Operation("Multiply", "x1 x2") { call in
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            if call.context.dtype(x) == .bool, call.context.dtype(y) == .bool { return try call.context.logical(.and, x, y) }
            return try call.context.multiply(x, y)
        },
        floatBinary("Divide", .divide), floatBinary("TrueDivide", .divide), floatBinary("DivideNoNan", .divideNoNaN),
        binary("FloorDivide", .floorDivide), binary("Mod", .mod),
        Operation("Fmod", "x1 x2") { call in
            let context = call.context
            let operands = try context.promoted([try call.tensor("x1"), try call.tensor("x2")], atLeast: .int32)
            if context.dtype(operands[0]) == .float32 { return try context.binary(.fmod, operands[0], operands[1]) }
            // The remainder of the dividend's sign, from that of magnitudes.
            let rest = try context.binary(.mod, try context.unary(.absolute, operands[0]), try context.unary(.absolute, operands[1]))
            return try context.multiply(try context.unary(.sign, operands[0]), rest)
        },
        binary("Power", .power), binary("Maximum", .maximum), binary("Minimum", .minimum), floatBinary("Arctan2", .atan2),
        floatBinary("Hypot", .hypot), floatBinary("Logaddexp", .logAddExp),
        Operation("Logaddexp2", "x1 x2") { call in
            let log2 = 0.6931471805599453
            let x = try call.context.scaled(try call.tensor("x1"), by: log2), y = try call.context.scaled(try call.tensor("x2"), by: log2)
            return try call.context.scaled(try call.context.binary(.logAddExp, x, y), by: 1 / log2)
        },
        Operation("Fmax", "x1 x2") { try ignoringNaN($0, .maximum) },
        Operation("Fmin", "x1 x2") { try ignoringNaN($0, .minimum) },
        Operation("Heaviside", "x1 x2") { call in
            let context = call.context
            let x = try call.float("x1"), zero = context.scalar(0.0)
            let side = try context.select(try context.compare(.less, x, zero), zero, context.scalar(1.0))
            let known = try context.select(try context.compare(.equal, x, zero), try call.float("x2"), side)
            return try context.select(try context.apply(Predicate(.isNaN), x), x, known)
        },
        Operation("Ldexp", "x1 x2") { call in
            try call.context.multiply(try call.float("x1"), try call.context.unary(.exp2, try call.tensor("x2")))
        },
        bitwise("BitwiseAnd", .and), bitwise("BitwiseOr", .or), bitwise("BitwiseXor", .xor),
        bitwise("BitwiseLeftShift", .shiftLeft), bitwise("LeftShift", .shiftLeft), bitwise("BitwiseRightShift", .shiftRight),
        bitwise("RightShift", .shiftRight),
    ]

    private static func ignoringNaN(_ call: OperationCall, _ op: BinaryOperator) throws -> Value {
        let context = call.context
        let operands = try context.promoted([try call.tensor("x1"), try call.tensor("x2")], atLeast: .int32)
        let (x, y) = (operands[0], operands[1])
        guard context.dtype(x) == .float32 else { return try context.binary(op, x, y) }
        let either = try context.select(try context.apply(Predicate(.isNaN), y), x, try context.binary(op, x, y))
        return try context.select(try context.apply(Predicate(.isNaN), x), y, either)
    }

    private static let comparisons: [Operation] = [
        comparison("Equal", .equal), comparison("NotEqual", .notEqual), comparison("Less", .less),
        comparison("LessEqual", .lessEqual), comparison("Greater", .greater), comparison("GreaterEqual", .greaterEqual),
        logical("LogicalAnd", .and), logical("LogicalOr", .or), logical("LogicalXor", .xor),
        Operation("Isclose", "x1 x2", "rtol atol equal_nan") { try isClose($0) },
        Operation("AllClose", "x1 x2", "rtol atol equal_nan") { try $0.context.reduce(.all, try isClose($0)) },
        Operation("Where", "condition x1 x2") { call in
            guard call.has("x1"), call.has("x2") else {
                throw call.wrong("x1", "given: places of what isn't 0 are as many as the numbers say")
            }
            return try call.context.select(try call.tensor("condition"), try call.tensor("x1"), try call.tensor("x2"))
        },
        Operation("Select", "condlist choicelist default") { call in
            let conditions = try call.tensors("condlist"), choices = try call.tensors("choicelist")
            guard conditions.count == choices.count else { throw call.wrong("choicelist", "as many as there are conditions") }
            var result = try call.optional("default") ?? call.context.scalar(0 as Int32)
            for (condition, choice) in zip(conditions, choices).reversed() {
                result = try call.context.select(condition, choice, result)
            }
            return result
        },
    ]

    private static func isClose(_ call: OperationCall) throws -> Value {
        let context = call.context
        let (x, y) = (try call.float("x1"), try call.float("x2"))
        let rtol = try call.number("rtol", default: 1e-5), atol = try call.number("atol", default: 1e-8)
        let distance = try context.unary(.absolute, try context.subtract(x, y))
        let limit = try context.scaled(try context.unary(.absolute, y), by: rtol, offset: atol)
        let finite = try context.logical(
            .and, try context.apply(Predicate(.isFinite), x), try context.apply(Predicate(.isFinite), y))
        let near = try context.logical(.and, finite, try context.compare(.lessEqual, distance, limit))
        let equal = try context.logical(.or, near, try context.compare(.equal, x, y))
        guard try call.bool("equal_nan") else { return equal }
        let both = try context.logical(.and, try context.apply(Predicate(.isNaN), x), try context.apply(Predicate(.isNaN), y))
        return try context.logical(.or, equal, both)
    }

    private static let cleaning: [Operation] = [
        Operation("Clip", "x", "x_min x_max") { call in
            var x = try call.tensor("x")
            if let low = try call.optional("x_min") { x = try call.context.binary(.maximum, x, low) }
            if let high = try call.optional("x_max") { x = try call.context.binary(.minimum, x, high) }
            return x
        },
        Operation("NanToNum", "x", "nan posinf neginf") { call in
            let context = call.context
            let x = try call.tensor("x")
            guard context.dtype(x) == .float32 else { return x }
            let largest = Double(Float.greatestFiniteMagnitude)
            let nan = context.scalar(try call.number("nan", default: 0))
            let high = context.scalar(try call.number("posinf", default: largest))
            let low = context.scalar(try call.number("neginf", default: -largest))
            let a = try context.select(try context.apply(Predicate(.isNaN), x), nan, x)
            let b = try context.select(try context.apply(Predicate(.isPositiveInfinity), x), high, a)
            return try context.select(try context.apply(Predicate(.isNegativeInfinity), x), low, b)
        },
    ]
}
