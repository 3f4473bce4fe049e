package import Graphs
import Kernels
package import Tensors

/// Batch normalization while training: y = gamma·(x − μ) / √(σ² + epsilon) + beta with the batch's own mean μ and biased
/// variance σ² by channel, and the moving statistics' new values.
///
/// Inputs: x, gamma (with `scale`), beta (with `center`), moving mean, moving variance.
/// Outputs: y, new moving mean, new moving variance: old + (batch's − old)·(1 − momentum). The latter two carry no gradient.
package struct BatchNormalizeTraining: Op {
    /// Which variance enters the moving average, with n values of each channel in the batch. Each rule was measured on genuine
    /// Keras; only the caller knows the generation, the rank and the axis that choose it.
    package enum VarianceRule: String, Hashable, Sendable, CaseIterable {
        /// σ². Keras 3; tf.keras where its fused kernel doesn't apply (it does for rank 4 and, from 2.5 on, 5).
        case biased
        /// σ²·n / (n − 1) (n = 1: σ²). tf.keras with the fused kernel, whose variance has Bessel's correction.
        case bessel
        /// σ²·n / (n − 1 − epsilon). Keras 2.1–2.3 where the fused kernel doesn't apply: rank other than 4, an axis other than
        /// 3 (on CPUs), or TensorFlow 2. Negative for n = 1, as it is there.
        case keras2
        /// σ²·n / (n − 1)·n / (n − 1 − epsilon), corrected twice. Keras 2.1–2.3 on TensorFlow 1 with rank 4 and axis 3.
        case keras2Fused
        /// σ² + epsilon. Keras 1 and 2.0 on Theano, which tell the variance by 1 / √(σ² + epsilon).
        case theano
        /// (σ² + epsilon)·n / (n − 1 − epsilon). Keras 2.1–2.3 on Theano.
        case keras2Theano

        /// What is added to the variance before.
        func offset(epsilon: Double) -> Double { self == .theano || self == .keras2Theano ? epsilon : 0 }

        func factor(count: Int, epsilon: Double) -> Double {
            let n = Double(count), bessel = n / max(n - 1, 1)
            return switch self {
            case .biased, .theano: 1
            case .bessel: bessel
            case .keras2, .keras2Theano: n / (n - 1 - epsilon)
            case .keras2Fused: bessel * n / (n - 1 - epsilon)
            }
        }
    }

    /// The axis of the channels; negative counts from the end.
    package var axis: Int
    package var epsilon: Float
    package var momentum: Float
    package var scale: Bool
    package var center: Bool
    package var rule: VarianceRule

    package init(
        axis: Int = -1, epsilon: Float, momentum: Float, scale: Bool = true, center: Bool = true, rule: VarianceRule
    ) {
        self.axis = axis
        self.epsilon = epsilon
        self.momentum = momentum
        self.scale = scale
        self.center = center
        self.rule = rule
    }

    package var name: String { "batch_normalize_training" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let (shape, channels) = try normalizedShape(name, inputs, axis: axis, scale: scale, center: center)
        let statistics = ValueInfo(PartialShape([channels]))
        return [ValueInfo(shape), statistics, statistics]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBatchNormalizeTraining(self, site) }
}

private struct BoundBatchNormalizeTraining: BoundOp {
    let op: BatchNormalizeTraining
    let layout: ChannelLayout
    /// Outer indices whose moments are taken together.
    let tiles: TileCut
    let wants: [Bool]

    init(_ op: BatchNormalizeTraining, _ site: Site) {
        self.op = op
        layout = ChannelLayout(site.inputs[0].shape, axis: op.axis)
        tiles = TileCut(layout.outer, nanosecondsPerUnit: 0.3 * Double(layout.row))
        wants = site.wantsGradient
    }

    private var meanInput: Int { 1 + (op.scale ? 1 : 0) + (op.center ? 1 : 0) }
    private var channels: Int { layout.channels }
    private var pitch: Int { (channels + 15) / 16 * 16 }
    /// Values of one channel.
    private var count: Int { layout.outer * layout.run }
    private var wantsAny: Bool { wants.contains(true) }

    var memory: WorkingMemory {
        WorkingMemory(
            // μ, 1/√(σ² + ε), scale.
            saved: 3 * pitch * 4,
            // Each tile's mean and squares; then the shift.
            forwardScratch: (2 * tiles.count + 1) * pitch * 4,
            // Each tile's two sums; then the three factors of dx.
            backwardScratch: wantsAny ? (2 * tiles.count + 3) * pitch * 4 : 0)
    }
    var cost: Double { Double(layout.outer * layout.row) * 4 }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained { wantsAny ? Retained(inputs: [0]) : Retained() }

