package import Graphs
package import Tensors

/// Singular values, descending, and singular vectors (as columns) of stacks of matrices: (…, M, N) gives (…, K), (…, M, K) and
/// (…, N, K), K the lesser of M and N; (…, M, M) and (…, N, N) where `isFull`. float32, computed in Double.
///
/// The signs of the vectors are free in pairs: the steps are those of Eigen's `JacobiSVD` for float32, which TensorFlow calls for
/// fewer than 16 columns, so that signs come out as there; for more columns they may differ. Gradients as TensorFlow's, which has
/// none for full vectors where M and N differ by more than 1: there it is 0, and equal singular values have none.
package struct SingularValues: Op {
    package var isFull: Bool

    package init(full: Bool = false) { isFull = full }

    package var name: String { "singular_values" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try requireMatrices(name, inputs[0])
        let front = Array(inputs[0].shape.dims.dropLast(2)), dims = inputs[0].shape.dims
        let (rows, columns) = (dims[dims.count - 2], dims[dims.count - 1])
        let inner = rows.flatMap { rows in columns.map { min(rows, $0) } }
        let shapes = [front + [inner], front + [rows, isFull ? rows : inner], front + [columns, isFull ? columns : inner]]
        for shape in shapes {
            if PartialShape(shape).concrete != nil, PartialShape(shape).count == nil {
                throw LocatedError(
                    .unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(PartialShape(shape))")
            }
        }
        return shapes.map { ValueInfo(PartialShape($0)) }
    }

    package func bound(to site: Site) -> any BoundOp { BoundSingularValues(site.inputs[0].shape, isFull: isFull) }
}

private struct BoundSingularValues: BoundOp {
    let stack: MatrixStack
    let isFull: Bool

    init(_ shape: Shape, isFull: Bool) {
        self.isFull = isFull
        stack = MatrixStack(shape) { rows, columns in 60 * Double(max(rows, columns)) * Double(min(rows, columns)) * Double(min(rows, columns)) }
    }

    private var m: Int { stack.rows }
    private var n: Int { stack.columns }
    private var k: Int { min(m, n) }
    private var uColumns: Int { isFull ? m : k }
    private var vColumns: Int { isFull ? n : k }
    var memory: WorkingMemory {
        WorkingMemory(workerScratch: (2 * m * n + 2 * m * uColumns + 2 * n * vColumns + 6 * k * k + 4 * (m + n) * k + 4 * k + 8) * 8)
    }
    var cost: Double { Double(stack.count) * stack.work }
    var retained: Retained { Retained(outputs: [0, 1, 2]) }

    var forwardStages: [Int] { [stack.tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var area = MatrixArea(frame)
        let a = area.matrix(m, n), u = area.matrix(m, uColumns), v = area.matrix(n, vColumns), work = area.matrix(k, k)
        let taus = area.numbers(k)
        for index in stack.tiles.range(tile) {
            a.take(frame.input(0) + index * m * n)
            let values = frame.output(0) + index * k
            guard a.hasOnlyFinite else {
                for place in 0..<k { values[place] = .nan }
                for place in 0..<(m * uColumns) { frame.output(1)[index * m * uColumns + place] = .nan }
                for place in 0..<(n * vColumns) { frame.output(2)[index * n * vColumns + place] = .nan }
                continue
            }
            let largest = a.largestMagnitude, scale = largest == 0 ? 1 : largest
            for row in 0..<m { for column in 0..<n { a[row, column] /= scale } }
            if m == n {
                work.take(a)
                u.setIdentity()
                v.setIdentity()
            } else if m > n {
                reduce(a, work, u, v, taus)
            } else {
                reduce(a.transposed, work.transposed, v, u, taus)
            }
            rotate(work, u, v)
            order(work, u, v)
            for place in 0..<k { values[place] = Float(work[place, place] * scale) }
            u.give(frame.output(1) + index * m * uColumns)
            v.give(frame.output(2) + index * n * vColumns)
        }
    }

    /// Takes a tall matrix's triangle (with its columns in another order) into `work`, its Q into `u`, the order into `v`.
    private func reduce(_ a: Matrix, _ work: Matrix, _ u: Matrix, _ v: Matrix, _ taus: UnsafeMutablePointer<Double>) {
        v.setIdentity()
        for column in 0..<k {
            var longest = column, length = -1.0
            for other in column..<k {
                var sum = 0.0
                for row in column..<a.rows { sum += a[row, other] * a[row, other] }
                if sum > length { (longest, length) = (other, sum) }
            }
            a.swapColumns(column, longest)
            v.swapColumns(column, longest)
            taus[column] = a.makeReflection(column, from: column)
            a.reflect(by: a, column, from: column, taus[column], columns: (column + 1)..<max(k, column + 1))
        }
        for row in 0..<k { for column in 0..<k { work[row, column] = column >= row ? a[row, column] : 0 } }
        u.setProduct(ofReflections: a, taus)
    }

    /// Rotations from both sides until nothing is left off the diagonal.
    private func rotate(_ work: Matrix, _ u: Matrix, _ v: Matrix) {
        let tiny = Double(Float.leastNormalMagnitude), precision = 2 * Double(Float.ulpOfOne)
        var largest = 0.0
        for place in 0..<k { largest = max(largest, abs(work[place, place])) }
        for _ in 0..<100 {
            var isDone = true
            for p in 1..<max(k, 1) {
                for q in 0..<p {
                    let limit = max(tiny, precision * largest)
                    guard abs(work[p, q]) > limit || abs(work[q, p]) > limit else { continue }
                    isDone = false
                    let (left, right) = rotations(work[p, p], work[p, q], work[q, p], work[q, q])
                    for column in 0..<k {
                        let (x, y) = (work[p, column], work[q, column])
                        work[p, column] = left.c * x + left.s * y
                        work[q, column] = left.c * y - left.s * x
                    }
                    for row in 0..<u.rows {
                        let (x, y) = (u[row, p], u[row, q])
                        u[row, p] = left.c * x + left.s * y
                        u[row, q] = left.c * y - left.s * x
                    }
                    for row in 0..<k {
                        let (x, y) = (work[row, p], work[row, q])
                        work[row, p] = right.c * x - right.s * y
                        work[row, q] = right.s * x + right.c * y
                    }
                    for row in 0..<v.rows {
                        let (x, y) = (v[row, p], v[row, q])
                        v[row, p] = right.c * x - right.s * y
                        v[row, q] = right.s * x + right.c * y
                    }
                    largest = max(largest, abs(work[p, p]), abs(work[q, q]))
                }
            }
            if isDone { break }
        }
    }

    /// The rotations that make a matrix of two rows diagonal.
    private func rotations(_ a: Double, _ b: Double, _ c: Double, _ d: Double) -> (left: (c: Double, s: Double), right: (c: Double, s: Double)) {
        let tiny = Double(Float.leastNormalMagnitude)
        // First a rotation that makes it symmetric.
        var first = (c: 1.0, s: 0.0)
        let sum = a + d, difference = c - b
        if abs(difference) >= tiny {
            let ratio = sum / difference, length = (1 + ratio * ratio).squareRoot()
            first = (ratio / length, 1 / length)
        }
        let x = first.c * a + first.s * c, y = first.c * b + first.s * d, z = first.c * d - first.s * b
        var right = (c: 1.0, s: 0.0)
        if 2 * abs(y) >= tiny {
            let tau = (x - z) / (2 * abs(y)), length = (tau * tau + 1).squareRoot()
            let t = tau > 0 ? 1 / (tau + length) : 1 / (tau - length), norm = 1 / (t * t + 1).squareRoot()
            right = (norm, -(t > 0 ? 1.0 : -1.0) * (y / abs(y)) * abs(t) * norm)
        }
        // first · rightᵀ.
        return ((first.c * right.c + first.s * right.s, first.s * right.c - first.c * right.s), right)
    }

    /// Values above 0, the largest first.
    private func order(_ work: Matrix, _ u: Matrix, _ v: Matrix) {
        for place in 0..<k where work[place, place] < 0 {
            work[place, place].negate()
            for row in 0..<u.rows { u[row, place].negate() }
        }
        for place in 0..<k {
            var largest = place
            for other in (place + 1)..<max(k, place + 1) where work[other, other] > work[largest, largest] { largest = other }
            guard largest != place else { continue }
            (work[place, place], work[largest, largest]) = (work[largest, largest], work[place, place])
            u.swapColumns(place, largest)
            v.swapColumns(place, largest)
        }
    }

    var backwardStages: [Int] { [stack.tiles.count] }
    /// As TensorFlow (Giles 2008; Townsend 2016).
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = stack.tiles.range(tile), isTall = m > n
        frame.noGradient(0, range.lowerBound * m * n..<range.upperBound * m * n)
        let gradients = (0..<3).map { frame.outputGradient($0) }
        let hasVectors = gradients[1] != nil || gradients[2] != nil
        guard hasVectors || gradients[0] != nil, !(hasVectors && isFull && abs(m - n) > 1) else { return }
        var area = MatrixArea(frame)
        let ownU = area.matrix(m, uColumns), ownV = area.matrix(n, vColumns), ownDU = area.matrix(m, uColumns), ownDV = area.matrix(n, vColumns)
        let wide = max(m, n)
        let fu = area.matrix(k, k), fv = area.matrix(k, k), inner = area.matrix(k, k), square = area.matrix(k, k)
        let half = area.matrix(k, wide), rest = area.matrix(k, wide), result = area.matrix(m, n)
        for index in range {
            let s = frame.output(0) + index * k
            ownU.take(frame.output(1) + index * m * uColumns)
            ownV.take(frame.output(2) + index * n * vColumns)
            ownDU.take(gradient: gradients[1].map { $0 + index * m * uColumns })
            ownDV.take(gradient: gradients[2].map { $0 + index * n * vColumns })
            // A tall matrix is transposed: u is always k by k here.
            let (u, v) = isTall ? (ownV, ownU) : (ownU, ownV), (du, dv) = isTall ? (ownDV, ownDU) : (ownDU, ownDV)
            let v1 = v.columns(0..<k), dv1 = dv.columns(0..<k)
            fu.product(u.transposed, du)
            fv.product(v1.transposed, dv1)
            for row in 0..<k {
                for column in 0..<k {
                    let (a, b) = (Double(s[row]), Double(s[column]))
                    let f = row == column ? 0 : safeReciprocal(b * b - a * a)
                    fu[row, column] *= f
                    fv[row, column] *= f
                }
            }
            for row in 0..<k {
                for column in 0..<k {
                    inner[row, column] =
                        (fu[row, column] + fu[column, row]) * Double(s[column]) + Double(s[row]) * (fv[row, column] + fv[column, row])
                }
                if let ds = gradients[0] { inner[row, row] += Double(ds[index * k + row]) }
            }
            half.product(inner, v1.transposed)
            if m != n {
                // S⁻¹ · (dVᵀ - dVᵀ·V·Vᵀ), without the part that full vectors have in what V leaves out.
                square.product(dv1.transposed, v1)
                rest.take(dv1.transposed)
                rest.product(square, v1.transposed, adding: -1)
                if isFull {
                    let other = v.columns(k..<wide), dOther = dv.columns(k..<wide)
                    let part = Matrix(fu.base, k, wide - k)
                    part.product(v1.transposed, dOther)
                    rest.product(part, other.transposed, adding: -1)
                }
                for row in 0..<k {
                    for column in 0..<wide { half[row, column] += safeReciprocal(Double(s[row])) * rest[row, column] }
                }
            }
            (isTall ? result.transposed : result).product(u, half)
            result.add(to: target + index * m * n)
        }
    }
}
