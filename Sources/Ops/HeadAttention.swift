package import Graphs
import Kernels
package import Tensors

/// Attention of several heads side by side: for each, softmax(factor · q · kᵀ) · v, over the steps of key and value.
///
/// Inputs: q (B, T, H·D), k (B, S, H·D), v (B, S, H·E), heads side by side, then, when `hasMask`, a mask of bool (1 or B, 1 or H, 1 or T,
/// 1 or S); output (B, T, H·E). All else float32. A step that the mask leaves out gets the lowest score, so a query that sees nothing
/// attends to all steps alike.
///
/// Scores are made for some queries of one head at a time and never written to memory; backward makes them again.
package struct HeadAttention: Op {
    package var heads: Int
    /// Above 0.
    package var factor: Float
    package var hasMask: Bool

    /// - Parameter heads: 1 at least.
    package init(heads: Int, factor: Float, hasMask: Bool) {
        self.heads = heads
        self.factor = factor
        self.hasMask = hasMask
    }

    package var name: String { "attention" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let count = hasMask ? 4 : 3
        try requireInputs(name, inputs, count...count)
        for input in inputs.prefix(3) { try require(name, input, is: .float32, "inputs") }
        let (q, k, v) = (inputs[0].shape, inputs[1].shape, inputs[2].shape)
        func agree(_ a: Int?, _ b: Int?) -> Bool { a == nil || b == nil || a == b }
        guard q.rank == 3, k.rank == 3, v.rank == 3, agree(q[0], k[0]), agree(q[0], v[0]), agree(k[0], v[0]),
            agree(k[1], v[1]), agree(q[2], k[2]), (q[2] ?? k[2] ?? 0) % heads == 0, (v[2] ?? 0) % heads == 0
        else {
            throw mismatch(
                name, expected: "q (B, T, \(heads)·D), k (B, S, \(heads)·D) and v (B, S, \(heads)·E)", got: "\(q), \(k) and \(v)")
        }
        if hasMask {
            let mask = inputs[3].shape
            try require(name, inputs[3], is: .bool, "mask")
            func fits(_ extent: Int?, _ whole: Int?) -> Bool { extent == 1 || agree(extent, whole) }
            guard mask.rank == 4, fits(mask[0], q[0]), fits(mask[1], heads), fits(mask[2], q[1]), fits(mask[3], k[1]) else {
                throw mismatch(name, expected: "a mask (B, H, T, S) for \(q) and \(k)", got: "\(mask)")
            }
        }
        return [ValueInfo(PartialShape([q[0] ?? k[0] ?? v[0], q[1], v[2]]))]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { !hasMask }

    package func bound(to site: Site) -> any BoundOp { BoundHeadAttention(self, site) }
}

private struct BoundHeadAttention: BoundOp {
    let kernel: HeadAttentionKernel
    let (batch, queries, steps, heads): (Int, Int, Int, Int)
    let (width, valueWidth): (Int, Int)
    /// From an element of the mask to the next along each axis; nil without a mask.
    let maskSteps: [Int]?
    let wants: [Bool]
    let rows: TileCut

    init(_ op: HeadAttention, _ site: Site) {
        let (q, v) = (site.inputs[0].shape, site.inputs[2].shape)
        (batch, queries, steps, heads) = (q[0], q[1], v[1], op.heads)
        (width, valueWidth) = (q[2] / op.heads, v[2] / op.heads)
        kernel = HeadAttentionKernel(steps: steps, width: width, valueWidth: valueWidth, factor: op.factor)
        wants = site.wantsGradient
        maskSteps = op.hasMask
            ? zip(site.inputs[3].shape.dims, site.inputs[3].shape.strides).map { $0 == 1 ? 0 : $1 } : nil
        rows = TileCut(queries, step: 512)
    }

    var cost: Double { 2 * Double(batch * heads * queries) * Double(steps) * Double(width + valueWidth + 10) }
    var memory: WorkingMemory {
        WorkingMemory(
            workerScratch: 4 * (wants.contains(true) ? max(kernel.forwardWorkspace, kernel.backwardWorkspace) : kernel.forwardWorkspace))
    }
    var retained: Retained { Retained(inputs: Array(0..<(maskSteps == nil ? 3 : 4))) }

    private var strides: (q: Int, k: Int, v: Int, output: Int) {
        (heads * width, heads * width, heads * valueWidth, heads * valueWidth)
    }
    private func queryOffset(_ sample: Int, _ head: Int) -> Int { (sample * queries * heads + head) * width }
    private func keyOffset(_ sample: Int, _ head: Int) -> Int { (sample * steps * heads + head) * width }
    private func valueOffset(_ sample: Int, _ head: Int) -> Int { (sample * steps * heads + head) * valueWidth }
    private func outputOffset(_ sample: Int, _ head: Int) -> Int { (sample * queries * heads + head) * valueWidth }

    private func mask(_ frame: Frame, _ sample: Int, _ head: Int) -> HeadAttentionKernel.Mask? {
        guard let maskSteps else { return nil }
        return HeadAttentionKernel.Mask(
            frame.mask(3) + sample * maskSteps[0] + head * maskSteps[1], rowStep: maskSteps[2], columnStep: maskSteps[3])
    }

    private var isEmpty: Bool { queries == 0 || steps == 0 || valueWidth == 0 }

    var forwardStages: [Int] { [isEmpty ? 1 : batch * heads * rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if isEmpty { return frame.output().update(repeating: 0, count: batch * queries * heads * valueWidth) }
        let part = rows.range(tile % rows.count), head = tile / rows.count % heads, sample = tile / rows.count / heads
        let output = frame.output() + outputOffset(sample, head) + part.lowerBound * strides.output
        var mask = mask(frame, sample, head)
        mask?.start += part.lowerBound * (maskSteps?[2] ?? 0)
        kernel.forward(
            part.count, frame.input(0) + queryOffset(sample, head) + part.lowerBound * strides.q,
            frame.input(1) + keyOffset(sample, head), frame.input(2) + valueOffset(sample, head), mask: mask,
            strides: strides, to: output, workspace: frame.workerScratch.assumingMemoryBound(to: Float.self))
    }

    var backwardStages: [Int] { wants.prefix(3).contains(true) ? [max(1, batch * heads)] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let counts = [batch * queries * heads * width, batch * steps * heads * width, batch * steps * heads * valueWidth]
        guard let dy = frame.outputGradient(), !isEmpty, batch * heads > 0 else {
            for input in 0..<3 where tile == 0 { frame.noGradient(input, 0..<counts[input]) }
            return
        }
        let head = tile % heads, sample = tile / heads
        func target(_ input: Int, _ offset: Int, _ stride: Int) -> HeadAttentionKernel.Target? {
            HeadAttentionKernel.Target(
                wants[input] ? frame.inputGradient(input) : nil, offset: offset, stride: stride,
                accumulates: wants[input] && frame.accumulates[input])
        }
        kernel.backward(
            queries, frame.input(0) + queryOffset(sample, head), frame.input(1) + keyOffset(sample, head),
            frame.input(2) + valueOffset(sample, head), mask: mask(frame, sample, head), strides: strides,
            dy + outputOffset(sample, head), dq: target(0, queryOffset(sample, head), strides.q),
            dk: target(1, keyOffset(sample, head), strides.k), dv: target(2, valueOffset(sample, head), strides.v),
            workspace: frame.workerScratch.assumingMemoryBound(to: Float.self))
    }
}
