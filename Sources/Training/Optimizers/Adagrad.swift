package import KerasSpec
package import Tensors

/// Gradients divided by the root of the sum of their squares.
///
/// a += g²; w −= rate·g / (√a + ε), from tf.keras 2.11 on rate·g / √(a + ε).
/// Source: keras/optimizers.py (2.3.1), legacy/adagrad.py (tf-keras 2.21), keras/src/optimizers/adagrad.py (3.15).
public struct Adagrad: BuiltInOptimizer {
    public static let className = "Adagrad"
    public var settings: OptimizerSettings
    /// What sums begin with; 0 in standalone Keras.
    public var initialAccumulatorValue: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?

    public init(
        learningRate: Double = 0.001, initialAccumulatorValue: Double = 0.1, epsilon: Double? = nil, decay: Double = 0,
        schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.initialAccumulatorValue = initialAccumulatorValue
        self.epsilon = epsilon
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        initialAccumulatorValue = try config.number("initial_accumulator_value", default: 0.1)
        epsilon = try config.optionalNumber("epsilon")
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "initial_accumulator_value": .float(initialAccumulatorValue),
            "epsilon": .float(epsilon ?? generation.defaultEpsilon)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.accumulator] }

    package func start(of slot: OptimizerSlot, generation: TrainingGeneration) -> Float? {
        generation.isStandalone ? 0 : Float(initialAccumulatorValue)
    }

    package func rule(_ step: StepContext) -> StepRule {
        .adagrad(
            rate: step.rate, epsilon: Float(epsilon ?? step.generation.defaultEpsilon),
            epsilonInside: !step.generation.isBefore211)
    }
}
