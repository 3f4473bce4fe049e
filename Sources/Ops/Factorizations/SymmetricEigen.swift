package import Graphs
package import Tensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Eigenvalues, ascending, and eigenvectors (as columns) of stacks of symmetric matrices: (…, N, N) gives (…, N) and (…, N, N).
/// What stands above the diagonal isn't read. float32, computed in Double.
///
/// An eigenvector's sign is free: the steps and the limit where they stop are those of Eigen's `SelfAdjointEigenSolver` for float32,
/// which TensorFlow calls, so that signs nearly always come out as there for small matrices (97 of 100 of 9 rows, 73 of 20; rounding
/// decides the rest). Equal eigenvalues have no gradient (it is taken as if they weren't there).
package struct SymmetricEigen: Op {
    package init() {}

    package var name: String { "symmetric_eigen" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try requireMatrices(name, inputs[0], square: true)
        return [ValueInfo(PartialShape(Array(inputs[0].shape.dims.dropLast()))), inputs[0]]
    }

    package func bound(to site: Site) -> any BoundOp { BoundSymmetricEigen(site.inputs[0].shape) }
}

private struct BoundSymmetricEigen: BoundOp {
    let stack: MatrixStack

    init(_ shape: Shape) {
        stack = MatrixStack(shape) { rows, _ in 9 * Double(rows) * Double(rows) * Double(rows) }
    }

    private var n: Int { stack.rows }
    var memory: WorkingMemory { WorkingMemory(workerScratch: (4 * n * n + 4 * n + 8) * 8) }
    var cost: Double { Double(stack.count) * stack.work }
    var retained: Retained { Retained(outputs: [0, 1]) }