    var forwardStages: [Int] { [tiles.count, 1, tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let saved = frame.saved.assumingMemoryBound(to: Float.self)
        switch stage {
        case 0:
            let part = scratch + 2 * pitch * tile
            layout.moments(frame.input(0), rows: tiles.range(tile), mean: part, squares: part + pitch)
        case 1: settle(frame)
        default:
            layout.normalize(
                frame.input(0), mean: saved, scale: saved + 2 * pitch, shift: scratch + 2 * pitch * tiles.count,
                rows: tiles.range(tile), to: frame.output())
        }
    }

    /// The batch's statistics from the tiles' (Chan, Golub, LeVeque 1979), and all that follows from them.
    private func settle(_ frame: Frame) {
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let saved = frame.saved.assumingMemoryBound(to: Float.self)
        let gamma = op.scale ? frame.input(1) : nil
        let beta = op.center ? frame.input(op.scale ? 2 : 1) : nil
        let (oldMean, oldVariance) = (frame.input(meanInput), frame.input(meanInput + 1))
        let (newMean, newVariance) = (frame.output(1), frame.output(2))
        let decay = 1 - op.momentum
        let correction = op.rule.factor(count: count, epsilon: Double(op.epsilon))
        let offset = op.rule.offset(epsilon: Double(op.epsilon))
        for channel in 0..<channels {
            var mean = 0.0, squares = 0.0, seen = 0.0
            for tile in 0..<tiles.count {
                let size = Double(tiles.range(tile).count * layout.run)
                let part = scratch + 2 * pitch * tile
                let delta = Double(part[channel]) - mean
                seen += size
                mean += delta * size / seen
                squares += Double(part[pitch + channel]) + delta * delta * size * (seen - size) / seen
            }
            let variance = squares / Double(count)
            let inverse = Float(1 / (variance + Double(op.epsilon)).squareRoot())
            let scale = gamma.map { $0[channel] * inverse } ?? inverse
            saved[channel] = Float(mean)
            saved[pitch + channel] = inverse
            saved[2 * pitch + channel] = scale
            scratch[2 * pitch * tiles.count + channel] = beta?[channel] ?? 0
            newMean[channel] = oldMean[channel] - (oldMean[channel] - Float(mean)) * decay
            newVariance[channel] =
                oldVariance[channel] - (oldVariance[channel] - Float((variance + offset) * correction)) * decay
        }
    }

    var backwardStages: [Int] { wantsAny ? [tiles.count, 1] + (wants[0] ? [tiles.count] : []) : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let mean = UnsafePointer(frame.saved.assumingMemoryBound(to: Float.self))
        let gradient = frame.outputGradient()
        switch stage {
        case 0:
            guard let gradient else { return }
            let part = scratch + 2 * pitch * tile
            layout.gradientSums(
                frame.input(0), gradient, mean: mean, rows: tiles.range(tile), sum: part, product: part + pitch)
        case 1: settleGradients(frame)
        default:
            let rows = tiles.range(tile)
            guard let target = frame.inputGradient(0) else { return }
            guard let gradient else {
                return frame.noGradient(0, rows.lowerBound * layout.row..<rows.upperBound * layout.row)
            }
            let factors = scratch + 2 * pitch * tiles.count
            layout.gradient(
                frame.input(0), gradient, mean: mean, a: factors, b: factors + pitch, d: factors + 2 * pitch,
                rows: rows, to: target, accumulate: frame.accumulates[0])
        }
    }

    /// The parameters' gradients, and dx = scale·(dy − mean(dy) − (x − μ)·mean(dy·(x − μ))/(σ² + ε)) as factors by channel.
    private func settleGradients(_ frame: Frame) {
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let saved = frame.saved.assumingMemoryBound(to: Float.self)
        let isSilent = frame.outputGradient() == nil
        let factors = scratch + 2 * pitch * tiles.count
        func put(_ input: Int, _ channel: Int, _ value: Double) {
            guard let target = frame.inputGradient(input) else { return }
            target[channel] = frame.accumulates[input] ? target[channel] + Float(value) : Float(value)
        }
        for channel in 0..<channels {
            var sum = 0.0, product = 0.0
            if !isSilent {
                for tile in 0..<tiles.count {
                    sum += Double(scratch[2 * pitch * tile + channel])
                    product += Double(scratch[2 * pitch * tile + pitch + channel])
                }
            }
            let inverse = Double(saved[pitch + channel]), scale = Double(saved[2 * pitch + channel])
            if op.scale { put(1, channel, product * inverse) }
            if op.center { put(op.scale ? 2 : 1, channel, sum) }
            // The moving statistics don't enter y.
            put(meanInput, channel, 0)
            put(meanInput + 1, channel, 0)
            factors[channel] = Float(scale)
            factors[pitch + channel] = Float(-scale * product * inverse * inverse / Double(count))
            factors[2 * pitch + channel] = Float(-scale * sum / Double(count))
        }
    }
}
