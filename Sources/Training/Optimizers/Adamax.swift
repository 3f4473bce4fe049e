#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Adam by the largest gradient.
///
/// m = β₁·m + (1 − β₁)·g; u = max(β₂·u, |g|); w −= rate / (1 − β₁ᵗ⁺¹)·m / (u + ε). The same in every generation.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/adamax.py (3.15).
public struct Adamax: BuiltInOptimizer {
    public static let className = "Adamax"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil,
        decay: Double = 0, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        beta1 = try config.number("beta_1", default: 0.9)
        beta2 = try config.number("beta_2", default: 0.999)
        epsilon = try config.optionalNumber("epsilon")
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_1": .float(beta1), "beta_2": .float(beta2), "epsilon": .float(epsilon ?? generation.defaultEpsilon)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum, .norm] }

    package func rule(_ step: StepContext) -> StepRule {
        .adamax(
            rate: step.rate / (1 - powf(Float(beta1), Float(step.iterations) + 1)), beta1: step.generation.share(of: beta1),
            rest1: step.generation.rest(of: beta1), beta2: Float(beta2),
            epsilon: Float(epsilon ?? step.generation.defaultEpsilon))
    }
}
