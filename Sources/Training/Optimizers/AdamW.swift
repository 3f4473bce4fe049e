package import KerasSpec
package import Tensors

/// Adam whose weights decay by themselves: w −= w·weightDecay·rate before each step.
///
/// tf.keras from 2.11 on, Keras 3.
/// Source: keras/src/optimizers/adamw.py (3.15).
public struct AdamW: BuiltInOptimizer {
    public static let className = "AdamW"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    public var amsgrad: Bool

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil,
        amsgrad: Bool = false, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = 0.004
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001, defaultWeightDecay: 0.004)
        beta1 = try config.number("beta_1", default: 0.9)
        beta2 = try config.number("beta_2", default: 0.999)
        epsilon = try config.optionalNumber("epsilon")
        amsgrad = try config.bool("amsgrad", default: false)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_1": .float(beta1), "beta_2": .float(beta2), "epsilon": .float(epsilon ?? generation.defaultEpsilon),
            "amsgrad": .bool(amsgrad)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] {
        amsgrad ? [.momentum, .velocity, .velocityHat] : [.momentum, .velocity]
    }

    package func rule(_ step: StepContext) -> StepRule {
        Adam.rule(
            step, beta1: beta1, beta2: beta2, epsilon: epsilon ?? step.generation.defaultEpsilon, keepsLargest: amsgrad)
    }
}
