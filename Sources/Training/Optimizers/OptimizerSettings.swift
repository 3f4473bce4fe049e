import KerasSpec
import Tensors

/// What all optimizers are set by, beside what is their own.
public struct OptimizerSettings: Hashable, Sendable {
    /// Averages of the weights over the steps: Keras's `use_ema`.
    public struct Average: Hashable, Sendable {
        /// average = momentum · average + (1 − momentum) · weight.
        public var momentum: Double
        /// After every so many steps the weights become their averages; nil: when `fit` ends only.
        public var overwriteFrequency: Int?

        public init(momentum: Double = 0.99, overwriteFrequency: Int? = nil) {
            self.momentum = momentum
            self.overwriteFrequency = overwriteFrequency
        }
    }

    /// Keras's `LossScaleOptimizer`: steps whose gradients aren't finite are left out.
    public struct LossScaling: Hashable, Sendable {
        public var initialScale: Double
        /// After so many good steps the scale doubles; it halves after a bad one.
        public var dynamicGrowthSteps: Int

        public init(initialScale: Double = 32768, dynamicGrowthSteps: Int = 2000) {
            self.initialScale = initialScale
            self.dynamicGrowthSteps = dynamicGrowthSteps
        }
    }

    public var learningRate: Double
    /// Tells the learning rate, if there is one.
    public var schedule: LearningRateSchedule?
    /// See `Optimizer.decay`.
    public var decay: Double = 0
    /// w −= w · weightDecay · rate before each step. tf.keras from 2.11 on, Keras 3.
    public var weightDecay: Double?
    /// See `Optimizer.clipnorm`.
    public var clipnorm: Double?
    /// Gradients are scaled down so that the norm of all together is at most this. Not in standalone Keras, where `clipnorm` says it.
    public var globalClipnorm: Double?
    /// See `Optimizer.clipvalue`.
    public var clipvalue: Double?
    public var average: Average?
    /// Gradients of so many batches make one step. Keras 3.
    public var gradientAccumulationSteps: Int?
    public var lossScaling: LossScaling?
    /// By what the loss is multiplied, which changes nothing in float32.
    public var lossScaleFactor: Double?

    public init(
        learningRate: Double, schedule: LearningRateSchedule? = nil, decay: Double = 0, clipnorm: Double? = nil,
        clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.learningRate = schedule?.rate(at: 0) ?? learningRate
        self.schedule = schedule
        self.decay = decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.weightDecay = weightDecay
    }

    /// Reads Keras 3's words and `decay`; refuses numbers that Keras refuses.
    init(config: inout ConfigReader, defaultRate: Double, defaultWeightDecay: Double? = nil) throws(LocatedError) {
        self.init(learningRate: defaultRate)
        if let value = config.value("learning_rate"), !value.isNull {
            if value.object != nil {
                let schedule = try locating("config/learning_rate") { () throws(LocatedError) in
                    try LearningRateSchedule(config: value)
                }
                self.schedule = schedule
                learningRate = schedule.rate(at: 0)
            } else if let rate = value.number {
                learningRate = rate
            } else {
                throw config.wrong("learning_rate", "a number or a schedule", value)
            }
        }
        decay = try config.optionalNumber("decay") ?? 0
        weightDecay = config.has("weight_decay") ? try config.optionalNumber("weight_decay") : defaultWeightDecay
        clipnorm = try config.optionalNumber("clipnorm")
        globalClipnorm = try config.optionalNumber("global_clipnorm")
        clipvalue = try config.optionalNumber("clipvalue")
        let isAveraged = config.value("use_ema") ?? .null
        let momentum = try config.optionalNumber("ema_momentum") ?? 0.99
        let frequency = try config.optionalInteger("ema_overwrite_frequency", atLeast: 1)
        if isAveraged == true { average = Average(momentum: momentum, overwriteFrequency: frequency) }
        gradientAccumulationSteps = try config.optionalInteger("gradient_accumulation_steps", atLeast: 1)
        lossScaleFactor = try config.optionalNumber("loss_scale_factor")
        config.ignore("name", "jit_compile", "is_legacy_optimizer")
        for (key, value) in [
            ("learning_rate", learningRate), ("decay", decay), ("clipnorm", clipnorm ?? 0), ("clipvalue", clipvalue ?? 0),
            ("global_clipnorm", globalClipnorm ?? 0),
        ] where !(value >= 0) || value == .infinity {
            throw LocatedError(
                .invalid, "optimizer.value", "expected a number of at least 0, got \(value)", at: ["config/\(key)"])
        }
    }

    /// Keras 3's words in its order, then `decay`.
    var config: ConfigObject {
        var config: ConfigObject = [
            "learning_rate": schedule?.config ?? .float(learningRate), "weight_decay": weightDecay.config,
            "clipnorm": clipnorm.config, "global_clipnorm": globalClipnorm.config, "clipvalue": clipvalue.config,
            "use_ema": .bool(average != nil), "ema_momentum": .float(average?.momentum ?? 0.99),
            "ema_overwrite_frequency": average?.overwriteFrequency.map(ConfigValue.integer) ?? .null,
            "loss_scale_factor": lossScaleFactor.config,
            "gradient_accumulation_steps": gradientAccumulationSteps.map(ConfigValue.integer) ?? .null,
        ]
        if decay != 0 { config["decay"] = .float(decay) }
        return config
    }
}

extension Optional<Double> {
    fileprivate var config: ConfigValue { map(ConfigValue.float) ?? .null }
}
