package import KerasSpec
import OrderedCollections
package import Tensors

extension CompileSettings {
    /// Reads compile settings of any generation: `training_config` of a whole-model `.h5`, `compile_config` of a `.keras` file.
    ///
    /// Throws `.unsupported` for losses and metrics that aren't computed, `.invalid` for what can't be understood; located at
    /// the key.
    ///
    /// - Parameter optimizer: what the settings say of it, by `Optimizers.decode`.
    package init(config: ConfigObject, optimizer: any Optimizer) throws(LocatedError) {
        self.init(
            optimizer: optimizer,
            loss: try locating("loss") { () throws(LocatedError) in try Self.losses(config["loss"] ?? .null) },
            metrics: try locating("metrics") { () throws(LocatedError) in try Self.metrics(config["metrics"] ?? .null) },
            weightedMetrics: try locating("weighted_metrics") { () throws(LocatedError) in
                try Self.metrics(config["weighted_metrics"] ?? .null)
            },
            lossWeights: try locating("loss_weights") { () throws(LocatedError) in
                try Self.weights(config["loss_weights"] ?? .null)
            },
            sampleWeightMode: try locating("sample_weight_mode") { () throws(LocatedError) in
                try Self.modes(config["sample_weight_mode"] ?? .null)
            })
    }

    private static func losses(_ value: ConfigValue) throws(LocatedError) -> PerOutput<Loss?> {
        func one(_ value: ConfigValue) throws(LocatedError) -> Loss? { value.isNull ? nil : try Loss(config: value) }
        if let items = value.array {
            var losses: [Loss?] = []
            for item in items { losses.append(try one(item)) }
            return .list(losses)
        }
        if let object = value.object, object["class_name"] == nil {
            var losses: OrderedDictionary<String, Loss?> = [:]
            for (name, item) in object {
                losses[name] = .some(try locating(name) { () throws(LocatedError) in try one(item) })
            }
            return .named(losses)
        }
        return .all(try one(value))
    }

    /// A metric, a list of them, null.
    private static func metricList(_ value: ConfigValue) throws(LocatedError) -> [Metric] {
        if value.isNull { return [] }
        guard let items = value.array else { return [try Metric(config: value)] }
        var metrics: [Metric] = []
        // tf.keras writes a null for an output that has none beside one that has.
        for item in items where !item.isNull { metrics.append(try Metric(config: item)) }
        return metrics
    }

    private static func metrics(_ value: ConfigValue) throws(LocatedError) -> PerOutput<[Metric]> {
        if let items = value.array, items.contains(where: { $0.array != nil || $0.isNull }) {
            var lists: [[Metric]] = []
            for item in items { lists.append(try metricList(item)) }
            // tf.keras writes one list for each output, for a single output too.
            return lists.count == 1 ? .all(lists[0]) : .list(lists)
        }
        if let object = value.object, object["class_name"] == nil {
            var lists: OrderedDictionary<String, [Metric]> = [:]
            for (name, item) in object {
                lists[name] = try locating(name) { () throws(LocatedError) in try metricList(item) }
            }
            return .named(lists)
        }
        return .all(try metricList(value))
    }

    private static func weights(_ value: ConfigValue) throws(LocatedError) -> PerOutput<Double>? {
        func one(_ value: ConfigValue) throws(LocatedError) -> Double {
            guard let number = value.number else {
                throw LocatedError(.invalid, "compile.loss_weights", "expected a number, got \(value.summary)")
            }
            return number
        }
        if value.isNull { return nil }
        if let items = value.array {
            var weights: [Double] = []
            for item in items { weights.append(try one(item)) }
            return .list(weights)
        }
        if let object = value.object {
            var weights: OrderedDictionary<String, Double> = [:]
            for (name, item) in object { weights[name] = try one(item) }
            return .named(weights)
        }
        return .all(try one(value))
    }

    private static func modes(_ value: ConfigValue) throws(LocatedError) -> PerOutput<String?>? {
        func one(_ value: ConfigValue) throws(LocatedError) -> String? {
            guard value.isNull || value.string != nil else {
                throw LocatedError(.invalid, "compile.sample_weight_mode", "expected a word or null, got \(value.summary)")
            }
            return value.string
        }
        if value.isNull { return nil }
        if let items = value.array {
            var modes: [String?] = []
            for item in items { modes.append(try one(item)) }
            return .list(modes)
        }
        if let object = value.object {
            var modes: OrderedDictionary<String, String?> = [:]
            for (name, item) in object { modes[name] = .some(try one(item)) }
            return .named(modes)
        }
        return .all(try one(value))
    }

    /// Losses, metrics and weights by Keras's keys; the optimizer's settings are told by `BuiltInOptimizer.record(for:)`.
    package var config: ConfigObject {
        [
            "loss": loss.config { $0?.config ?? .null }, "metrics": metrics.config { .array($0.map(\.config)) },
            "weighted_metrics": weightedMetrics == .all([])
                ? .null : weightedMetrics.config { .array($0.map(\.config)) },
            "loss_weights": lossWeights?.config { Int(exactly: $0).map(ConfigValue.integer) ?? .float($0) } ?? .null,
            "sample_weight_mode": sampleWeightMode?.config { $0.map(ConfigValue.string) ?? .null } ?? .null,
        ]
    }
}

extension CompileSettings {
    /// The same as a generation reads it: Keras 3 finds a class by its module alone.
    package func config(for generation: TrainingGeneration) -> ConfigObject {
        guard generation == .keras3 else { return config }
        var told = config
        for (key, module) in [("loss", "keras.losses"), ("metrics", "keras.metrics"), ("weighted_metrics", "keras.metrics")] {
            told[key] = told[key].map { Self.placed($0, in: module) }
        }
        return told
    }

    private static func placed(_ value: ConfigValue, in module: String) -> ConfigValue {
        if let items = value.array { return .array(items.map { placed($0, in: module) }) }
        guard let object = value.object else { return value }
        guard let name = object["class_name"] else { return .object(object.mapValues { placed($0, in: module) }) }
        // What a user registered has a place of its own.
        guard object["module"] == nil, object["registered_name"] == nil, let word = name.string, word != "function" else { return value }
        let isKnown = module == "keras.losses" ? Loss.Kind.named[word] != nil : (try? Metric.isClass(word)) == true
        guard isKnown else { return value }
        return [
            "module": .string(module), "class_name": name, "config": object["config"] ?? [:], "registered_name": .null,
        ]
    }
}

extension PerOutput {
    fileprivate func config(_ one: (Value) -> ConfigValue) -> ConfigValue {
        switch self {
        case .all(let value): one(value)
        case .list(let values): .array(values.map(one))
        case .named(let values): .object(ConfigObject(uniqueKeysWithValues: values.map { ($0.key, one($0.value)) }))
        }
    }
}
