package import KerasSpec
package import Tensors

/// How weights follow their gradients: Keras's optimizers, by their names. A value that holds settings only; the state (step
/// count, moments) belongs to a training.
public protocol Optimizer: Sendable {
    /// Keras's class name.
    static var className: String { get }
    /// What all optimizers are set by.
    var settings: OptimizerSettings { get set }
}

extension Optimizer {
    /// The base learning rate; a schedule's first. Setting it puts the schedule away.
    public var learningRate: Double {
        get { settings.learningRate }
        set {
            settings.learningRate = newValue
            settings.schedule = nil
        }
    }
    /// What tells the learning rate, if there is one.
    public var schedule: LearningRateSchedule? {
        get { settings.schedule }
        set {
            settings.schedule = newValue
            if let newValue { settings.learningRate = newValue.rate(at: 0) }
        }
    }
    /// The learning rate of step t is `learningRate / (1 + decay·t)`. Ignored from tf.keras 2.11 and in Keras 3, as there.
    public var decay: Double {
        get { settings.decay }
        set { settings.decay = newValue }
    }
    /// Gradients whose L2 norm is above this are scaled down to it: the norm of all together in standalone Keras, each
    /// weight's own later. nil or 0: never.
    public var clipnorm: Double? {
        get { settings.clipnorm }
        set { settings.clipnorm = newValue }
    }
    /// Gradients are limited to −clipvalue … clipvalue. nil or 0: never.
    public var clipvalue: Double? {
        get { settings.clipvalue }
        set { settings.clipvalue = newValue }
    }
}

/// The arrays that an optimizer keeps beside each weight, in Keras 3's words.
package enum OptimizerSlot: String, Hashable, Sendable, CaseIterable {
    /// SGD's `moment`, Adam's `m`, ScheduleFreeAdamW's weights.
    case momentum
    /// RMSprop's `accumulator` or `rms`, Adam's `v`.
    case velocity
    /// AMSGrad's `vhat`.
    case velocityHat = "velocity_hat"
    /// RMSprop's `mg`.
    case averageGradient = "average_gradient"
    /// Adagrad's and Ftrl's sum of squares.
    case accumulator
    /// Ftrl's.
    case linear
    /// Adadelta's mean squares, of gradients and of steps.
    case accumulatedGrad = "accumulated_grad"
    case accumulatedDeltaVar = "accumulated_delta_var"
    /// Adamax's largest gradients.
    case norm
    /// Adafactor's mean squares by rows and by columns.
    case rows = "r"
    case columns = "c"
    /// Averages of weights and sums of gradients, which every optimizer may have.
    case average
    case gradientSum = "gradient_accumulator"
}

/// What one step does to each element; numbers as float32 arithmetic of the generation has them.
package enum StepRule: Hashable, Sendable {
    /// Weights stay.
    case still
    case sgd(rate: Float)
    case momentum(rate: Float, momentum: Float, nesterov: Bool)
    case rmsprop(rate: Float, rho: Float, rest: Float, epsilon: Float, epsilonInside: Bool)
    /// Slots: velocity, momentum where there is one, the mean gradient where it is centered.
    case rmspropMore(
        rate: Float, rho: Float, rest: Float, momentum: Float, epsilon: Float, epsilonInside: Bool, centered: Bool)
    case adagrad(rate: Float, epsilon: Float, epsilonInside: Bool)
    case adadelta(rate: Float, rho: Float, rest: Float, epsilon: Float)
    case adam(
        rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, epsilon: Float, keepsLargest: Bool)
    case adamax(rate: Float, beta1: Float, rest1: Float, beta2: Float, epsilon: Float)
    /// What the moment and the gradient count for is told for each weight (`StepFactors`).
    case nadam(rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, correction: Float, epsilon: Float)
    case ftrl(rate: Float, power: Float, l1: Float, l2: Float, shrinkage: Float)
    case lion(rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float)
    case scheduleFree(
        rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, correction: Float, share: Float, epsilon: Float)
    case lamb(
        rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, correction1: Float, correction2: Float,
        epsilon: Float)
    case adafactor(rate: Float, decay: Float, rest: Float, epsilon1: Float, epsilon2: Float, threshold: Float)
    case muon(MuonRule)

    /// What happens to rows of a table that weren't looked up, where the rule is one of OptimizerV2's that tell these apart:
    /// Nadam's moments decay, all else stays.
    var withoutLookup: StepRule? {
        guard case .nadam(_, let beta1, let rest1, let beta2, let rest2, let correction, let epsilon) = self else { return nil }
        return .nadam(
            rate: 0, beta1: beta1, rest1: rest1, beta2: beta2, rest2: rest2, correction: correction, epsilon: epsilon)
    }

    /// Whether a weight is worked on as a whole, since a number of it depends on all its elements.
    var isWhole: Bool {
        switch self {
        case .lamb, .adafactor, .muon: true
        default: false
        }
    }
}

