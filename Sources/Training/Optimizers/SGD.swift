package import KerasSpec
package import Tensors

/// Gradient descent, with momentum.
///
/// v = momentum·v − rate·g; w += v, or with `nesterov` w += momentum·v − rate·g. The same in every generation.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/sgd.py (3.15).
public struct SGD: BuiltInOptimizer {
    public static let className = "SGD"
    public var settings: OptimizerSettings
    public var momentum: Double
    public var nesterov: Bool

    public init(
        learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false, decay: Double = 0,
        schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.momentum = momentum
        self.nesterov = nesterov
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.01)
        momentum = try config.number("momentum", default: 0)
        nesterov = try config.bool("nesterov", default: false)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "momentum": .float(momentum), "nesterov": .bool(nesterov)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] {
        keepsMoments(generation) ? [.momentum] : []
    }

    /// Standalone Keras keeps moments even when nothing comes of them, and 2.11 to 2.15 too; the files have them.
    private func keepsMoments(_ generation: TrainingGeneration) -> Bool {
        momentum != 0 || (generation != .tfKerasLegacy && generation != .keras3)
    }

    package func rule(_ step: StepContext) -> StepRule {
        guard keepsMoments(step.generation) else { return .sgd(rate: step.rate) }
        return .momentum(rate: step.rate, momentum: Float(momentum), nesterov: nesterov)
    }
}
