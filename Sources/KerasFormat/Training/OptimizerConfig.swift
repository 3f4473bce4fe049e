import KerasSpec
import Tensors

/// An optimizer's settings, from any generation's words to Keras 3's and back.
enum OptimizerConfig {
    // MARK: - Reading

    /// What compile settings say of an optimizer; no state yet.
    ///
    /// - Parameter value: `{"class_name": …, "config": {…}}`, or a name.
    static func upgraded(
        _ value: ConfigValue, from generation: OptimizerGeneration
    ) throws(LocatedError) -> OptimizerRecord {
        guard let name = value.string ?? value.object?["class_name"]?.string else {
            throw LocatedError(
                .invalid, "optimizer.config", "expected an optimizer's name or its settings, got \(value.summary)")
        }
        let config = value.object?["config"]?.object ?? [:]
        if isLossScaling(name), let inner = config["inner_optimizer"] ?? config["optimizer"] {
            if isLossScaling(inner.string ?? inner.object?["class_name"]?.string ?? "") {
                throw LocatedError(.invalid, "optimizer.config", "expected an optimizer within \(name), got another \(name)")
            }
            var record = try upgraded(inner, from: generation)
            var own: ConfigObject = [:]
            own["initial_scale"] = config["initial_scale"] ?? 32768.0
            own["dynamic_growth_steps"] = config["dynamic_growth_steps"] ?? 2000
            record.lossScaling = OptimizerRecord.LossScaling(config: own)
            return record
        }
        guard let known = OptimizerClass.known(as: name) else {
            return OptimizerRecord(className: name, config: config, generation: generation)
        }
        return OptimizerRecord(
            className: known.name, config: upgraded(config, of: known, from: generation), generation: generation)
    }

    private static func isLossScaling(_ name: String) -> Bool {
        name.hasPrefix("LossScaleOptimizer") || name == "Custom>LossScaleOptimizer"
    }

    /// Settings that Keras 3 shares among all optimizers, with their defaults, in its order.
    private static let common: ConfigObject = [
        "weight_decay": .null, "clipnorm": .null, "global_clipnorm": .null, "clipvalue": .null, "use_ema": false,
        "ema_momentum": 0.99, "ema_overwrite_frequency": .null, "loss_scale_factor": .null,
        "gradient_accumulation_steps": .null,
    ]

    /// Keys that say nothing about what is computed.
    private static let silent: Set<String> = ["name", "jit_compile", "is_legacy_optimizer"]

    private static func upgraded(
        _ source: ConfigObject, of optimizer: OptimizerClass, from generation: OptimizerGeneration
    ) -> ConfigObject {
        var source = source
        var config: ConfigObject = [:]
        func fallback(_ key: String) -> ConfigValue? {
            if key == "epsilon", generation == .keras1 { return 1e-8 }
            if generation == .keras211, optimizer.name == "Lion", key == "learning_rate" { return 1e-4 }
            return (generation.isStandalone ? optimizer.standaloneDefaults[key] : nil) ?? optimizer.defaults[key]
        }
        func take(_ key: String) -> ConfigValue? {
            guard let value = source.removeValue(forKey: key) else { return nil }
            // `epsilon: null` is the default.
            return value.isNull && optimizer.defaults[key] != nil ? nil : value
        }
        config["learning_rate"] = (take("learning_rate") ?? take("lr") ?? fallback("learning_rate")).map(schedule)
        source.removeValue(forKey: "lr")
        for (key, value) in common { config[key] = take(key) ?? fallback(key) ?? value }
        for key in optimizer.modern { config[key] = take(key) ?? fallback(key) }
        if generation.isBefore211 {
            // OptimizerV2's Nadam keeps its own decay under this name.
            let decay = take("decay")
            if optimizer.name == "Nadam" {
                let own = take("schedule_decay") ?? (generation == .optimizerV2 ? decay : nil)
                config["schedule_decay"] = own ?? optimizer.standaloneDefaults["schedule_decay"]
            } else {
                config["decay"] = decay ?? 0.0
            }
        } else {
            // Keras 3 takes it and does nothing.
            source.removeValue(forKey: "decay")
        }
        for (key, value) in source where !silent.contains(key) { config[key] = value }
        return config
    }

