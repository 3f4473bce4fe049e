package import KerasSpec
package import Tensors

/// How weights follow their gradients: `SGD`, `RMSprop` or `Adam`. A value that holds settings only; the state (step count,
/// moments) belongs to a training.
public protocol Optimizer: Sendable {
    /// Keras's class name.
    static var className: String { get }
    var learningRate: Double { get set }
    /// The learning rate of step t is `learningRate / (1 + decay·t)`. Ignored from tf.keras 2.11 and in Keras 3, as there.
    var decay: Double { get set }
    /// Gradients whose L2 norm is above this are scaled down to it: the norm of all together in standalone Keras, each
    /// weight's own later. nil or 0: never.
    var clipnorm: Double? { get set }
    /// Gradients are limited to −clipvalue … clipvalue. nil or 0: never.
    var clipvalue: Double? { get set }
}

/// The arrays that an optimizer keeps beside each weight, in Keras 3's words.
package enum OptimizerSlot: String, Hashable, Sendable, CaseIterable {
    /// SGD's `moment`, Adam's `m`.
    case momentum
    /// RMSprop's `accumulator` or `rms`, Adam's `v`.
    case velocity
    /// AMSGrad's `vhat`.
    case velocityHat = "velocity_hat"
}

/// What one step does to each element; numbers as float32 arithmetic of the generation has them.
package enum StepRule: Hashable, Sendable {
    case sgd(rate: Float)
    case momentum(rate: Float, momentum: Float, nesterov: Bool)
    case rmsprop(rate: Float, rho: Float, rest: Float, epsilon: Float, epsilonInside: Bool)
    case adam(
        rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, epsilon: Float, keepsLargest: Bool)
}

/// An optimizer that the house computes.
package protocol BuiltInOptimizer: Optimizer {
    /// Decodes Keras's configuration of any generation; keys that change nothing here are passed over, others refused.
    init(config: inout ConfigReader) throws(LocatedError)

    /// The configuration as a generation of Keras writes it.
    func config(for generation: TrainingGeneration) -> ConfigObject

    /// Which arrays it keeps beside each weight, in order.
    func slots(for generation: TrainingGeneration) -> [OptimizerSlot]

    /// - Parameters:
    ///   - iterations: t, the steps made before.
    ///   - rate: the base learning rate, which a callback may have changed.
    func rule(iterations: Int, rate: Double, generation: TrainingGeneration) -> StepRule
}

/// Optimizers by name and by configuration.
package enum Optimizers {
    static let classes: [any BuiltInOptimizer.Type] = [Adam.self, RMSprop.self, SGD.self]

    private static let unsupported: Set<String> = [
        "adagrad", "adadelta", "adamax", "nadam", "ftrl", "adamw", "adafactor", "lion", "lamb", "muon", "schedulefreeadamw",
        "lossscaleoptimizer", "tfoptimizer",
    ]

    /// With Keras's defaults, by name in any case: `rmsprop`.
    package static func named(_ name: String) throws(LocatedError) -> any BuiltInOptimizer {
        try type(named: name).init(config: [:])
    }

    /// From `{"class_name": …, "config": {…}}` of any generation, or a name.
    package static func decode(_ value: ConfigValue) throws(LocatedError) -> any BuiltInOptimizer {
        if let name = value.string { return try named(name) }
        guard let object = value.object, let className = object["class_name"]?.string else {
            throw LocatedError(
                .invalid, "optimizer.config", "expected an optimizer's name or its settings, got \(value.summary)")
        }
        return try type(named: className).init(config: object["config"]?.object ?? [:])
    }

    private static func type(named name: String) throws(LocatedError) -> any BuiltInOptimizer.Type {
        // tf.keras 2.11 to 2.15 writes `Custom>Adam`.
        var plain = name.lowercased()
        if plain.hasPrefix("custom>") { plain.removeFirst("custom>".count) }
        if let type = classes.first(where: { $0.className.lowercased() == plain }) { return type }
        let known = classes.map { "\"\($0.className)\"" }.joined(separator: ", ")
        throw LocatedError(
            unsupported.contains(plain) ? .unsupported : .usage,
            unsupported.contains(plain) ? "optimizer.unsupported" : "optimizer.unknown",
            "expected one of \(known), got \"\(name)\"")
    }
}

extension BuiltInOptimizer {
    init(config: ConfigObject) throws(LocatedError) {
        var reader = ConfigReader(config)
        try self.init(config: &reader)
        try reader.finish()
        for (key, value) in [
            ("learning_rate", learningRate), ("decay", decay), ("clipnorm", clipnorm ?? 0), ("clipvalue", clipvalue ?? 0),
        ] where !(value >= 0) || value == .infinity {
            throw LocatedError(
                .invalid, "optimizer.value", "expected a number of at least 0, got \(value)", at: ["config/\(key)"])
        }
    }

