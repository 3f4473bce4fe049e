package import KerasSpec
package import Tensors

/// Steps as long as the last ones were, whatever the gradients' scale.
///
/// a = rho·a + (1 − rho)·g²; u = g·√(d + ε) / √(a + ε); d = rho·d + (1 − rho)·u²; w −= rate·u. The same in every generation.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/adadelta.py (3.15).
public struct Adadelta: BuiltInOptimizer {
    public static let className = "Adadelta"
    public var settings: OptimizerSettings
    public var rho: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?

    public init(
        learningRate: Double = 0.001, rho: Double = 0.95, epsilon: Double? = nil, decay: Double = 0,
        schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.rho = rho
        self.epsilon = epsilon
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        rho = try config.number("rho", default: 0.95)
        epsilon = try config.optionalNumber("epsilon")
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "rho": .float(rho), "epsilon": .float(epsilon ?? generation.defaultEpsilon)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.accumulatedGrad, .accumulatedDeltaVar] }

    package func rule(_ step: StepContext) -> StepRule {
        .adadelta(
            rate: step.rate, rho: Float(rho), rest: step.generation.rest(of: rho),
            epsilon: Float(epsilon ?? step.generation.defaultEpsilon))
    }
}
