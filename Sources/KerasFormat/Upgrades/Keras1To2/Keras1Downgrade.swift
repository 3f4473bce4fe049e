import KerasSpec
import OrderedCollections
import Tensors

/// The configuration of one layer, from Keras 2.3's words to Keras 1's. Pure: knows neither files nor models.
struct Keras1Downgrade {
    /// What Keras 1 can't say, as `layer: reason`.
    private(set) var refusals: [String] = []
    /// What is said by other means.
    private(set) var notes: [UpgradeNote] = []

    private static let commonKeys: Set<String> = ["name", "trainable", "batch_input_shape", "dtype"]
    /// All that Keras 1.2.2 has.
    private static let activations: Set<String> = [
        "softmax", "elu", "softplus", "softsign", "relu", "tanh", "sigmoid", "hard_sigmoid", "linear",
    ]

    /// - Parameters:
    ///   - config: in Keras 2.3's words.
    ///   - kept: Keras 1's own keys, from when the layer was read.
    ///   - inner: what was kept of the layer within.
    ///   - model: the model within, in Keras 1's words, if there is one.
    ///   - label: the layer's path, for errors.
    /// - Returns: `class_name` and `config`.
    mutating func layer(
        _ className: String, _ config: ConfigObject, kept: ConfigObject, inner: ConfigObject = [:], model: ConfigObject? = nil,
        at label: String
    ) -> ConfigObject {
        switch className {
        case "InputLayer": return result("InputLayer", input(config))
        // By a function of its own: in Keras 1's words still.
        case "Merge": return result("Merge", config)
        case "TimeDistributed", "Bidirectional": return wrapper(className, config, kept: kept, inner: inner, model: model, at: label)
        case "Softmax" where config["axis"] == -1: return instead("Activation", ["activation": "softmax"], config, kept, at: label)
        case "ReLU": return rectifier(config, kept, at: label)
        default: break
        }
        guard var rule = Keras1Rule.byKeras2[ClassRule.aliases[className] ?? className] else {
            if ClassRule.rule(for: className) != nil { refuse(label, "class \(className)") }
            return result(className, common(config, kept, at: label) + config.filter { !Self.commonKeys.contains($0.key) && $0.key != LegacyName.leakRule })
        }
        if let dilation = config["dilation_rate"], rule.fixed["dilation_rate"].map({ !Self.means(dilation, $0) }) ?? false,
            let atrous = Keras1Rule.all["Atrous" + rule.className]
        { rule = atrous }
        return result(rule.className, self.config(config, by: rule, kept, at: label))
    }

    mutating func refuse(_ label: String, _ reason: String) { refusals.append("\(label): \(reason)") }
    mutating func note(_ label: String, _ text: String) { notes.append(UpgradeNote(layer: label, text: text)) }

    private func result(_ className: String, _ config: ConfigObject) -> ConfigObject {
        ["class_name": .string(className), "config": .object(config)]
    }

    // MARK: - By rule

    private mutating func config(
        _ config: ConfigObject, by rule: Keras1Rule, _ kept: ConfigObject, at label: String
    ) -> ConfigObject {
        var remaining = config.filter { !Self.commonKeys.contains($0.key) }
        var result = common(config, kept, isIndices: rule.className == "Embedding", at: label)
        let ordering = config["data_format"] == "channels_first" ? "th" : "tf"
        // A stateful layer tells its whole input's shape instead.
        let tellsShape = config["stateful"] == true && result["batch_input_shape"] != nil
        for key in rule.keys {
            if case .kept = key.kind {
                if tellsShape, key.name == "input_dim" || key.name == "input_length" { continue }
                result[key.name] = keptValue(key, kept, rule, at: label)
                continue
            }
            guard let value = remaining.removeValue(forKey: key.keras2) else {
                if !key.isUnwritten, let fallback = key.fallback { result[key.name] = fallback }
                continue
            }
            switch key.kind {
            case .list(let others):
                let names = [key.name] + others
                let items = value.array ?? [ConfigValue](repeating: value, count: names.count)
                for (name, item) in zip(names, items) { result[name] = item }
            case .ordering:
                let isUntold = kept["dim_ordering"] == "default"
                if isUntold, key.isUnwritten { continue }
                result[key.name] = isUntold ? "default" : .string(ordering)
            default:
                let value = self.value(value, key, ordering, rule, kept, at: label)
                if key.isUnwritten, let fallback = key.fallback, Self.means(value, fallback) { continue }
                result[key.name] = value
            }
        }
        checkRest(remaining, rule, at: label)
        return result
    }

