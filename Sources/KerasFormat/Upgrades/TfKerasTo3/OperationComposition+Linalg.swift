import KerasSpec

// Functions of tf.linalg as operations of Keras 3.

extension OperationComposition {
    static let linalgFunctions: [String: Write] = [
        "linalg.matmul": { made, a, told in
            guard let b = told.take("b") else { return nil }
            var (x, y) = (a, b)
            // Real matrices: an adjoint is a transpose.
            for key in ["transpose_a", "adjoint_a"] where told.value(key, false) == true { x = made.transposed(x) }
            for key in ["transpose_b", "adjoint_b"] where told.value(key, false) == true { y = made.transposed(y) }
            return made.add("numpy.Matmul", [x, y])
        },
        "linalg.matvec": { made, a, told in
            guard let b = told.take("b") else { return nil }
            let x = told.value("transpose_a", false) == true ? made.transposed(a) : a
            let column = made.add("numpy.ExpandDims", [b], ["axis": -1])
            let product = made.add("numpy.Matmul", [x, column])
            return made.add("numpy.Squeeze", [product], ["axis": -1])
        },
        "linalg.matrix_transpose": { made, x, _ in made.transposed(x) },
        "linalg.adjoint": { made, x, _ in made.transposed(x) },
        "linalg.trace": { made, x, _ in made.add("numpy.Trace", [x], ["offset": 0, "axis1": -2, "axis2": -1]) },
        "linalg.diag_part": { made, x, told in
            guard let k = told.value("k", 0)?.integer else { return nil }
            told.pass("padding_value", "align")
            return made.add("numpy.Diagonal", [x], ["offset": .integer(k), "axis1": -2, "axis2": -1])
        },
        "linalg.band_part": { made, x, told in
            guard let lower = told.value("num_lower")?.integer, let upper = told.value("num_upper")?.integer, lower < 1 << 40 else { return nil }
            var result = x
            if lower >= 0 { result = made.add("numpy.Triu", [result], ["k": .integer(-lower)]) }
            if upper >= 0 { result = made.add("numpy.Tril", [result], ["k": .integer(upper)]) }
            return lower < 0 && upper < 0 ? made.add("numpy.Copy", [x]) : result
        },
        "linalg.cross": { made, a, told in
            guard let b = told.take("b") else { return nil }
            return made.add("numpy.Cross", [a, b], ["axisa": -1, "axisb": -1, "axisc": -1, "axis": .null])
        },
        "norm": norm,
        "linalg.eigh": { made, x, _ in made.add("linalg.Eigh", [x]) },
        "linalg.qr": { made, x, told in
            guard let isFull = told.value("full_matrices", false)?.bool else { return nil }
            return made.add("linalg.Qr", [x], ["mode": isFull ? "complete" : "reduced"])
        },
        "linalg.svd": { made, x, told in
            guard let hasVectors = told.value("compute_uv", true)?.bool, let isFull = told.value("full_matrices", false)?.bool else { return nil }
            guard hasVectors else { return made.add("linalg.SVD", [x], ["full_matrices": false, "compute_uv": false]) }
            // TensorFlow gives s, u and v, Keras u, s and v transposed.
            let all = made.add("linalg.SVD", [x], ["full_matrices": .bool(isFull), "compute_uv": true])
            let v = made.transposed(made.output(2, of: all))
            made.outputs = [made.output(1, of: all), all, v].flatMap(\.tensors)
            return v
        },
        "linalg.lstsq": { made, a, told in
            guard let b = told.take("rhs"), told.value("l2_regularizer", 0)?.number == 0 else { return nil }
            told.pass("fast")
            let inverse = made.add("linalg.Pinv", [a], ["rcond": .null])
            return made.add("numpy.Matmul", [inverse, b])
        },
        "linalg.eigvalsh": { made, x, _ in made.add("linalg.Eigh", [x]) },
        "linalg.slogdet": { made, x, _ in made.add("numpy.Slogdet", [x]) },
        "linalg.cholesky_solve": { made, factor, told in
            guard let b = told.take("rhs") else { return nil }
            let y = made.add("linalg.SolveTriangular", [factor, b], ["lower": true])
            let upper = made.transposed(factor)
            return made.add("linalg.SolveTriangular", [upper, y], ["lower": false])
        },
        "linalg.diag": { made, x, told in
            guard told.value("k", 0)?.integer == 0, told.value("num_rows", -1)?.integer == -1, told.value("num_cols", -1)?.integer == -1,
                told.value("padding_value", 0)?.number == 0
            else { return nil }
            told.pass("align")
            // As many rows and columns as there are numbers, of which the diagonal stays.
            let rows = made.add("numpy.ExpandDims", [x], ["axis": -1])
            let columns = made.add("numpy.ExpandDims", [x], ["axis": -2])
            let ones = made.add("numpy.OnesLike", [columns], ["dtype": .null])
            let full = made.add("numpy.Multiply", [rows, ones])
            let lower = made.add("numpy.Tril", [full], ["k": 0])
            return made.add("numpy.Triu", [lower], ["k": 0])
        },
        "linalg.pinv": { made, x, told in
            guard let limit = told.value("rcond") else { return nil }
            told.pass("validate_args")
            return made.add("linalg.Pinv", [x], ["rcond": limit])
        },
        "linalg.matrix_rank": { made, x, told in
            guard let limit = told.value("tol") else { return nil }
            told.pass("validate_args")
            return made.add("linalg.MatrixRank", [x], ["tol": limit])
        },
        "linalg.solve": { made, a, told in
            guard let b = told.take("rhs"), let isAdjoint = told.value("adjoint", false)?.bool else { return nil }
            return made.add("linalg.Solve", [isAdjoint ? made.transposed(a) : a, b])
        },
        "linalg.triangular_solve": { made, a, told in
            guard let b = told.take("rhs"), let isLower = told.value("lower", true)?.bool, let isAdjoint = told.value("adjoint", false)?.bool
            else { return nil }
            guard isAdjoint else { return made.add("linalg.SolveTriangular", [a, b], ["lower": .bool(isLower)]) }
            let flipped = made.transposed(a)
            return made.add("linalg.SolveTriangular", [flipped, b], ["lower": .bool(!isLower)])
        },
    ]

    private static let norm: Write = { made, x, told in
        guard let axis = told.value("axis"), let keepdims = told.value("keepdims", false), let order = told.value("ord", "euclidean") else { return nil }
        if order == "euclidean" || order == "fro" { return made.euclidean(x, axis, keepdims) }
        let isVector = axis.isNull || axis.integer != nil || axis.array?.count == 1
        switch order.number {
        case 2? where isVector: return made.euclidean(x, axis, keepdims)
        case 1? where isVector:
            let size = made.add("numpy.Absolute", [x])
            return made.reduce("Sum", size, axis, keepdims)
        case let number?:
            guard !axis.isNull, number == 1 || number == 2 else { return nil }
            return made.add("linalg.Norm", [x], ["ord": order, "axis": axis, "keepdims": keepdims])
        case nil: return nil
        }
    }
}
