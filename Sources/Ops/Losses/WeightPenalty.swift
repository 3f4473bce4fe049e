package import Graphs
import Kernels
package import Tensors

/// l1·Σ|x| + l2·Σx²: what a regularizer adds to the loss for a weight.
///
/// Input: any shape; output ().
package struct WeightPenalty: Op {
    package var l1: Float
    package var l2: Float

    package init(l1: Float, l2: Float) {
        self.l1 = l1
        self.l2 = l2
    }

    package var name: String { "weight_penalty" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        return [ValueInfo(Shape([]))]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundWeightPenalty(l1: l1, l2: l2, parts: TileCut(elements: site.inputs[0].shape.count), wantsGradient: site.wantsGradient[0])
    }
}

private struct BoundWeightPenalty: BoundOp {
    let l1: Float
    let l2: Float
    let parts: TileCut
    let wantsGradient: Bool

    /// One number a part.
    var memory: WorkingMemory { WorkingMemory(forwardScratch: parts.count * 4) }
    var cost: Double { Double(parts.extent) }
    var retained: Retained { Retained(inputs: [0]) }

    var forwardStages: [Int] { [parts.count, 1] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let partial = frame.scratch.assumingMemoryBound(to: Float.self)
        if stage == 0 {
            let range = parts.range(tile)
            partial[tile] = penalty(frame.input(0) + range.lowerBound, count: range.count, l1: l1, l2: l2)
        } else {
            frame.output()[0] = sum(partial, count: parts.count)
        }
    }

    var backwardStages: [Int] { wantsGradient ? [parts.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = parts.range(tile)
        guard let arriving = frame.outputGradient() else { return frame.noGradient(0, range) }
        penaltyGradient(
            frame.input(0) + range.lowerBound, arriving[0], target + range.lowerBound, count: range.count, l1: l1, l2: l2,
            accumulate: frame.accumulates[0])
    }
}
