package import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
package import Tensors

// keras.ops.linalg, without factorizations.

extension Operation {
    static let linalg: [Operation] = [
        Operation("Norm", "x", "ord axis keepdims") { try norm($0) },
        Operation("Det", "x") { call in
            let (sign, log) = try call.context.signAndLogDeterminant(try call.float("x"))
            return try call.context.multiply(sign, try call.context.unary(.exp, log))
        },
        Operation("Inv", "x") { try $0.context.inverse(try $0.float("x")) },
        Operation("Solve", "a b") { try solve($0, try $0.float("a")) },
        Operation("SolveTriangular", "a b", "lower") { call in
            try solve(call, try call.context.apply(Triangle(lower: try call.bool("lower")), try call.float("a")))
        },
        Operation("Cholesky", "x", "upper") { call in
            let context = call.context
            let lower = try context.apply(Cholesky(), try call.float("x")), rank = context.rank(lower)
            guard try call.bool("upper") else { return lower }
            return try context.transposed(lower, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
        },
        Operation("CholeskyInverse", "x", "upper") { call in
            let context = call.context
            let x = try call.float("x"), rank = context.rank(x), upper = try call.bool("upper")
            let factor = try context.inverse(try context.apply(Triangle(lower: !upper), x))
            // A = L·Lᵀ: its inverse is L⁻ᵀ·L⁻¹; of U: U⁻¹·U⁻ᵀ.
            guard rank >= 2 else { throw call.wrong("x", "matrices") }
            return try context.apply(BatchMatMul(transposingA: !upper, transposingB: upper), factor, factor)
        },
    ]

    private static func solve(_ call: OperationCall, _ a: Value) throws -> Value {
        let context = call.context
        let b = try call.float("b")
        guard context.rank(b) == context.rank(a) - 1 else { return try context.apply(Solve(), a, b) }
        return try context.squeezed(try context.apply(Solve(), a, try context.expanded(b, axes: [-1])), axes: [-1])
    }

    private static func norm(_ call: OperationCall) throws -> Value {
        let context = call.context
        let x = try call.float("x"), rank = context.rank(x), keeps = try call.bool("keepdims")
        let axes = try call.integers("axis") ?? Array(0..<rank)
        let order = try call.constant("ord")
        if axes.count == 1 {
            guard order == nil || order?.number != nil else { throw call.wrong("ord", "a number") }
            return try context.vectorNorm(x, order: order?.number ?? 2, axes: axes, keepsAxes: keeps)
        }
        if order == nil || order?.string == "fro" { return try context.vectorNorm(x, order: 2, axes: axes, keepsAxes: keeps) }
        if axes.count == 2, order?.string == "nuc" || order?.number.map({ abs($0) == 2 }) == true {
            let places = try axes.map { try context.axis($0, rank: rank) }
            guard places[0] != places[1] else { throw call.wrong("axis", "two axes") }
            let others = (0..<rank).filter { !places.contains($0) }
            let values = try context.singularValues(try context.transposed(x, others + places)).s
            let kind: Aggregate.Kind = order?.number.map { $0 > 0 ? .max : .min } ?? .sum
            let result = try context.reduce(kind, values, axes: [-1])
            return keeps ? try context.expanded(result, axes: places.sorted()) : result
        }
        guard axes.count == 2, let number = order?.number, abs(number) == 1 || number.isInfinite else {
            throw call.wrong("ord", "null, fro, nuc, 1, -1, 2, -2 or infinite")
        }
        // The largest (or smallest) sum of magnitudes, of rows where infinite, of columns where 1.
        let (first, second) = (try context.axis(axes[0], rank: rank), try context.axis(axes[1], rank: rank))
        let (summed, compared) = number.isInfinite ? (second, first) : (first, second)
        let sums = try context.reduce(.sum, try context.unary(.absolute, x), axes: [summed], keepsAxes: true)
        let result = try context.reduce(number > 0 ? .max : .min, sums, axes: [compared], keepsAxes: true)
        return keeps ? result : try context.squeezed(result, axes: axes)
    }
}

extension LoweringContext {
    /// (Σ|x|ᵖ)^(1/p); the largest or smallest magnitude where p is infinite, the number of elements that aren't 0 where it is 0.
    package func vectorNorm(_ x: Value, order: Double, axes: [Int], keepsAxes: Bool) throws(LocatedError) -> Value {
        if order == 2 { return try unary(.sqrt, try reduce(.sum, try unary(.square, x), axes: axes, keepsAxes: keepsAxes)) }
        if order == 0 {
            let set = try float(try compare(.notEqual, x, scalar(0.0)))
            return try reduce(.sum, set, axes: axes, keepsAxes: keepsAxes)
        }
        let magnitudes = try unary(.absolute, x)
        if order.isInfinite { return try reduce(order > 0 ? .max : .min, magnitudes, axes: axes, keepsAxes: keepsAxes) }
        let sum = try reduce(.sum, try binary(.power, magnitudes, scalar(order)), axes: axes, keepsAxes: keepsAxes)
        return try binary(.power, sum, scalar(1 / order))
    }

    /// The inverse of square matrices.
    package func inverse(_ x: Value) throws(LocatedError) -> Value {
        let shape = shape(x)
        guard shape.rank >= 2 else { throw LocatedError(.mismatch, "inverse.shape", "expected matrices, got \(shape)") }
        // A matrix of ones' two triangles meet in the identity.
        let ones = try filled(like: x, 1)
        return try apply(Solve(), x, try apply(Triangle(lower: true), try apply(Triangle(lower: false), ones)))
    }

    package func signAndLogDeterminant(_ x: Value) throws(LocatedError) -> (sign: Value, log: Value) {
        let both = try apply(Determinant(), to: [x])
        return (try apply(StopGradient(), both[0]), both[1])
    }
}
