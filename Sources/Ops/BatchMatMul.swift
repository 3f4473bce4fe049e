package import Graphs
import Kernels
package import Tensors

/// C = A · B for stacks of matrices: (…, M, K) times (…, K, N) gives (…, M, N); the axes in front follow NumPy's broadcasting.
/// float32. For a matrix that all share, as a kernel is, `MatMul` is faster.
package struct BatchMatMul: Op {
    /// Whether the last two axes of an operand change places first.
    package var transposesA: Bool
    package var transposesB: Bool

    package init(transposingA: Bool = false, transposingB: Bool = false) {
        transposesA = transposingA
        transposesB = transposingB
    }

    package var name: String { "batch_matmul" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let (a, b) = (inputs[0].shape, inputs[1].shape)
        guard a.rank >= 2, b.rank >= 2 else {
            throw mismatch(name, expected: "two arrays of at least two axes", got: "\(a) and \(b)")
        }
        let (m, k) = transposesA ? (a[a.rank - 1], a[a.rank - 2]) : (a[a.rank - 2], a[a.rank - 1])
        let (n, depth) = transposesB ? (b[b.rank - 2], b[b.rank - 1]) : (b[b.rank - 1], b[b.rank - 2])
        if let k, let depth, k != depth {
            throw mismatch(name, expected: "matrices that can be multiplied", got: "\(a) times \(b)")
        }
        let lead = try broadcast(name, [PartialShape(a.dims.dropLast(2)), PartialShape(b.dims.dropLast(2))])
        return [ValueInfo(PartialShape(lead.dims + [m, n]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBatchMatMul(transposesA, transposesB, site) }
}

private struct BoundBatchMatMul: BoundOp {
    let transposesA: Bool
    let transposesB: Bool
    let (m, k, n): (Int, Int, Int)
    /// By matrix of the result: the number of the operand's matrix.
    let aOf: [Int]
    let bOf: [Int]
    /// By matrix of an operand: those of the result it is part of, one list after the other.
    let aUses: (starts: [Int], items: [Int])
    let bUses: (starts: [Int], items: [Int])
    let wants: [Bool]
    let rowBlocks: TileCut
    let batches: TileCut

    init(_ transposesA: Bool, _ transposesB: Bool, _ site: Site) {
        (self.transposesA, self.transposesB) = (transposesA, transposesB)
        let (a, b, c) = (site.inputs[0].shape, site.inputs[1].shape, site.outputs[0].shape)
        m = c[c.rank - 2]
        n = c[c.rank - 1]
        k = transposesA ? a[a.rank - 2] : a[a.rank - 1]
        wants = site.wantsGradient
        let lead = Shape(Array(c.dims.dropLast(2)))
        func numbers(_ operand: Shape) -> [Int] {
            let own = Shape(Array(operand.dims.dropLast(2))), strides = own.strides, skip = lead.rank - own.rank
            return (0..<lead.count).map { number in
                var rest = number, result = 0
                for axis in stride(from: lead.rank - 1, through: 0, by: -1) {
                    let index = rest % lead[axis]
                    rest /= lead[axis]
                    if axis >= skip, own[axis - skip] != 1 { result += index * strides[axis - skip] }
                }
                return result
            }
        }
        func uses(_ numbers: [Int], _ count: Int) -> (starts: [Int], items: [Int]) {
            var starts = [Int](repeating: 0, count: count + 1)
            for number in numbers { starts[number + 1] += 1 }
            for index in 0..<count { starts[index + 1] += starts[index] }
            var next = starts, items = [Int](repeating: 0, count: numbers.count)
            for (place, number) in numbers.enumerated() {
                items[next[number]] = place
                next[number] += 1
            }
            return (starts, items)
        }
        aOf = numbers(a)
        bOf = numbers(b)
        aUses = uses(aOf, a.dims.dropLast(2).reduce(1, *))
        bUses = uses(bOf, b.dims.dropLast(2).reduce(1, *))
        rowBlocks = TileCut(m, step: 128)
        batches = TileCut(
            lead.count, nanosecondsPerUnit: rowBlocks.count > 1 ? TileCut.nanoseconds : Double(m * n * k) * 0.03 + 20)
    }

    private var product: Double { 2 * Double(m) * Double(n) * Double(k) }
    var cost: Double { product * Double(aOf.count) }
    var memory: WorkingMemory { WorkingMemory(workerScratch: sgemmWorkspace * 4) }
    var retained: Retained { Retained(inputs: [0, 1].filter { wants[1 - $0] }) }

    private var lda: Int { transposesA ? m : k }
    private var ldb: Int { transposesB ? k : n }

    var forwardStages: [Int] { [batches.count * rowBlocks.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let rows = rowBlocks.range(tile % rowBlocks.count)
        let workspace = frame.workerScratch.assumingMemoryBound(to: Float.self)
        for batch in batches.range(tile / rowBlocks.count) {
            let a = frame.input(0) + aOf[batch] * m * k + rows.lowerBound * (transposesA ? 1 : k)
            let b = frame.input(1) + bOf[batch] * k * n
            sgemm(
                transposeA: transposesA, transposeB: transposesB, rows.count, n, k, a, lda: lda, b, ldb: ldb,
                frame.output() + (batch * m + rows.lowerBound) * n, ldc: n, workspace: workspace)
        }
    }

    private func cut(_ uses: (starts: [Int], items: [Int])) -> TileCut {
        let count = uses.starts.count - 1
        return TileCut(
            count, nanosecondsPerUnit: product * 0.015 * Double(uses.items.count) / Double(max(count, 1)) + 20)
    }

    var backwardStages: [Int] { [(wants[0] ? cut(aUses).count : 0) + (wants[1] ? cut(bUses).count : 0)] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let workspace = frame.workerScratch.assumingMemoryBound(to: Float.self)
        let aTiles = wants[0] ? cut(aUses).count : 0
        let isB = tile >= aTiles
        let operand = isB ? 1 : 0, size = isB ? k * n : m * k, uses = isB ? bUses : aUses
        guard let target = frame.inputGradient(operand) else { return }
        for matrix in cut(uses).range(isB ? tile - aTiles : tile) {
            frame.noGradient(operand, matrix * size..<(matrix + 1) * size)
            guard let gradient = frame.outputGradient() else { continue }
            for place in uses.starts[matrix]..<uses.starts[matrix + 1] {
                let batch = uses.items[place], dc = gradient + batch * m * n, to = target + matrix * size
                if isB {
                    let a = frame.input(0) + aOf[batch] * m * k
                    if transposesB {
                        // (N, K): the transposed gradient times A.
                        sgemm(
                            transposeA: true, transposeB: transposesA, n, k, m, dc, lda: n, a, ldb: lda, to, ldc: k,
                            accumulate: true, workspace: workspace)
                    } else {
                        sgemm(
                            transposeA: !transposesA, k, n, m, a, lda: lda, dc, ldb: n, to, ldc: n, accumulate: true,
                            workspace: workspace)
                    }
                } else {
                    let b = frame.input(1) + bOf[batch] * k * n
                    if transposesA {
                        // (K, M): B times the transposed gradient.
                        sgemm(
                            transposeA: transposesB, transposeB: true, k, m, n, b, lda: ldb, dc, ldb: n, to, ldc: m,
                            accumulate: true, workspace: workspace)
                    } else {
                        sgemm(
                            transposeB: !transposesB, m, k, n, dc, lda: n, b, ldb: ldb, to, ldc: k, accumulate: true,
                            workspace: workspace)
                    }
                }
            }
        }
    }
}
