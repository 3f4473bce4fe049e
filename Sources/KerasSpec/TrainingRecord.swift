public import Tensors

/// How a model is trained, by what it means: whatever file it came from. `TrainingSpec` is the same as a file has it.
public struct TrainingRecord: Sendable {
    /// Keras 3's `compile_config` without its optimizer: `loss`, `loss_weights`, `metrics`, `weighted_metrics`; beside these
    /// `sample_weight_mode` where an older Keras had one.
    public var settings: ConfigObject
    public var optimizer: OptimizerRecord

    public init(settings: ConfigObject, optimizer: OptimizerRecord) {
        self.settings = settings
        self.optimizer = optimizer
    }
}

/// An optimizer with its state, in Keras 3's words and by meaning: every array under the weight it belongs to.
public struct OptimizerRecord: Sendable {
    /// Keras's class, `Adam`; another's word for a class that Keras doesn't have.
    public var className: String
    /// Keras 3's settings, all of them told: what an older Keras leaves out stands here with the value that it means. Beside
    /// these `decay` and `schedule_decay`, where an older Keras had them. `learning_rate` is a number or a schedule.
    public var config: ConfigObject
    /// Whose arithmetic the settings speak of.
    public var generation: OptimizerGeneration
    /// Whether there is a state: false for an optimizer that made no step yet, or whose file holds none.
    public var hasState: Bool
    /// Steps made; nil where a file with state doesn't tell.
    public var iterations: Int?
    /// By Keras 3's name of the slot (`momentum`, `velocity_hat`), then by `WeightOutline.name` of the weight. An array that is
    /// missing is zero.
    public var slots: [String: [String: LazyTensor]]
    /// Numbers that belong to no weight: Nadam's `u_product`.
    public var scalars: [String: LazyTensor]
    /// What scales the loss around the optimizer; nil: nothing.
    public var lossScaling: LossScaling?

    /// Keras's `LossScaleOptimizer`.
    public struct LossScaling: Sendable {
        /// `initial_scale`, `dynamic_growth_steps`.
        public var config: ConfigObject
        /// The scale of this moment and the good steps since it changed; nil where a file doesn't tell.
        public var scale: Double?
        public var goodSteps: Int?

        public init(config: ConfigObject, scale: Double? = nil, goodSteps: Int? = nil) {
            self.config = config
            self.scale = scale
            self.goodSteps = goodSteps
        }
    }

    public init(
        className: String, config: ConfigObject, generation: OptimizerGeneration, hasState: Bool = false,
        iterations: Int? = nil, slots: [String: [String: LazyTensor]] = [:], scalars: [String: LazyTensor] = [:],
        lossScaling: LossScaling? = nil
    ) {
        self.className = className
        self.config = config
        self.generation = generation
        self.hasState = hasState
        self.iterations = iterations
        self.slots = slots
        self.scalars = scalars
        self.lossScaling = lossScaling
    }
}

/// Families of optimizers: each keeps its arrays in its own order and has its own arithmetic.
public enum OptimizerGeneration: String, Hashable, Sendable, CaseIterable {
    /// Keras 1.
    case keras1
    /// Standalone Keras 2.0 to 2.2: Keras 2.3's arithmetic; some optimizers don't save their step count.
    case keras22
    /// Standalone Keras 2.3.
    case keras23
    /// tf.keras to 2.10, `optimizers.legacy` later: OptimizerV2.
    case optimizerV2
    /// tf.keras from 2.11 on, tf-keras.
    case keras211
    case keras3

    /// Standalone Keras before TensorFlow took it in.
    public var isStandalone: Bool { self == .keras1 || self == .keras22 || self == .keras23 }
    /// Whose files hold it.
    public var dialect: Dialect {
        switch self {
        case .keras1: .keras1
        case .keras22, .keras23: .keras2
        case .optimizerV2, .keras211: .tfKeras
        case .keras3: .keras3
        }
    }

    /// Knows `decay`, and has older arithmetic.
    public var isBefore211: Bool { isStandalone || self == .optimizerV2 }

    /// The generation that wrote a file's training state, as its settings tell.
    public init(of training: TrainingSpec) {
        let optimizer = training.compileSettings["optimizer_config"] ?? training.compileSettings["optimizer"]
        let config = optimizer?.object?["config"]?.object
        switch training.dialect {
        case .keras1: self = .keras1
        case .keras2: self = config?["lr"] != nil ? .keras22 : .keras23
        case .tfKeras:
            let inner = config?["inner_optimizer"]?.object?["config"]?.object
            let isLegacy = (inner ?? config)?["is_legacy_optimizer"]?.bool
            // Where the key is absent OptimizerV2 was the only one, but for a plain name (`compile("adam")` in a `.keras`
            // file), which only later versions write.
            self = isLegacy == false || optimizer?.string != nil ? .keras211 : .optimizerV2
        case .keras3: self = .keras3
        }
    }
}
