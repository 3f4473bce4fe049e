package import KerasSpec
package import Tensors

/// Steps of one length, by the sign of a moment.
///
/// w −= rate·sign(β₁·m + (1 − β₁)·g); m = β₂·m + (1 − β₂)·g. tf.keras from 2.13 on, Keras 3.
/// Source: keras/src/optimizers/lion.py (3.15).
public struct Lion: BuiltInOptimizer {
    public static let className = "Lion"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.99, schedule: LearningRateSchedule? = nil,
        clipnorm: Double? = nil, clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        beta1 = try config.number("beta_1", default: 0.9)
        beta2 = try config.number("beta_2", default: 0.99)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_1": .float(beta1), "beta_2": .float(beta2)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum] }

    package func rule(_ step: StepContext) -> StepRule {
        .lion(
            rate: step.rate, beta1: Float(beta1), rest1: 1 - Float(beta1), beta2: Float(beta2), rest2: 1 - Float(beta2))
    }
}