    private mutating func value(
        _ value: ConfigValue, _ key: Keras1Rule.Key, _ ordering: String, _ rule: Keras1Rule, _ kept: ConfigObject, at label: String
    ) -> ConfigValue {
        var reasons: [String] = []
        var remarks: [String] = []
        defer {
            for reason in reasons { refuse(label, reason) }
            for remark in remarks { note(label, remark) }
        }
        switch key.kind {
        case .activation:
            guard let name = ActivationUpgrade.name(of: value), Self.activations.contains(name) else {
                reasons.append("\(key.keras2) \(JSON.text(value))")
                return value
            }
            return .string(name)
        case .initializer:
            return Keras1Values.downgradeInitializer(value, key.keras2, note: { remarks.append($0) }, refuse: { reasons.append($0) })
        case .regularizer: return Keras1Values.downgradeRegularizer(value, key.keras2) { reasons.append($0) }
        case .constraint(let axes):
            return Keras1Values.downgradeConstraint(value, key.keras2, axes.map(ordering: ordering, rank: rule.kernelRank)) { reasons.append($0) }
        case .single: return value.array.flatMap { $0.count == 1 ? $0[0] : nil } ?? value
        case .forgetBias: return value.bool ?? (value.integer != 0) ? "one" : "zero"
        case .consumption: return value == 2 ? "gpu" : value == 1 ? "mem" : "cpu"
        case .padding: return padding(value, rule, kept, &reasons)
        case .plain:
            if key.keras2 == "padding", value != "valid", value != "same" { reasons.append("padding \(JSON.text(value))") }
            if rule.className == "ConvLSTM2D", key.keras2 == "strides" { return value }
            return value
        case .ordering, .list, .kept: return value
        }
    }

    private mutating func keptValue(
        _ key: Keras1Rule.Key, _ kept: ConfigObject, _ rule: Keras1Rule, at label: String
    ) -> ConfigValue {
        if let value = kept[key.name] { return value }
        if key.name == "output_shape" {
            refuse(label, "Conv2DTranspose without the shape of its output, which Keras 1 demands")
        }
        return key.fallback ?? .null
    }

    /// What Keras 1 has no word for must be what it means without one.
    private mutating func checkRest(_ remaining: ConfigObject, _ rule: Keras1Rule, at label: String) {
        for (key, value) in remaining where !rule.free.contains(key) {
            if let fixed = rule.fixed[key] {
                if Self.means(value, fixed) { continue }
                if key.hasSuffix("_initializer") {
                    note(label, "\(key) \(JSON.text(value)) can't be said: untrained weights would begin otherwise")
                    continue
                }
            } else if value.isNull || (rule.className == "SeparableConvolution2D" && key == "pointwise_initializer") {
                // Keras 1 has one word for both.
                continue
            }
            refuse(label, "\(key) \(JSON.text(value))")
        }
    }

    private static func means(_ a: ConfigValue, _ b: ConfigValue) -> Bool {
        if a == b { return true }
        if let a = a.number, let b = b.number { return a == b }
        // One number stands for equal ones.
        if let items = b.array, a.array == nil, !items.isEmpty { return items.allSatisfy { means(a, $0) } }
        if let a = a.array, let b = b.array { return a.count == b.count && zip(a, b).allSatisfy(means) }
        if let a = a.object, let b = b.object { return a.count == b.count && a.allSatisfy { key, value in b[key].map { means(value, $0) } ?? false } }
        return false
    }

