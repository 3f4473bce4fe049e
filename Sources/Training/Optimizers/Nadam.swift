#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Adam with Nesterov's momentum.
///
/// uₜ = β₁·(1 − ½·0.96^(t·d)) with d = `scheduleDecay` to tf.keras 2.10, 1 later, t counted from 1; U = u₁·…·uₜ. m and v as in Adam;
/// w −= rate·(uₜ₊₁·m / (1 − U·uₜ₊₁) + (1 − uₜ)·g / (1 − U)) / (√(v / (1 − β₂ᵗ)) + ε).
///
/// tf-keras multiplies U once for every weight, not once a step (but one weight in some steps): it counts weights when its graph is
/// traced, which happens twice, or once where a whole `.h5` was loaded, whose metrics are there already. So does this, for training in
/// that generation.
/// Source: keras/optimizers.py (2.3.1), tf_keras/src/optimizers/nadam.py (2.21), keras/src/optimizers/nadam.py (3.15).
public struct Nadam: BuiltInOptimizer {
    public static let className = "Nadam"
    public var settings: OptimizerSettings
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    /// Of the momenta. Ignored from tf.keras 2.11 on.
    public var scheduleDecay: Double

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil,
        scheduleDecay: Double = 0.004, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil,
        clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.scheduleDecay = scheduleDecay
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        beta1 = try config.number("beta_1", default: 0.9)
        beta2 = try config.number("beta_2", default: 0.999)
        epsilon = try config.optionalNumber("epsilon")
        scheduleDecay = try config.number("schedule_decay", default: 0.004)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_1": .float(beta1), "beta_2": .float(beta2), "epsilon": .float(epsilon ?? generation.defaultEpsilon),
            "schedule_decay": .float(scheduleDecay)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum, .velocity] }

    package func rule(_ step: StepContext) -> StepRule {
        // Later generations, too, take 1 − β of the float32 number here.
        .nadam(
            rate: step.rate, beta1: Float(beta1), rest1: 1 - Float(beta1), beta2: Float(beta2), rest2: 1 - Float(beta2),
            correction: 1 - powf(Float(beta2), Float(step.iterations) + 1),
            epsilon: Float(epsilon ?? step.generation.defaultEpsilon))
    }

    package func prepare(
        _ factors: UnsafeMutableBufferPointer<StepFactors>, product: inout Float, _ step: StepContext
    ) {
        let decay: Float = step.generation.isBefore211 ? Float(scheduleDecay) : 1
        let t = Float(step.iterations) + 1
        let now = Float(beta1) * (1 - 0.5 * powf(0.96, decay * t))
        let next = Float(beta1) * (1 - 0.5 * powf(0.96, decay * (t + 1)))
        for place in factors.indices {
            let before = step.isTracedOnce ? 0 : factors.count
            let isCounted = step.generation == .tfKeras ? place != step.iterations + 1 - before : place == 0
            if isCounted { product *= now }
            factors[place] = StepFactors(first: next / (1 - product * next), second: (1 - now) / (1 - product))
        }
    }
}
