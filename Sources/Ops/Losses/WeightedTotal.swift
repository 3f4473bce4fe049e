package import Graphs
package import Tensors

/// Σ factor·x of single numbers, from left to right: the losses of all outputs and all penalties.
///
/// Inputs: one () a factor; output ().
package struct WeightedTotal: Op {
    package var factors: [Float]

    package init(factors: [Float]) { self.factors = factors }

    package var name: String { "weighted_total" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, factors.count...factors.count)
        for input in inputs {
            try require(name, input, is: .float32)
            guard input.shape.rank == 0 else { throw mismatch(name, expected: "single numbers", got: "\(input.shape)") }
        }
        return [ValueInfo(Shape([]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundWeightedTotal(factors: factors) }
}

private struct BoundWeightedTotal: BoundOp {
    let factors: [Float]

    var cost: Double { Double(factors.count) }

    var forwardStages: [Int] { [1] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var total: Float = 0
        for index in 0..<factors.count { total += factors[index] * frame.input(index)[0] }
        frame.output()[0] = total
    }

    var backwardStages: [Int] { [1] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let arriving = frame.outputGradient()?[0] ?? 0
        for index in 0..<factors.count {
            guard let target = frame.inputGradient(index) else { continue }
            let gradient = factors[index] * arriving
            target[0] = frame.accumulates[index] ? target[0] + gradient : gradient
        }
    }
}