    private func padding(
        _ value: ConfigValue, _ rule: Keras1Rule, _ kept: ConfigObject, _ reasons: inout [String]
    ) -> ConfigValue {
        if let original = kept["padding"], Keras1Upgrade.padding(original, isPlane: rule.className == "ZeroPadding2D") == value { return original }
        guard let items = value.array, items.contains(where: { $0.array != nil }) else { return value }
        let pairs = items.map { $0.array ?? [$0, $0] }
        if pairs.allSatisfy({ $0.count == 2 && $0[0] == $0[1] }) { return .array(pairs.map { $0[0] }) }
        if rule.className == "ZeroPadding3D" { reasons.append("padding \(JSON.text(value))") }
        return .array(pairs.flatMap(\.self))
    }

    // MARK: - Without a rule

    private mutating func common(
        _ config: ConfigObject, _ kept: ConfigObject, isIndices: Bool = false, at label: String
    ) -> ConfigObject {
        var result: ConfigObject = [:]
        if let name = config["name"] { result["name"] = name }
        result["trainable"] = config["trainable"] ?? true
        let dtype = config["dtype"]
        if let shape = config["batch_input_shape"], !shape.isNull {
            result["batch_input_shape"] = shape
            let type = kept["input_dtype"] ?? (isIndices ? "int32" : dtype ?? "float32")
            if !type.isNull { result["input_dtype"] = type }
        } else if let dtype, dtype != "float32", !dtype.isNull {
            refuse(label, "dtype \(JSON.text(dtype))")
        }
        return result
    }

    private func input(_ config: ConfigObject) -> ConfigObject {
        [
            "batch_input_shape": config["batch_input_shape"] ?? .null, "input_dtype": config["dtype"] ?? "float32",
            "sparse": config["sparse"] ?? false, "name": config["name"] ?? .null,
        ]
    }

    private mutating func wrapper(
        _ className: String, _ config: ConfigObject, kept: ConfigObject, inner: ConfigObject, model: ConfigObject?,
        at label: String
    ) -> ConfigObject {
        var config = config
        var result = common(config, kept, at: label)
        let layer = config.removeValue(forKey: "layer")?.object ?? [:]
        let innerClass = layer["class_name"]?.string ?? ""
        result["layer"] = .object(
            model ?? self.layer(innerClass, layer["config"]?.object ?? [:], kept: inner, at: label + "/" + (layer["config"]?.object?["name"]?.string ?? innerClass)))
        if let mode = config.removeValue(forKey: "merge_mode") { result["merge_mode"] = mode }
        for (key, value) in config where !Self.commonKeys.contains(key) && !value.isNull { refuse(label, "\(key) \(JSON.text(value))") }
        return ["class_name": .string(className), "config": .object(result)]
    }

    /// Another class that means the same.
    private mutating func instead(
        _ className: String, _ own: ConfigObject, _ config: ConfigObject, _ kept: ConfigObject, at label: String
    ) -> ConfigObject {
        note(label, "is written as \(className)")
        return result(className, common(config, kept, at: label) + own)
    }

    private mutating func rectifier(_ config: ConfigObject, _ kept: ConfigObject, at label: String) -> ConfigObject {
        let slope = config["negative_slope"]?.number ?? 0
        if !(config["max_value"]?.isNull ?? true) { refuse(label, "ReLU with max_value \(JSON.text(config["max_value"] ?? .null))") }
        if (config["threshold"]?.number ?? 0) != 0 { refuse(label, "ReLU with threshold \(JSON.text(config["threshold"] ?? .null))") }
        return slope == 0
            ? instead("Activation", ["activation": "relu"], config, kept, at: label)
            : instead("LeakyReLU", ["alpha": .float(slope)], config, kept, at: label)
    }
}