    var forwardStages: [Int] { [stack.tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var area = MatrixArea(frame)
        let a = area.matrix(n, n), q = area.matrix(n, n)
        let diagonal = area.numbers(n), beside = area.numbers(n), taus = area.numbers(n), sums = area.numbers(n)
        for index in stack.tiles.range(tile) {
            a.take(frame.input(0) + index * n * n)
            let values = frame.output(0) + index * n, vectors = frame.output(1) + index * n * n
            for row in 0..<n { for column in 0..<row { a[column, row] = a[row, column] } }
            guard a.hasOnlyFinite else {
                for place in 0..<n { values[place] = .nan }
                for place in 0..<(n * n) { vectors[place] = .nan }
                continue
            }
            let largest = a.largestMagnitude, scale = largest == 0 ? 1 : largest
            for row in 0..<n { for column in 0..<n { a[row, column] /= scale } }
            tridiagonalize(a, diagonal, beside, taus, sums)
            q.setIdentity()
            for column in (0..<max(n - 1, 0)).reversed() {
                q.reflect(by: a, column, from: column + 1, taus[column], columns: 0..<n)
            }
            iterate(diagonal, beside, q)
            for row in 0..<n { values[row] = Float(diagonal[row] * scale) }
            q.give(vectors)
        }
    }

    /// Reflections from both sides until only the diagonal and its neighbours are left; their vectors stay below.
    private func tridiagonalize(
        _ a: Matrix, _ diagonal: UnsafeMutablePointer<Double>, _ beside: UnsafeMutablePointer<Double>,
        _ taus: UnsafeMutablePointer<Double>, _ sums: UnsafeMutablePointer<Double>
    ) {
        for column in 0..<max(n - 1, 0) {
            let first = column + 1
            let tau = a.makeReflection(column, from: first), beta = a[first, column]
            a[first, column] = 1
            for row in first..<n {
                var sum = 0.0
                for other in first..<n { sum += a[max(row, other), min(row, other)] * a[other, column] }
                sums[row] = tau * sum
            }
            var product = 0.0
            for row in first..<n { product += sums[row] * a[row, column] }
            for row in first..<n { sums[row] -= tau / 2 * product * a[row, column] }
            for row in first..<n {
                for other in first...row {
                    a[row, other] -= a[row, column] * sums[other] + sums[row] * a[other, column]
                }
            }
            a[first, column] = beta
            taus[column] = tau
            beside[column] = beta
        }
        for row in 0..<n { diagonal[row] = a[row, row] }
    }

    /// Steps of QR with shifts, then the order.
    private func iterate(_ diagonal: UnsafeMutablePointer<Double>, _ beside: UnsafeMutablePointer<Double>, _ q: Matrix) {
        let tiny = Double(Float.leastNormalMagnitude), inverse = 1 / Double(Float.ulpOfOne)
        var end = n - 1, start = 0, steps = 0
        while end > 0 {
            for place in start..<end {
                let scaled = inverse * beside[place]
                if abs(beside[place]) < tiny || scaled * scaled <= abs(diagonal[place]) + abs(diagonal[place + 1]) {
                    beside[place] = 0
                }
            }
            while end > 0, beside[end - 1] == 0 { end -= 1 }
            if end <= 0 { break }
            steps += 1
            if steps > 30 * n { break }
            start = end - 1
            while start > 0, beside[start - 1] != 0 { start -= 1 }
            step(diagonal, beside, q, start, end)
        }
        for place in 0..<max(n - 1, 0) {
            var least = place
            for other in (place + 1)..<n where diagonal[other] < diagonal[least] { least = other }
            guard least != place else { continue }
            (diagonal[place], diagonal[least]) = (diagonal[least], diagonal[place])
            q.swapColumns(place, least)
        }
    }

    private func step(
        _ diagonal: UnsafeMutablePointer<Double>, _ beside: UnsafeMutablePointer<Double>, _ q: Matrix, _ start: Int, _ end: Int
    ) {
        let half = (diagonal[end - 1] - diagonal[end]) / 2, e = beside[end - 1]
        var shift = diagonal[end]
        if half == 0 {
            shift -= abs(e)
        } else if e != 0 {
            let length = hypot(half, e)
            shift -= e * e / (half + (half > 0 ? length : -length))
        }
        var x = diagonal[start] - shift, z = beside[start]
        for k in start..<end where z != 0 {
            let (c, s) = rotation(x, z)
            let low = s * diagonal[k] + c * beside[k], high = s * beside[k] + c * diagonal[k + 1]
            diagonal[k] = c * (c * diagonal[k] - s * beside[k]) - s * (c * beside[k] - s * diagonal[k + 1])
            diagonal[k + 1] = s * low + c * high
            beside[k] = c * low - s * high
            if k > start { beside[k - 1] = c * beside[k - 1] - s * z }
            x = beside[k]
            if k < end - 1 {
                z = -s * beside[k + 1]
                beside[k + 1] = c * beside[k + 1]
            }
            for row in 0..<n {
                let (a, b) = (q[row, k], q[row, k + 1])
                q[row, k] = c * a - s * b
                q[row, k + 1] = s * a + c * b
            }
        }
    }

    /// The rotation that takes (p, q) to (r, 0).
    private func rotation(_ p: Double, _ q: Double) -> (c: Double, s: Double) {
        if q == 0 { return (p < 0 ? -1 : 1, 0) }
        if p == 0 { return (0, q < 0 ? 1 : -1) }
        if abs(p) > abs(q) {
            let t = q / p, length = (1 + t * t).squareRoot(), c = 1 / (p < 0 ? -length : length)
            return (c, -t * c)
        }
        let t = p / q, length = (1 + t * t).squareRoot(), s = -1 / (q < 0 ? -length : length)
        return (-t * s, s)
    }

    var backwardStages: [Int] { [stack.tiles.count] }
    /// V · (diag(de) + F ∘ (Vᵀ · dV)) · Vᵀ, F = 1/(e_j - e_i) off the diagonal, folded onto the lower triangle, as in TensorFlow.
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = stack.tiles.range(tile)
        frame.noGradient(0, range.lowerBound * n * n..<range.upperBound * n * n)
        guard frame.outputGradient(0) != nil || frame.outputGradient(1) != nil else { return }
        var area = MatrixArea(frame)
        let v = area.matrix(n, n), dv = area.matrix(n, n), inner = area.matrix(n, n), product = area.matrix(n, n)
        for index in range {
            v.take(frame.output(1) + index * n * n)
            dv.take(gradient: frame.outputGradient(1).map { $0 + index * n * n })
            let e = frame.output(0) + index * n
            inner.product(v.transposed, dv)
            for row in 0..<n {
                for column in 0..<n where row != column {
                    inner[row, column] *= safeReciprocal(Double(e[column]) - Double(e[row]))
                }
                inner[row, row] = frame.outputGradient(0).map { Double($0[index * n + row]) } ?? 0
            }
            product.product(v, inner)
            inner.product(product, v.transposed)
            let gradient = target + index * n * n
            for row in 0..<n {
                gradient[row * n + row] += Float(inner[row, row])
                for column in 0..<row { gradient[row * n + column] += Float(inner[row, column] + inner[column, row]) }
            }
        }
    }
}

/// x / (x² + 1e-20), as TensorFlow takes reciprocals here.
func safeReciprocal(_ x: Double) -> Double { x / (x * x + 1e-20) }
