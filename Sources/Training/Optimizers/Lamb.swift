#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Adam whose steps are as long, for each weight, as the weight is.
///
/// m and v as in Adam; u = m / (1 − β₁ᵗ⁺¹) / (√(v / (1 − β₂ᵗ⁺¹)) + ε); w −= rate·‖w‖/‖u‖·u, where one norm is zero rate·u. Keras 3.4.
/// Source: keras/src/optimizers/lamb.py (3.15).
public struct Lamb: BuiltInOptimizer {
    public static let className = "Lamb"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil,
        schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
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

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum, .velocity] }

    package func rule(_ step: StepContext) -> StepRule {
        let t = Float(step.iterations) + 1
        let generation = step.generation
        return .lamb(
            rate: step.rate, beta1: generation.share(of: beta1), rest1: generation.rest(of: beta1),
            beta2: generation.share(of: beta2), rest2: generation.rest(of: beta2), correction1: 1 - powf(Float(beta1), t),
            correction2: 1 - powf(Float(beta2), t), epsilon: Float(epsilon ?? generation.defaultEpsilon))
    }
}