/// What Nadam multiplies a weight's moment and gradient by.
package struct StepFactors: Hashable, Sendable {
    package var first: Float
    package var second: Float
}

/// Where a training stands when a step is made.
package struct StepContext: Sendable {
    /// t, the steps made before.
    package var iterations: Int
    /// The learning rate, after schedule and `decay`.
    package var rate: Float
    package var generation: TrainingGeneration
    /// Whether tf-keras's graph of the step is traced once, not twice.
    package var isTracedOnce = false
}

/// An optimizer that the house computes.
package protocol BuiltInOptimizer: Optimizer {
    /// Decodes Keras 3's configuration, with an older Keras's `decay`; keys that change nothing here are passed over, others
    /// refused. What isn't told is Keras 3's default.
    init(config: inout ConfigReader) throws(LocatedError)

    /// Its own configuration in Keras 3's words and order.
    func ownConfig(for generation: TrainingGeneration) -> ConfigObject

    /// Which arrays it keeps beside each weight, in order.
    func slots(for generation: TrainingGeneration) -> [OptimizerSlot]

    /// The shape of such an array; nil: none beside this weight.
    func shape(of slot: OptimizerSlot, beside weight: Shape, path: String) -> Shape?

    /// What such an array begins with; nil: the weight's values.
    func start(of slot: OptimizerSlot, generation: TrainingGeneration) -> Float?

    /// How much of a weight decays in each step.
    func weightDecay(of weight: Shape, path: String) -> Double?

    func rule(_ step: StepContext) -> StepRule

    /// What differs from weight to weight.
    ///
    /// - Parameter product: Nadam's product of momenta, of all steps before and then this one.
    func prepare(_ factors: UnsafeMutableBufferPointer<StepFactors>, product: inout Float, _ step: StepContext)
}

extension BuiltInOptimizer {
    package func shape(of slot: OptimizerSlot, beside weight: Shape, path: String) -> Shape? { weight }
    package func start(of slot: OptimizerSlot, generation: TrainingGeneration) -> Float? { 0 }
    package func weightDecay(of weight: Shape, path: String) -> Double? { settings.weightDecay }
    package func prepare(
        _ factors: UnsafeMutableBufferPointer<StepFactors>, product: inout Float, _ step: StepContext
    ) {}

    init(config: ConfigObject) throws(LocatedError) {
        var reader = ConfigReader(config)
        try self.init(config: &reader)
        try reader.finish()
    }

    /// Settings in Keras 3's words, as a generation means them.
    package func record(for generation: OptimizerGeneration) -> OptimizerRecord {
        var record = OptimizerRecord(
            className: Self.className,
            config: settings.config.merging(ownConfig(for: TrainingGeneration(generation))) { _, own in own },
            generation: generation)
        if let scaling = settings.lossScaling {
            record.lossScaling = OptimizerRecord.LossScaling(config: [
                "initial_scale": .float(scaling.initialScale), "dynamic_growth_steps": .integer(scaling.dynamicGrowthSteps),
            ])
        }
        return record
    }

