package import Graphs
import Kernels
package import Tensors

/// Losses reduced to one number: Σ w·l / n, n being the number of losses, or Σ w·l.
///
/// Inputs: losses (any shape), then weights (float32) and masks (bool), whose axes are the first of the losses'; output ().
/// Source: `compute_weighted_loss` of keras/utils/losses_utils.py (2.3.1).
package struct ReduceLoss: Op {
    package enum Divisor: String, Hashable, Sendable, CaseIterable {
        /// The sum, as it is.
        case one
        /// The number of losses, masked ones too.
        case count
        /// The number of losses that masks let through: tf.keras from 2.11, Keras 3.
        case valid
        /// The sum of the weights.
        case weights
    }

    package var divisor: Divisor

    package init(dividingBy divisor: Divisor = .count) { self.divisor = divisor }

    package var name: String { "reduce_loss" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireWeights(name, inputs)
        return [ValueInfo(Shape([]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundReduceLoss(divisor, site) }
}

/// Values' weighted sum, and the sum of the weights: what a mean over batches adds up. Has no derivative.
///
/// Inputs as those of `ReduceLoss`; outputs (), ().
package struct WeightedSum: Op {
    package init() {}

    package var name: String { "weighted_sum" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireWeights(name, inputs)
        return [ValueInfo(Shape([])), ValueInfo(Shape([]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundWeightedSum(weights: Weights(site)) }
}

private func requireWeights(_ op: String, _ inputs: [ValueInfo]) throws(LocatedError) {
    try requireInputs(op, inputs, 1...8)
    try require(op, inputs[0], is: .float32, "values")
    let values = inputs[0].shape
    for weight in inputs.dropFirst() {
        guard weight.dtype == .float32 || weight.dtype == .bool else {
            throw mismatch(op, "dtype", expected: "weights of type float32 or a mask", got: weight.dtype.rawValue)
        }
        guard weight.shape.rank <= values.rank,
            zip(weight.shape.dims, values.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 })
        else {
            throw mismatch(op, expected: "weights for the first axes of \(values)", got: "\(weight.shape)")
        }
    }
}

/// The product of all weights, one for each value.
private struct Weights: Sendable {
    /// Input, whether it is a mask, and how many neighbours share one of its elements.
    private let sources: [(input: Int, isMask: Bool, repeats: Int)]
    let count: Int

    init(_ site: Site) {
        let count = site.inputs[0].shape.count
        self.count = count
        sources = site.inputs.indices.dropFirst().map { index in
            let info = site.inputs[index]
            return (index, info.dtype == .bool, max(1, count / max(1, info.shape.count)))
        }
    }

    var isEmpty: Bool { sources.isEmpty }
    var byteCount: Int { isEmpty ? 0 : count * 4 }

    /// Writes them, and tells how many values masks let through.
    func combine(_ frame: Frame, into target: UnsafeMutablePointer<Float>) -> Int {
        target.update(repeating: 1, count: count)
        for number in 0..<sources.count where sources[number].isMask {
            let source = sources[number]
            let mask = frame.mask(source.input)
            for index in 0..<count where mask[index / source.repeats] == 0 { target[index] = 0 }
        }
        var valid = 0
        for index in 0..<count where target[index] != 0 { valid += 1 }
        for number in 0..<sources.count where !sources[number].isMask {
            let source = sources[number]
            let weights = frame.input(source.input)
            for index in 0..<count { target[index] *= weights[index / source.repeats] }
        }
        return valid
    }
}

private struct BoundReduceLoss: BoundOp {
    let weights: Weights
    let divisor: ReduceLoss.Divisor
    let wantsGradient: Bool

    init(_ divisor: ReduceLoss.Divisor, _ site: Site) {
        self.weights = Weights(site)
        self.divisor = divisor
        wantsGradient = site.wantsGradient[0]
    }

    /// The weights, then the reciprocal of the divisor.
    var memory: WorkingMemory { WorkingMemory(saved: alignedBytes(weights.byteCount) + 4) }
    var cost: Double { Double(weights.count) }

    private func saved(_ frame: Frame) -> (weights: UnsafeMutablePointer<Float>, factor: UnsafeMutablePointer<Float>) {
        (
            frame.saved.assumingMemoryBound(to: Float.self),
            (frame.saved + alignedBytes(weights.byteCount)).assumingMemoryBound(to: Float.self)
        )
    }

    var forwardStages: [Int] { [1] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let saved = saved(frame)
        var valid = weights.count
        let total: Float
        if weights.isEmpty {
            total = sum(frame.input(0), count: weights.count)
        } else {
            valid = weights.combine(frame, into: saved.weights)
            total = weightedSum(frame.input(0), weights: saved.weights, repeats: 1, count: weights.count)
        }
        let terms: Float
        switch divisor {
        case .one: terms = 1
        case .count: terms = Float(weights.count)
        // Keras adds its epsilon to the number, against none.
        case .valid: terms = valid == weights.count ? Float(valid) : Float(valid) + kerasEpsilon
        case .weights: terms = weights.isEmpty ? Float(weights.count) : sum(saved.weights, count: weights.count)
        }
        saved.factor[0] = 1 / terms
        frame.output()[0] = total / terms
    }

    var backwardStages: [Int] { wantsGradient ? [1] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        guard let arriving = frame.outputGradient() else { return frame.noGradient(0, 0..<weights.count) }
        let saved = saved(frame)
        let factor = arriving[0] * saved.factor[0]
        if weights.isEmpty {
            for index in 0..<weights.count { target[index] = frame.accumulates[0] ? target[index] + factor : factor }
        } else {
            transfer(saved.weights, to: target, count: weights.count, alpha: factor, accumulate: frame.accumulates[0])
        }
    }
}

private struct BoundWeightedSum: BoundOp {
    let weights: Weights

    var memory: WorkingMemory { WorkingMemory(forwardScratch: weights.byteCount) }
    var cost: Double { Double(weights.count) }

    var forwardStages: [Int] { [1] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        guard !weights.isEmpty else {
            frame.output(0)[0] = sum(frame.input(0), count: weights.count)
            frame.output(1)[0] = Float(weights.count)
            return
        }
        let combined = frame.scratch.assumingMemoryBound(to: Float.self)
        _ = weights.combine(frame, into: combined)
        frame.output(0)[0] = weightedSum(frame.input(0), weights: combined, repeats: 1, count: weights.count)
        frame.output(1)[0] = sum(combined, count: weights.count)
    }
}
