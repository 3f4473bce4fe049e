package import Graphs
package import Tensors

/// Q and R of A = Q · R for stacks of matrices: (…, M, N) gives (…, M, K) and (…, K, N), K the lesser of M and N, or M where
/// `isComplete`. float32, computed in Double by reflections, with the signs of LAPACK's and Eigen's.
///
/// Gradients as TensorFlow's, which has none for complete factors of more rows than columns: there it is 0.
package struct OrthogonalFactors: Op {
    package var isComplete: Bool

    package init(complete: Bool = false) { isComplete = complete }

    package var name: String { "orthogonal_factors" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try requireMatrices(name, inputs[0])
        let front = Array(inputs[0].shape.dims.dropLast(2)), dims = inputs[0].shape.dims
        let (rows, columns) = (dims[dims.count - 2], dims[dims.count - 1])
        let inner: Int? = isComplete ? rows : rows.flatMap { rows in columns.map { min(rows, $0) } }
        let q = PartialShape(front + [rows, inner])
        if q.concrete != nil, q.count == nil {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(q)")
        }
        return [ValueInfo(q), ValueInfo(PartialShape(front + [inner, columns]))]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundOrthogonalFactors(site.inputs[0].shape, inner: site.outputs[0].shape.dims.last ?? 0)
    }
}

private struct BoundOrthogonalFactors: BoundOp {
    let stack: MatrixStack
    let inner: Int

    init(_ shape: Shape, inner: Int) {
        self.inner = inner
        stack = MatrixStack(shape) { rows, columns in 4 * Double(rows) * Double(columns) * Double(inner) }
    }

    private var m: Int { stack.rows }
    private var n: Int { stack.columns }
    var memory: WorkingMemory { WorkingMemory(workerScratch: (3 * m * n + 4 * m * inner + 5 * inner * inner + inner * n + n + 8) * 8) }
    var cost: Double { Double(stack.count) * stack.work }
    var retained: Retained { Retained(inputs: m < n ? [0] : [], outputs: [0, 1]) }

    var forwardStages: [Int] { [stack.tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var area = MatrixArea(frame)
        let a = area.matrix(m, n), q = area.matrix(m, inner), taus = area.numbers(min(m, n))
        for index in stack.tiles.range(tile) {
            a.take(frame.input(0) + index * m * n)
            for column in 0..<min(m, n) {
                taus[column] = a.makeReflection(column, from: column)
                a.reflect(by: a, column, from: column, taus[column], columns: (column + 1)..<max(n, column + 1))
            }
            q.setProduct(ofReflections: a, taus)
            q.give(frame.output(0) + index * m * inner)
            let r = frame.output(1) + index * inner * n
            for row in 0..<inner { for column in 0..<n { r[row * n + column] = column >= row ? Float(a[row, column]) : 0 } }
        }
    }

    var backwardStages: [Int] { [stack.tiles.count] }
    /// As TensorFlow: Q · (dR + tril(QᵀdQ - dQᵀQ + RdRᵀ - dRRᵀ) · R⁻ᵀ) + (dQ - QQᵀdQ) · R⁻ᵀ; columns beyond a square are Q · dR.
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = stack.tiles.range(tile)
        frame.noGradient(0, range.lowerBound * m * n..<range.upperBound * m * n)
        guard inner <= n, frame.outputGradient(0) != nil || frame.outputGradient(1) != nil else { return }
        let k = inner
        var area = MatrixArea(frame)
        let q = area.matrix(m, k), r = area.matrix(k, n), dq = area.matrix(m, k), dr = area.matrix(k, n), a = area.matrix(m, n)
        let products = area.matrix(k, k), triangle = area.matrix(k, k), qdq = area.matrix(k, k), rest = area.matrix(m, k)
        let result = area.matrix(m, n)
        for index in range {
            q.take(frame.output(0) + index * m * k)
            r.take(frame.output(1) + index * k * n)
            dq.take(gradient: frame.outputGradient(0).map { $0 + index * m * k })
            dr.take(gradient: frame.outputGradient(1).map { $0 + index * k * n })
            let u = r.columns(0..<k), du = dr.columns(0..<k)
            if n > k {
                a.take(frame.input(0) + index * m * n)
                dq.product(a.columns(k..<n), dr.columns(k..<n).transposed, adding: 1)
                result.columns(k..<n).product(q, dr.columns(k..<n))
            }
            qdq.product(q.transposed, dq)
            products.product(u, du.transposed)
            for row in 0..<k {
                for column in 0..<k {
                    triangle[row, column] =
                        column > row ? 0 : qdq[row, column] - qdq[column, row] + products[row, column] - products[column, row]
                }
            }
            triangle.divideByTransposed(ofUpper: u)
            for row in 0..<k { for column in 0..<k { triangle[row, column] += du[row, column] } }
            rest.take(dq)
            rest.product(q, qdq, adding: -1)
            rest.divideByTransposed(ofUpper: u)
            result.columns(0..<k).product(q, triangle)
            for row in 0..<m { for column in 0..<k { result[row, column] += rest[row, column] } }
            result.add(to: target + index * m * n)
        }
    }
}