    /// The learning rate of the next step, in float32 as Keras computes it.
    ///
    /// - Parameter base: instead of the schedule's.
    func rate(base: Double, schedule: LearningRateSchedule?, _ iterations: Int, _ generation: TrainingGeneration) -> Float {
        let rate = schedule?.float(iterations) ?? Float(base)
        guard decay > 0, generation.isBefore211 else { return rate }
        let slowdown: Float = 1 + Float(decay) * Float(iterations)
        return generation == .tfKerasLegacy ? rate / slowdown : rate * (1 / slowdown)
    }
}

/// Optimizers by name and by configuration.
package enum Optimizers {
    package static let classes: [any BuiltInOptimizer.Type] = [
        Adadelta.self, Adafactor.self, Adagrad.self, Adam.self, AdamW.self, Adamax.self, Ftrl.self, Lamb.self, Lion.self,
        Muon.self, Nadam.self, RMSprop.self, ScheduleFreeAdamW.self, SGD.self,
    ]

    /// With Keras 3's defaults, by name in any case: `rmsprop`.
    package static func named(_ name: String) throws(LocatedError) -> any BuiltInOptimizer {
        try type(named: name, .usage).init(config: [:])
    }

    /// Of a file's record. Throws 69 `optimizer.unknown` for another's class.
    package static func decode(_ record: OptimizerRecord) throws(LocatedError) -> any BuiltInOptimizer {
        var optimizer = try type(named: record.className, .unsupported).init(config: record.config)
        if let scaling = record.lossScaling {
            var reader = ConfigReader(scaling.config)
            optimizer.settings.lossScaling = OptimizerSettings.LossScaling(
                initialScale: try reader.number("initial_scale", default: 32768),
                dynamicGrowthSteps: try reader.integer("dynamic_growth_steps", default: 2000))
        }
        return optimizer
    }

    private static func type(
        named name: String, _ category: LocatedError.Category
    ) throws(LocatedError) -> any BuiltInOptimizer.Type {
        let plain = name.lowercased()
        if let type = classes.first(where: { $0.className.lowercased() == plain }) { return type }
        let reasons = [
            "multioptimizer": "one optimizer for all weights, got MultiOptimizer, which has several",
            "optimizermap": "an optimizer, got OptimizerMap, which says which of several a weight has",
            "lossscaleoptimizer": "an optimizer, got LossScaleOptimizer, which scales the loss of another one",
            "tfoptimizer": "an optimizer of Keras's, got TFOptimizer, which holds one of TensorFlow's",
            "optimizer": "an optimizer, got Optimizer, the class that they are made from",
        ]
        // TensorFlow Addons registers its own as `Addons>MultiOptimizer`.
        if let reason = reasons[plain.split(separator: ">").last.map(String.init) ?? plain] { throw LocatedError(.unsupported, "optimizer.unsupported", "expected \(reason)") }
        let known = classes.map { "\"\($0.className)\"" }.joined(separator: ", ")
        throw LocatedError(category, "optimizer.unknown", "expected one of \(known), got \"\(name)\"",
            hint: NearestName.hint(for: name, in: classes.map { $0.className.lowercased() }))
    }
}

extension ConfigReader {
    /// Refuses a setting unless it has the only value that is computed.
    mutating func require(_ key: String, _ only: ConfigValue...) throws(LocatedError) {
        guard let value = value(key), !value.isNull, !only.contains(value) else { return }
        throw LocatedError(
            .unsupported, "optimizer.setting", "expected \(only[0].summary), got \(value.summary)", at: ["config/\(key)"])
    }
}

extension TrainingGeneration {
    var defaultEpsilon: Double { self == .keras1 ? 1e-8 : 1e-7 }

    /// 1 − x: of a float32 variable in the older generations, of Python's double later.
    func rest(of x: Double) -> Float { isBefore211 ? 1 - Float(x) : Float(1 - x) }

    /// What is left of a moment: later generations write m += (g − m)·(1 − β), so that it is 1 − (1 − β).
    func share(of x: Double) -> Float { isStandalone ? Float(x) : Float(1 - Double(rest(of: x))) }
}
