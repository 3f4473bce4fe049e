package import KerasSpec
package import Tensors

/// Gradients divided by the root of their mean square.
///
/// a = rho·a + (1 − rho)·g²; u = rate·g / (√a + ε), from tf.keras 2.11 on rate·g / √(a + ε); w −= u. `centered` takes the square of
/// the mean gradient from a; with `momentum` v = momentum·v + u, w −= v. OptimizerV2 puts ε under the root when there is momentum.
/// Source: keras/optimizers.py (2.3.1), legacy/rmsprop.py (tf-keras 2.21), keras/src/optimizers/rmsprop.py (3.15).
public struct RMSprop: BuiltInOptimizer {
    public static let className = "RMSprop"
    public var settings: OptimizerSettings
    public var rho: Double
    /// Not in standalone Keras.
    public var momentum: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    /// Not in standalone Keras.
    public var centered: Bool

    public init(
        learningRate: Double = 0.001, rho: Double = 0.9, momentum: Double = 0, epsilon: Double? = nil,
        centered: Bool = false, decay: Double = 0, schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil,
        clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        rho = try config.number("rho", default: 0.9)
        momentum = try config.number("momentum", default: 0)
        epsilon = try config.optionalNumber("epsilon")
        centered = try config.bool("centered", default: false)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "rho": .float(rho), "momentum": .float(momentum), "epsilon": .float(epsilon ?? generation.defaultEpsilon),
            "centered": .bool(centered)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] {
        [.velocity] + (momentum != 0 ? [.momentum] : []) + (centered ? [.averageGradient] : [])
    }

    package func rule(_ step: StepContext) -> StepRule {
        let (rho, rest) = (Float(rho), step.generation.rest(of: rho))
        let epsilon = Float(epsilon ?? step.generation.defaultEpsilon)
        let isInside = !step.generation.isBefore211
        guard momentum != 0 || centered else {
            return .rmsprop(rate: step.rate, rho: rho, rest: rest, epsilon: epsilon, epsilonInside: isInside)
        }
        return .rmspropMore(
            rate: step.rate, rho: rho, rest: rest, momentum: Float(momentum), epsilon: epsilon,
            epsilonInside: isInside || momentum != 0, centered: centered)
    }
}
