package import KerasSpec
package import Tensors

/// Follows the regularized leader: for models that are wide and shallow.
///
/// b = a + g²; z += g + 2·shrinkage·w − (bᵖ − aᵖ)/rate·w with p = −learningRatePower; w = (clip(z, −l1, l1) − z) / (bᵖ/rate + 2·l2 +
/// beta/rate); a = b. The same in every generation that has it, tf.keras and Keras 3.
/// Source: legacy/ftrl.py (tf-keras 2.21), keras/src/optimizers/ftrl.py (3.15).
public struct Ftrl: BuiltInOptimizer {
    public static let className = "Ftrl"
    public var settings: OptimizerSettings
    /// At most 0.
    public var learningRatePower: Double
    public var initialAccumulatorValue: Double
    public var l1RegularizationStrength: Double
    public var l2RegularizationStrength: Double
    public var l2ShrinkageRegularizationStrength: Double
    public var beta: Double

    public init(
        learningRate: Double = 0.001, learningRatePower: Double = -0.5, initialAccumulatorValue: Double = 0.1,
        l1RegularizationStrength: Double = 0, l2RegularizationStrength: Double = 0,
        l2ShrinkageRegularizationStrength: Double = 0, beta: Double = 0, decay: Double = 0,
        schedule: LearningRateSchedule? = nil, clipnorm: Double? = nil, clipvalue: Double? = nil,
        weightDecay: Double? = nil
    ) {
        self.learningRatePower = learningRatePower
        self.initialAccumulatorValue = initialAccumulatorValue
        self.l1RegularizationStrength = l1RegularizationStrength
        self.l2RegularizationStrength = l2RegularizationStrength
        self.l2ShrinkageRegularizationStrength = l2ShrinkageRegularizationStrength
        self.beta = beta
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, decay: decay, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        learningRatePower = try config.number("learning_rate_power", default: -0.5)
        initialAccumulatorValue = try config.number("initial_accumulator_value", default: 0.1)
        l1RegularizationStrength = try config.number("l1_regularization_strength", default: 0)
        l2RegularizationStrength = try config.number("l2_regularization_strength", default: 0)
        l2ShrinkageRegularizationStrength = try config.number("l2_shrinkage_regularization_strength", default: 0)
        beta = try config.number("beta", default: 0)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "learning_rate_power": .float(learningRatePower), "initial_accumulator_value": .float(initialAccumulatorValue),
            "l1_regularization_strength": .float(l1RegularizationStrength),
            "l2_regularization_strength": .float(l2RegularizationStrength),
            "l2_shrinkage_regularization_strength": .float(l2ShrinkageRegularizationStrength), "beta": .float(beta)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.accumulator, .linear] }

    package func start(of slot: OptimizerSlot, generation: TrainingGeneration) -> Float? {
        slot == .accumulator ? Float(initialAccumulatorValue) : 0
    }

    package func rule(_ step: StepContext) -> StepRule {
        .ftrl(
            rate: step.rate, power: Float(-learningRatePower), l1: Float(l1RegularizationStrength),
            l2: Float(l2RegularizationStrength) + Float(beta) / (2 * step.rate),
            shrinkage: Float(l2ShrinkageRegularizationStrength))
    }
}
