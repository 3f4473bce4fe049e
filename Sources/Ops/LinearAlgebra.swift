package import Graphs
import Kernels
package import Tensors

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// X of A · X = B for stacks of square matrices: A (…, N, N) and B (…, N, M) give (…, N, M), with the same axes in front. float32,
/// eliminated in Double with rows exchanged. A matrix that can't be inverted gives infinities or NaN.
package struct Solve: Op {
    package init() {}

    package var name: String { "solve" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let (a, b) = (inputs[0].shape, inputs[1].shape)
        try requireSquare(name, a)
        guard b.rank == a.rank, b[b.rank - 2] == nil || a[a.rank - 1] == nil || b[b.rank - 2] == a[a.rank - 1] else {
            throw mismatch(name, expected: "matrices that \(a) can be solved for", got: "\(b)")
        }
        var result = b
        for axis in 0..<(a.rank - 2) {
            guard a[axis] == nil || b[axis] == nil || a[axis] == b[axis] else {
                throw mismatch(name, expected: "the same axes in front", got: "\(a) and \(b)")
            }
            result[axis] = a[axis] ?? b[axis]
        }
        return [ValueInfo(result)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundSolve(site) }
}

/// Throws unless an input is a stack of square matrices.
private func requireSquare(_ op: String, _ shape: PartialShape) throws(LocatedError) {
    guard shape.rank >= 2, shape[shape.rank - 1] == nil || shape[shape.rank - 2] == nil || shape[shape.rank - 1] == shape[shape.rank - 2]
    else { throw mismatch(op, expected: "square matrices", got: "\(shape)") }
}

/// An LU decomposition in place: rows of n doubles, the exchanges, and the sign of their permutation.
func eliminate(_ lu: UnsafeMutablePointer<Double>, _ order: UnsafeMutablePointer<Int>, _ n: Int) -> Double {
    var sign = 1.0
    for i in 0..<n { order[i] = i }
    for column in 0..<n {
        var best = column
        for row in (column + 1)..<max(n, column + 1) where abs(lu[row * n + column]) > abs(lu[best * n + column]) { best = row }
        if best != column {
            for j in 0..<n {
                let kept = lu[column * n + j]
                lu[column * n + j] = lu[best * n + j]
                lu[best * n + j] = kept
            }
            let kept = order[column]
            order[column] = order[best]
            order[best] = kept
            sign = -sign
        }
        let pivot = lu[column * n + column]
        if pivot == 0 { continue }
        for row in (column + 1)..<max(n, column + 1) {
            let factor = lu[row * n + column] / pivot
            lu[row * n + column] = factor
            for j in (column + 1)..<n { lu[row * n + j] -= factor * lu[column * n + j] }
        }
    }
    return sign
}

/// x of A·x = b, or of Aᵀ·x = b, from the decomposition; `x` is n doubles, `b` is read with a stride.
private func substitute(
    _ lu: UnsafePointer<Double>, _ order: UnsafePointer<Int>, _ n: Int, transposed: Bool, _ b: (Int) -> Double,
    _ x: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>
) {
    if !transposed {
        for i in 0..<n {
            var sum = b(order[i])
            for j in 0..<i { sum -= lu[i * n + j] * x[j] }
            x[i] = sum
        }
        for i in (0..<n).reversed() {
            var sum = x[i]
            for j in (i + 1)..<max(n, i + 1) { sum -= lu[i * n + j] * x[j] }
            x[i] = sum / lu[i * n + i]
        }
    } else {
        for i in 0..<n {
            var sum = b(i)
            for j in 0..<i { sum -= lu[j * n + i] * y[j] }
            y[i] = sum / lu[i * n + i]
        }
        for i in (0..<n).reversed() {
            var sum = y[i]
            for j in (i + 1)..<max(n, i + 1) { sum -= lu[j * n + i] * y[j] }
            y[i] = sum
        }
        for i in 0..<n { x[order[i]] = y[i] }
    }
}

private struct BoundSolve: BoundOp {
    let (count, n, m): (Int, Int, Int)
    let tiles: TileCut
    let wants: [Bool]

    init(_ site: Site) {
        let b = site.inputs[1].shape
        (n, m) = (b[b.rank - 2], b[b.rank - 1])
        count = b.dims.dropLast(2).reduce(1, *)
        wants = site.wantsGradient
        tiles = TileCut(count, nanosecondsPerUnit: Double(n * n * (n + m)) + 50)
    }

    var memory: WorkingMemory { WorkingMemory(workerScratch: (n * n + 3 * n + n * m + 8) * 8) }
    var cost: Double { Double(count * n * n * (n + m)) }
    var retained: Retained { Retained(inputs: [0], outputs: wants[0] ? [0] : []) }

    private func work(_ frame: Frame) -> (lu: UnsafeMutablePointer<Double>, order: UnsafeMutablePointer<Int>, x: UnsafeMutablePointer<Double>) {
        let base = frame.workerScratch
        return (
            base.assumingMemoryBound(to: Double.self), (base + n * n * 8).assumingMemoryBound(to: Int.self),
            (base + (n * n + n) * 8).assumingMemoryBound(to: Double.self)
        )
    }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (lu, order, x) = work(frame)
        for matrix in tiles.range(tile) {
            let a = frame.input(0) + matrix * n * n, b = frame.input(1) + matrix * n * m, y = frame.output() + matrix * n * m
            for index in 0..<(n * n) { lu[index] = Double(a[index]) }
            _ = eliminate(lu, order, n)
            for column in 0..<m {
                substitute(lu, order, n, transposed: false, { Double(b[$0 * m + column]) }, x, x + n)
                for row in 0..<n { y[row * m + column] = Float(x[row]) }
            }
        }
    }

    var backwardStages: [Int] { [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let range = tiles.range(tile)
        if wants[0] { frame.noGradient(0, range.lowerBound * n * n..<range.upperBound * n * n) }
        if wants[1] { frame.noGradient(1, range.lowerBound * n * m..<range.upperBound * n * m) }
        guard let gradient = frame.outputGradient() else { return }
        let (lu, order, x) = work(frame)
        let db = x + 2 * n
        for matrix in range {
            let a = frame.input(0) + matrix * n * n, dy = gradient + matrix * n * m
            for index in 0..<(n * n) { lu[index] = Double(a[index]) }
            _ = eliminate(lu, order, n)
            for column in 0..<m {
                substitute(lu, order, n, transposed: true, { Double(dy[$0 * m + column]) }, x, x + n)
                for row in 0..<n { db[row * m + column] = x[row] }
            }
            if wants[1], let target = frame.inputGradient(1) {
                for index in 0..<(n * m) { target[matrix * n * m + index] += Float(db[index]) }
            }
            // dA = -dB · Xᵀ.
            if wants[0], let target = frame.inputGradient(0) {
                let y = frame.output() + matrix * n * m
                for i in 0..<n {
                    for j in 0..<n {
                        var sum = 0.0
                        for column in 0..<m { sum += db[i * m + column] * Double(y[j * m + column]) }
                        target[matrix * n * n + i * n + j] -= Float(sum)
                    }
                }
            }
        }
    }
}

/// The sign of the determinant of square matrices, and the logarithm of its magnitude: (…, N, N) gives (…) twice. float32,
/// eliminated in Double.
package struct Determinant: Op {
    package init() {}

    package var name: String { "determinant" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        try requireSquare(name, inputs[0].shape)
        let info = ValueInfo(PartialShape(Array(inputs[0].shape.dims.dropLast(2))))
        return [info, info]
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        return BoundDeterminant(n: shape[shape.rank - 1], count: shape.dims.dropLast(2).reduce(1, *))
    }
}

private struct BoundDeterminant: BoundOp {
    let n: Int
    let count: Int

    private var tiles: TileCut { TileCut(count, nanosecondsPerUnit: Double(n * n * n) + 50) }
    var memory: WorkingMemory { WorkingMemory(workerScratch: (n * n + 3 * n + 8) * 8) }
    var cost: Double { Double(count * n * n * n) }
    var retained: Retained { Retained(inputs: [0]) }

    private func decomposed(_ frame: Frame, _ matrix: Int) -> (lu: UnsafeMutablePointer<Double>, order: UnsafeMutablePointer<Int>, sign: Double) {
        let lu = frame.workerScratch.assumingMemoryBound(to: Double.self)
        let order = (frame.workerScratch + n * n * 8).assumingMemoryBound(to: Int.self)
        let a = frame.input(0) + matrix * n * n
        for index in 0..<(n * n) { lu[index] = Double(a[index]) }
        return (lu, order, eliminate(lu, order, n))
    }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for matrix in tiles.range(tile) {
            var (lu, _, sign) = decomposed(frame, matrix)
            var logarithm = 0.0
            for i in 0..<n {
                let pivot = lu[i * n + i]
                if pivot == 0 { sign = 0 } else if pivot < 0 { sign = -sign }
                logarithm += log(abs(pivot))
            }
            frame.output(0)[matrix] = Float(sign)
            frame.output(1)[matrix] = Float(logarithm)
        }
    }

    /// Only the logarithm has a gradient: the inverse, transposed.
    var backwardStages: [Int] { [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tiles.range(tile)
        frame.noGradient(0, range.lowerBound * n * n..<range.upperBound * n * n)
        guard let gradient = frame.outputGradient(1) else { return }
        for matrix in range {
            let (lu, order, _) = decomposed(frame, matrix)
            let x = (frame.workerScratch + (n * n + n) * 8).assumingMemoryBound(to: Double.self)
            for column in 0..<n {
                // Column `column` of the inverse of Aᵀ.
                substitute(lu, order, n, transposed: true, { $0 == column ? 1 : 0 }, x, x + n)
                for row in 0..<n { target[(matrix * n + row) * n + column] += gradient[matrix] * Float(x[row]) }
            }
        }
    }
}

/// The lower triangle L of A = L · Lᵀ for stacks of symmetric positive matrices; what stands above the diagonal of A isn't read.
/// float32, computed in Double. A matrix that isn't positive gives NaN.
package struct Cholesky: Op {
    package init() {}

    package var name: String { "cholesky" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        try requireSquare(name, inputs[0].shape)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        return BoundCholesky(n: shape[shape.rank - 1], count: shape.dims.dropLast(2).reduce(1, *))
    }
}

private struct BoundCholesky: BoundOp {
    let n: Int
    let count: Int

    private var tiles: TileCut { TileCut(count, nanosecondsPerUnit: Double(n * n * n) + 50) }
    var memory: WorkingMemory { WorkingMemory(workerScratch: 3 * n * n * 8 + 64) }
    var cost: Double { Double(count * n * n * n) }
    var retained: Retained { Retained(outputs: [0]) }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let l = frame.workerScratch.assumingMemoryBound(to: Double.self)
        for matrix in tiles.range(tile) {
            let a = frame.input(0) + matrix * n * n, y = frame.output() + matrix * n * n
            for i in 0..<n {
                for j in 0...i {
                    var sum = Double(a[i * n + j])
                    for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
                    l[i * n + j] = i == j ? sum.squareRoot() : sum / l[j * n + j]
                }
                for j in 0..<n { y[i * n + j] = j <= i ? Float(l[i * n + j]) : 0 }
            }
        }
    }

    var backwardStages: [Int] { [tiles.count] }
    /// dA = ½ L⁻ᵀ (Φ + Φᵀ) L⁻¹, where Φ is the lower triangle of Lᵀ·dL with its diagonal halved, as TensorFlow gives it.
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tiles.range(tile), size = n * n
        frame.noGradient(0, range.lowerBound * size..<range.upperBound * size)
        guard let gradient = frame.outputGradient() else { return }
        let l = frame.workerScratch.assumingMemoryBound(to: Double.self), s = l + size, t = s + size
        for matrix in range {
            let y = frame.output() + matrix * size, dy = gradient + matrix * size
            for index in 0..<size { l[index] = Double(y[index]) }
            for i in 0..<n {
                for j in 0...i {
                    var sum = 0.0
                    for k in i..<n { sum += l[k * n + i] * Double(dy[k * n + j]) }
                    if i == j { sum /= 2 }
                    s[i * n + j] = sum
                    s[j * n + i] = i == j ? 2 * sum : sum
                }
            }
            // T = L⁻ᵀ·S, then dA = ½·T·L⁻¹.
            for column in 0..<n {
                for i in (0..<n).reversed() {
                    var sum = s[i * n + column]
                    for k in (i + 1)..<max(n, i + 1) { sum -= l[k * n + i] * t[k * n + column] }
                    t[i * n + column] = sum / l[i * n + i]
                }
            }
            for row in 0..<n {
                for j in (0..<n).reversed() {
                    var sum = t[row * n + j]
                    for k in (j + 1)..<max(n, j + 1) { sum -= s[row * n + k] * l[k * n + j] }
                    s[row * n + j] = sum / l[j * n + j]
                }
                for j in 0..<n { target[matrix * size + row * n + j] += Float(s[row * n + j] / 2) }
            }
        }
    }
}