    /// A learning rate: a number, or a schedule in Keras 3's form.
    private static func schedule(_ value: ConfigValue) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string else { return value }
        var config = object["config"]?.object ?? [:]
        // tf.keras's have none unless they are given one; Keras 3 trains with no nameless schedule.
        if config["name"]?.isNull == true { config["name"] = .string(scheduleNames[name] ?? name) }
        return Serialized.keras3("keras.optimizers.schedules", name, config)
    }

    /// Keras 3's own names of schedules, where they aren't the classes'.
    private static let scheduleNames = ["PiecewiseConstantDecay": "PiecewiseConstant", "CosineDecayRestarts": "SGDRDecay"]

    // MARK: - Writing

    /// The settings object of a target, `{"class_name": …, "config": {…}}`.
    ///
    /// - Parameters:
    ///   - generation: the target's.
    ///   - minor: of Keras 3.
    ///   - refuse: hears what the target can't say; the result is of no use then.
    ///   - note: hears what is said by other means.
    static func downgraded(
        _ record: OptimizerRecord, for generation: OptimizerGeneration, minor: Int, form: TrainingConversion.Form,
        _ refuse: (String) -> Void, _ note: (String) -> Void
    ) -> ConfigValue {
        guard let optimizer = OptimizerClass.named(record.className) else {
            note("the optimizer \(record.className) isn't one of Keras's; its settings were written as they are")
            return ["class_name": .string(record.className), "config": .object(record.config)]
        }
        guard optimizer.exists(in: generation), generation != .keras3 || optimizer.sinceKeras3 <= minor else {
            refuse("the optimizer \(optimizer.name)")
            return .null
        }
        var source = record.config
        source = clipping(source, from: record.generation, to: generation, refuse)
        source = slowing(source, of: optimizer, from: record.generation, to: generation, refuse, note)
        noteArithmetic(of: optimizer, source, from: record.generation, to: generation, note)
        refuseUnsayable(source, of: optimizer, in: generation, refuse, note)

        let config = listed(source, of: optimizer, for: generation, minor: minor)
        var result: ConfigValue
        switch (generation, form) {
        case (.keras1, _), (.keras22, _), (.keras23, _), (.optimizerV2, .trainingConfig), (.keras3, .trainingConfig):
            result = ["class_name": .string(optimizer.name), "config": .object(config)]
        case (.keras211, .trainingConfig):
            result = ["class_name": .string("Custom>\(optimizer.name)"), "config": .object(config)]
        case (.optimizerV2, .compileConfig): result = Serialized.keras3("keras.optimizers.legacy", optimizer.name, config)
        case (.keras211, .compileConfig), (.keras3, .compileConfig):
            result = Serialized.keras3("keras.optimizers", optimizer.name, config)
        }
        if let scaling = record.lossScaling {
            if generation == .keras3 {
                var outer: ConfigObject = [
                    "name": "loss_scale_optimizer", "inner_optimizer": Serialized.keras3("keras.optimizers", optimizer.name, config),
                ]
                for (key, value) in scaling.config { outer[key] = value }
                result =
                    form == .compileConfig
                    ? Serialized.keras3("keras.optimizers", "LossScaleOptimizer", outer)
                    : ["class_name": "LossScaleOptimizer", "config": .object(outer)]
            } else {
                note("the scaling of the loss was left out: it changes nothing but the range of half floats")
            }
        }
        return result
    }

    /// Standalone Keras's `clipnorm` is what later generations call `global_clipnorm`.
    private static func clipping(
        _ config: ConfigObject, from source: OptimizerGeneration, to target: OptimizerGeneration, _ refuse: (String) -> Void
    ) -> ConfigObject {
        var config = config
        if source.isStandalone != target.isStandalone {
            let own = config["clipnorm"] ?? .null
            if source.isStandalone {
                config["global_clipnorm"] = own
                config["clipnorm"] = .null
            } else {
                if let each = own.number, each > 0 { refuse("clipnorm \(each): it limits the norm of all gradients together") }
                config["clipnorm"] = config["global_clipnorm"] ?? .null
                config["global_clipnorm"] = .null
            }
        }
        // Zero is never in older generations, and an error later.
        for key in ["clipnorm", "global_clipnorm", "clipvalue"] where config[key]?.number == 0 { config[key] = .null }
        if !target.isBefore211 {
            let used = ["clipnorm", "global_clipnorm", "clipvalue"].filter { config[$0]?.isNull == false }
            if used.count > 1 { refuse("\(used.joined(separator: " and ")) together") }
        }
        return config
    }

    /// `decay` becomes a schedule where there is none, and the reverse.
    private static func slowing(
        _ config: ConfigObject, of optimizer: OptimizerClass, from source: OptimizerGeneration,
        to target: OptimizerGeneration, _ refuse: (String) -> Void, _ note: (String) -> Void
    ) -> ConfigObject {
        var config = config
        let decay = config["decay"]?.number ?? 0
        if decay > 0, !target.isBefore211 {
            if let rate = config["learning_rate"]?.number {
                note("decay \(decay) was written as the schedule InverseTimeDecay, which means the same")
                config["learning_rate"] = Serialized.keras3(
                    "keras.optimizers.schedules", "InverseTimeDecay",
                    [
                        "initial_learning_rate": .float(rate), "decay_steps": 1, "decay_rate": .float(decay),
                        "staircase": false, "name": "InverseTimeDecay",
                    ])
            } else {
                refuse("decay beside a schedule of the learning rate")
            }
            config["decay"] = nil
        }
        guard target.isStandalone, let schedule = config["learning_rate"]?.object else { return config }
        let own = schedule["config"]?.object ?? [:]
        if schedule["class_name"] == "InverseTimeDecay", own["staircase"]?.bool != true, decay == 0, optimizer.name != "Nadam",
            let rate = own["initial_learning_rate"]?.number, let steps = own["decay_steps"]?.number, steps > 0,
            let slope = own["decay_rate"]?.number
        {
            note("the schedule InverseTimeDecay was written as decay, which means the same")
            config["learning_rate"] = .float(rate)
            config["decay"] = .float(slope / steps)
        } else {
            refuse("the schedule \(schedule["class_name"]?.string ?? "") of the learning rate")
        }
        return config
    }

    private static func noteArithmetic(
        of optimizer: OptimizerClass, _ config: ConfigObject, from source: OptimizerGeneration,
        to target: OptimizerGeneration, _ note: (String) -> Void
    ) {
        guard source.isBefore211 != target.isBefore211 else { return }
        let newer = "tf.keras from 2.11 on and Keras 3"
        switch optimizer.name {
        case "RMSprop", "Adagrad":
            note("\(optimizer.name) divides by √(v + ε) in \(newer), by √v + ε before: further steps differ a little")
        case "Nadam": note("Nadam's momenta follow another schedule in \(newer): further steps differ")
        default: break
        }
    }

    private static func refuseUnsayable(
        _ config: ConfigObject, of optimizer: OptimizerClass, in target: OptimizerGeneration, _ refuse: (String) -> Void,
        _ note: (String) -> Void
    ) {
        func number(_ key: String) -> Double { config[key]?.number ?? 0 }
        if target.isBefore211 {
            if number("weight_decay") != 0 { refuse("weight_decay \(number("weight_decay"))") }
            if config["use_ema"]?.bool == true { refuse("use_ema (averages of weights)") }
        }
        if target.isStandalone {
            if optimizer.name == "RMSprop", number("momentum") != 0 { refuse("RMSprop's momentum \(number("momentum"))") }
            if config["centered"]?.bool == true { refuse("RMSprop's centered") }
        }
        if target == .keras1, config["amsgrad"]?.bool == true { refuse("Adam's amsgrad") }
        if target != .keras3 {
            if config["gradient_accumulation_steps"]?.isNull == false { refuse("gradient_accumulation_steps") }
            if config["loss_scale_factor"]?.isNull == false {
                note("loss_scale_factor was left out: it changes nothing but the range of half floats")
            }
        }
    }

    /// The target's keys in its order.
    private static func listed(
        _ source: ConfigObject, of optimizer: OptimizerClass, for generation: OptimizerGeneration, minor: Int
    ) -> ConfigObject {
        var config: ConfigObject = [:]
        let rate = rate(source["learning_rate"] ?? .null, for: generation)
        func own(_ key: String) -> ConfigValue {
            switch key {
            case "learning_rate": return rate
            case "decay" where optimizer.name == "Nadam":
                return source["schedule_decay"] ?? optimizer.standaloneDefaults["schedule_decay"] ?? 0.0
            case "decay": return rounded(source["decay"] ?? 0.0)
            default:
                let value = source[key] ?? optimizer.standaloneDefaults[key] ?? optimizer.defaults[key] ?? .null
                let isVariable = generation.isBefore211 && optimizer.keepsInVariable(key, generation)
                return isVariable ? rounded(value) : value
            }
        }
        switch generation {
        case .keras1, .keras22, .keras23:
            for key in ["clipnorm", "clipvalue"] where source[key]?.isNull == false { config[key] = source[key] }
            for key in optimizer.standalone where !(key == "amsgrad" && generation == .keras1) {
                config[key == "learning_rate" && generation != .keras23 ? "lr" : key] = own(key)
            }
        case .optimizerV2:
            config["name"] = .string(optimizer.name)
            for key in ["clipnorm", "global_clipnorm", "clipvalue"] where source[key]?.isNull == false {
                config[key] = source[key]
            }
            for key in optimizer.v2 { config[key] = own(key) }
        case .keras211:
            config["name"] = .string(optimizer.name)
            for key in common.keys where key != "loss_scale_factor" && key != "gradient_accumulation_steps" {
                config[key] = source[key] ?? common[key]
            }
            config["jit_compile"] = false
            config["is_legacy_optimizer"] = false
            config["learning_rate"] = rate
            for key in optimizer.modern { config[key] = own(key) }
        case .keras3:
            config["name"] = .string(instanceName(optimizer.name, minor: minor))
            config["learning_rate"] = rate
            for key in common.keys { config[key] = source[key] ?? common[key] }
            for key in optimizer.modern { config[key] = own(key) }
        }
        return config
    }

    /// Rates went through float32, as Keras shows them then; schedules in the target's form.
    private static func rate(_ value: ConfigValue, for generation: OptimizerGeneration) -> ConfigValue {
        if value.number != nil { return rounded(value) }
        guard generation == .optimizerV2, let schedule = value.object else { return value }
        return ["class_name": schedule["class_name"] ?? .null, "config": schedule["config"] ?? .object([:])]
    }

    /// A number that went through float32, as Python shows it then: 0.001 is 0.0010000000474974513.
    private static func rounded(_ value: ConfigValue) -> ConfigValue {
        value.number.map { .float(Double(Float($0))) } ?? value
    }

    /// What Keras 3 calls an optimizer that was given no name.
    static func instanceName(_ className: String, minor: Int) -> String {
        if minor == 0 { return className.lowercased() }
        switch className {
        case "RMSprop": return "rm_sprop"
        case "AdamW": return "adam_w"
        case "ScheduleFreeAdamW": return "schedule_free_adam_w"
        default: return className.lowercased()
        }
    }
}
