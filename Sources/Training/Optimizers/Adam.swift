#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Moments of the gradient, corrected for their start at zero.
///
/// m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²; w −= rate·√(1 − β₂ᵗ⁺¹)/(1 − β₁ᵗ⁺¹)·m / (√v + ε). With `amsgrad` the largest v
/// so far takes v's place. t is the number of steps before.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/adam.py (3.15).
public struct Adam: BuiltInOptimizer {
    public static let className = "Adam"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    public var amsgrad: Bool

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil,
        amsgrad: Bool = false, decay: Double = 0, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil,
        clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
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

    static func rule(
        _ step: StepContext, rate: Float? = nil, beta1: Double, beta2: Double, epsilon: Double, keepsLargest: Bool
    ) -> StepRule {
        let t = Float(step.iterations) + 1
        let correction = (1 - powf(Float(beta2), t)).squareRoot() / (1 - powf(Float(beta1), t))
        let generation = step.generation
        return .adam(
            rate: (rate ?? step.rate) * correction, beta1: generation.share(of: beta1), rest1: generation.rest(of: beta1),
            beta2: generation.share(of: beta2), rest2: generation.rest(of: beta2), epsilon: Float(epsilon),
            keepsLargest: keepsLargest)
    }
}
