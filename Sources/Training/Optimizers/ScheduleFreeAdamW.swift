#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Adam that needs no schedule: the weights are between what steps change and its mean over the steps.
///
/// v as in Adam; z −= rate·g / (√(v / (1 − β₂ᵗ⁺¹)) + ε); x = (w − (1 − β₁)·z) / β₁, x += (z − x)/(t + 1);
/// w = (1 − β₁)·z + β₁·x. The rate grows to its full size over `warmupSteps`. Keras 3.14.
///
/// The method's own x is made with z before the step. Keras means to remember that, but on TensorFlow and PyTorch what it remembers
/// is the variable, which has changed by then; so do these steps. z begins with the weights, as Keras's code says; in TensorFlow's graph
/// mode, where that assignment is lost, it begins with 0.
/// Source: keras/src/optimizers/schedule_free_adamw.py (3.15).
public struct ScheduleFreeAdamW: BuiltInOptimizer {
    public static let className = "ScheduleFreeAdamW"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var warmupSteps: Int

    public init(
        learningRate: Double = 0.0025, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        warmupSteps: Int = 0, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.warmupSteps = warmupSteps
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.0025)
        beta1 = try config.number("beta_1", default: 0.9)
        beta2 = try config.number("beta_2", default: 0.999)
        epsilon = try config.number("epsilon", default: 1e-8)
        warmupSteps = try config.integer("warmup_steps", default: 0)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_1": .float(beta1), "beta_2": .float(beta2), "epsilon": .float(epsilon),
            "warmup_steps": .integer(warmupSteps)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum, .velocity] }

    package func start(of slot: OptimizerSlot, generation: TrainingGeneration) -> Float? { slot == .momentum ? nil : 0 }

    package func rule(_ step: StepContext) -> StepRule {
        let t = Float(step.iterations) + 1
        return .scheduleFree(
            rate: warmupSteps > 0 ? step.rate * min(t / Float(warmupSteps), 1) : step.rate, beta1: Float(beta1),
            rest1: 1 - Float(beta1), beta2: Float(beta2), rest2: 1 - Float(beta2), correction: 1 - powf(Float(beta2), t),
            share: 1 / t, epsilon: Float(epsilon))
    }
}