    /// The class name as a generation of Keras writes it.
    package func className(for generation: TrainingGeneration) -> String {
        generation == .tfKeras ? "Custom>\(Self.className)" : Self.className
    }

    /// The learning rate after `iterations` steps, in float32 as Keras computes it.
    func decayed(_ rate: Double, _ iterations: Int, _ generation: TrainingGeneration) -> Float {
        let rate = Float(rate)
        guard decay > 0, generation.isBefore211 else { return rate }
        let slowdown: Float = 1 + Float(decay) * Float(iterations)
        return generation == .tfKerasLegacy ? rate / slowdown : rate * (1 / slowdown)
    }
}

// MARK: What the configurations share

extension ConfigReader {
    /// The settings that all optimizers have; refuses those that would change the result and aren't computed.
    mutating func common(defaultRate: Double) throws(LocatedError) -> CommonSettings {
        var settings = CommonSettings()
        let rateKey = has("lr") && !has("learning_rate") ? "lr" : "learning_rate"
        if let value = value(rateKey) {
            guard let rate = value.number else {
                // A schedule.
                throw value.object == nil
                    ? wrong(rateKey, "a number", value)
                    : LocatedError(
                        .unsupported, "optimizer.schedule", "expected a number, got a learning rate schedule",
                        at: ["config/learning_rate"])
            }
            settings.learningRate = rate
        } else {
            settings.learningRate = defaultRate
        }
        settings.decay = try optionalNumber("decay") ?? 0
        settings.clipnorm = try optionalNumber("clipnorm")
        settings.clipvalue = try optionalNumber("clipvalue")
        for key in ["weight_decay", "global_clipnorm", "gradient_accumulation_steps", "loss_scale_factor"] {
            guard let value = value(key), !value.isNull else { continue }
            throw LocatedError(
                .unsupported, "optimizer.setting", "expected no \(key), got \(value.summary)", at: ["config/\(key)"])
        }
        if let value = value("use_ema"), !value.isNull, value != .bool(false) {
            throw LocatedError(
                .unsupported, "optimizer.setting", "expected no moving average of weights, got \(value.summary)",
                at: ["config/use_ema"])
        }
        ignore("name", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "is_legacy_optimizer", "schedule_decay")
        return settings
    }

    /// Refuses a setting unless it has the only value that is computed.
    mutating func require(_ key: String, _ only: ConfigValue...) throws(LocatedError) {
        guard let value = value(key), !value.isNull, !only.contains(value) else { return }
        throw LocatedError(
            .unsupported, "optimizer.setting", "expected \(only[0].summary), got \(value.summary)", at: ["config/\(key)"])
    }
}

struct CommonSettings {
    var learningRate = 0.0
    var decay = 0.0
    var clipnorm: Double?
    var clipvalue: Double?
}

extension BuiltInOptimizer {
    /// What a configuration begins with.
    func configStart(for generation: TrainingGeneration) -> ConfigObject {
        var config: ConfigObject = [:]
        switch generation {
        case .keras1, .keras2:
            if let clipnorm { config["clipnorm"] = .float(clipnorm) }
            if let clipvalue { config["clipvalue"] = .float(clipvalue) }
            config[generation == .keras1 ? "lr" : "learning_rate"] = .float32(learningRate)
        case .tfKerasLegacy:
            config["name"] = .string(Self.className)
            if let clipnorm { config["clipnorm"] = .float(clipnorm) }
            if let clipvalue { config["clipvalue"] = .float(clipvalue) }
            config["learning_rate"] = .float32(learningRate)
            config["decay"] = .float32(decay)
        case .tfKeras:
            config = [
                "name": .string(Self.className), "weight_decay": .null, "clipnorm": clipnorm.config,
                "global_clipnorm": .null, "clipvalue": clipvalue.config, "use_ema": false, "ema_momentum": 0.99,
                "ema_overwrite_frequency": 100, "jit_compile": false, "is_legacy_optimizer": false,
                "learning_rate": .float32(learningRate),
            ]
        case .keras3:
            config = [
                "name": .string(Self.className.lowercased()), "learning_rate": .float32(learningRate),
                "weight_decay": .null, "clipnorm": clipnorm.config, "global_clipnorm": .null, "clipvalue": clipvalue.config,
                "use_ema": false, "ema_momentum": 0.99, "ema_overwrite_frequency": .null, "loss_scale_factor": .null,
                "gradient_accumulation_steps": .null,
            ]
        }
        return config
    }

    /// A setting that older generations keep in a float32 variable.
    func stored(_ value: Double, _ generation: TrainingGeneration) -> ConfigValue {
        generation.isBefore211 ? .float32(value) : .float(value)
    }
}

extension Optional<Double> {
    fileprivate var config: ConfigValue { map(ConfigValue.float) ?? .null }
}

extension ConfigValue {
    /// A number that went through float32, as Python shows it then: 0.001 is 0.0010000000474974513.
    static func float32(_ value: Double) -> ConfigValue { .float(Double(Float(value))) }
}
