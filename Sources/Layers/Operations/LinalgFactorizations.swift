package import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

// keras.ops.linalg: factorizations, and what is made of singular values. Signs of vectors are those of TensorFlow's on the processor
// (see the ops). Where TensorFlow has no gradient, training through the function is refused.

extension Operation {
    static let linalgFactorizations: [Operation] = [
        Operation(several: "Eigh", "x") { try $0.context.apply(SymmetricEigen(), to: [try $0.float("x")]) },
        Operation(several: "Qr", "x", "mode") { call in
            let context = call.context
            let x = try call.float("x"), mode = try call.string("mode", default: "reduced")
            guard mode == "reduced" || mode == "complete" else { throw call.wrong("mode", "reduced or complete") }
            let sides = context.shape(x).dims.suffix(2).compactMap { $0 }
            if mode == "complete", sides.count < 2 || sides[0] > sides[1] { try context.requireNoTraining(through: x, "complete factors of more rows than columns") }
            return try context.apply(OrthogonalFactors(complete: mode == "complete"), to: [x])
        },
        Operation(several: "SVD", "x", "full_matrices compute_uv") { call in
            let context = call.context
            let x = try call.float("x")
            guard try call.bool("compute_uv", default: true) else { return [try context.apply(SingularValues(), to: [x])[0]] }
            let isFull = try call.bool("full_matrices", default: true)
            let sides = context.shape(x).dims.suffix(2).compactMap { $0 }
            if isFull, sides.count < 2 || abs(sides[0] - sides[1]) > 1 { try context.requireNoTraining(through: x, "full singular vectors of matrices that aren't nearly square") }
            let parts = try context.apply(SingularValues(full: isFull), to: [x])
            return [parts[1], parts[0], try context.adjoint(parts[2])]
        },
        Operation(several: "LuFactor", "x") { call in
            let x = try call.float("x")
            try call.context.requireNoTraining(through: x, "the factors L and U")
            return try call.context.apply(TriangularFactors(), to: [x])
        },
        Operation("Lstsq", "a b", "rcond") { call in
            let context = call.context
            let a = try call.float("a")
            var b = try call.float("b")
            guard context.rank(a) == 2, let rows = context.shape(a)[0], let columns = context.shape(a)[1] else {
                throw call.wrong("a", "one matrix of known extents")
            }
            let isVector = context.rank(b) == 1
            if isVector { b = try context.expanded(b, axes: [1]) }
            guard context.rank(b) == 2 else { throw call.wrong("b", "a vector or a matrix") }
            let precision = Double(Float.ulpOfOne)
            var limit = precision * Double(max(rows, columns))
            if let given = try call.number("rcond") { limit = given < 0 ? precision : given }
            let (s, u, v) = try context.singularValues(a)
            let mask = try context.compare(
                .greaterEqual, s, try context.scaled(try context.sliced(s, axis: 0, from: 0, to: 1), by: limit))
            let safe = try context.select(mask, s, context.scalar(1.0))
            let inverse = try context.select(mask, try context.unary(.reciprocal, safe), context.scalar(0.0))
            let parts = try context.multiply(try context.expanded(inverse, axes: [1]), try context.matmul(try context.adjoint(u), b))
            let x = try context.matmul(v, parts)
            return isVector ? try context.squeezed(x, axes: [1]) : x
        },
        Operation("Pinv", "x", "rcond") { call in
            let context = call.context
            let x = try call.float("x")
            guard context.rank(x) >= 2, let (rows, columns) = context.sides(x) else { throw call.wrong("x", "matrices of known extents") }
            let limit = try call.number("rcond") ?? 10 * Double(max(rows, columns)) * Double(Float.ulpOfOne)
            let (s, u, v) = try context.singularValues(x)
            let cutoff = try context.scaled(try context.reduce(.max, s, axes: [-1], keepsAxes: true), by: limit)
            let kept = try context.select(try context.compare(.greater, s, cutoff), s, context.scalar(Double.infinity))
            return try context.matmul(try context.divide(v, try context.expanded(kept, axes: [-2])), try context.adjoint(u))
        },
        Operation("MatrixRank", "x", "tol") { call in
            let context = call.context
            let x = try call.float("x")
            guard context.rank(x) >= 2, let (rows, columns) = context.sides(x) else { throw call.wrong("x", "matrices of known extents") }
            let s = try context.singularValues(x).s
            let limit: Value
            if let given = try call.number("tol") {
                limit = context.scalar(given)
            } else {
                limit = try context.scaled(
                    try context.reduce(.max, s, axes: [-1], keepsAxes: true), by: Double(Float.ulpOfOne) * Double(max(rows, columns)))
            }
            return try context.reduce(.sum, try context.cast(try context.compare(.greater, s, limit), to: .int32), axes: [-1])
        },
    ]
}

extension LoweringContext {
    /// Singular values and vectors (as columns), as few as there are values.
    package func singularValues(_ x: Value) throws(LocatedError) -> (s: Value, u: Value, v: Value) {
        let parts = try apply(SingularValues(), to: [x])
        return (parts[0], parts[1], parts[2])
    }

    /// Matrices with rows and columns exchanged.
    package func adjoint(_ x: Value) throws(LocatedError) -> Value {
        let rank = rank(x)
        return try transposed(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])
    }

    /// Rows and columns of matrices; nil where they aren't known.
    func sides(_ x: Value) -> (Int, Int)? {
        let known = shape(x).dims.suffix(2).compactMap { $0 }
        return known.count == 2 ? (known[0], known[1]) : nil
    }

    /// Throws where gradients may be wanted of weights that a value depends on.
    func requireNoTraining(through value: Value, _ what: String) throws(LocatedError) {
        guard mayTrain else { return }
        let graph = builder.graph
        var left = [value], seen: Set<Value> = []
        while let next = left.popLast() {
            guard seen.insert(next).inserted else { continue }
            switch graph.origin(next) {
            case .input, .constant: break
            case .parameter:
                throw LocatedError(
                    .unsupported, "operation.gradient",
                    "expected no weights to be trained before \(what), which TensorFlow has no gradient for, got some",
                    hint: "keras.ops.stop_gradient before it lets the rest be trained.")
            case .node(let node, _):
                if !(graph.nodes[node].op is StopGradient) { left += graph.nodes[node].inputs }
            }
        }
    }
}
