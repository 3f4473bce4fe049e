package import KerasSpec
package import Tensors

/// Gradient descent, with momentum.
///
/// v = momentum·v − rate·g; w += v, or with `nesterov` w += momentum·v − rate·g. The same in every generation.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/sgd.py (3.15).
public struct SGD: BuiltInOptimizer {
    public static let className = "SGD"
    public var learningRate: Double
    public var momentum: Double
    public var nesterov: Bool
    public var decay: Double
    public var clipnorm: Double?
    public var clipvalue: Double?

    public init(
        learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false, decay: Double = 0, clipnorm: Double? = nil,
        clipvalue: Double? = nil
    ) {
        self.learningRate = learningRate
        self.momentum = momentum
        self.nesterov = nesterov
        self.decay = decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        let common = try config.common(defaultRate: 0.01)
        self.init(
            learningRate: common.learningRate, momentum: try config.number("momentum", default: 0),
            nesterov: try config.bool("nesterov", default: false), decay: common.decay, clipnorm: common.clipnorm,
            clipvalue: common.clipvalue)
    }

    package func config(for generation: TrainingGeneration) -> ConfigObject {
        var config = configStart(for: generation)
        config["momentum"] = stored(momentum, generation)
        if generation.isStandalone { config["decay"] = .float32(decay) }
        config["nesterov"] = .bool(nesterov)
        return config
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] {
        keepsMoments(generation) ? [.momentum] : []
    }

    /// Standalone Keras keeps moments even when nothing comes of them, and 2.11 to 2.15 too; the files have them.
    private func keepsMoments(_ generation: TrainingGeneration) -> Bool {
        momentum != 0 || (generation != .tfKerasLegacy && generation != .keras3)
    }

    package func rule(iterations: Int, rate: Double, generation: TrainingGeneration) -> StepRule {
        let rate = decayed(rate, iterations, generation)
        guard keepsMoments(generation) else { return .sgd(rate: rate) }
        return .momentum(rate: rate, momentum: Float(momentum), nesterov: nesterov)
    }
}
