import KerasSpec
import OrderedCollections
import Tensors

/// The configuration of one layer, from Keras 1's words to Keras 2.3's. Pure: knows neither files nor models.
struct Keras1Upgrade {
    /// `tf` or `th`: what layers mean that don't say it.
    let ordering: String
    private(set) var notes: [UpgradeNote] = []

    init(ordering: String) { self.ordering = ordering }

    /// A layer, or a layer within a layer: `class_name` and `config` in Keras 2.3's words, unless it is a model.
    ///
    /// - Parameter needsShape: the layer begins a Sequential, so `input_dim` says its input's shape.
    mutating func layer(
        _ className: String, _ config: ConfigObject, needsShape: Bool = false, at path: JSONPath
    ) throws(LocatedError) -> ConfigObject {
        switch className {
        case "InputLayer": return ["class_name": "InputLayer", "config": .object(input(config))]
        case "TimeDistributed", "Bidirectional": return try wrapper(className, config, at: path)
        default: break
        }
        guard let rule = Keras1Rule.rule(for: className) else {
            // Lambda; SReLU and ParametricSoftplus, which Keras 2.3 lacks; classes of one's own.
            return ["class_name": .string(className), "config": .object(plain(common(config) + rest(of: config, without: Self.commonKeys)))]
        }
        let upgraded = try self.config(config, by: rule, needsShape: needsShape, at: path)
        guard rule.className == "TimeDistributedDense" else { return ["class_name": .string(rule.keras2), "config": .object(upgraded)] }
        return timeDistributed(upgraded, named: config["name"]?.string ?? "")
    }

    // MARK: - By rule

    private static let commonKeys: Set<String> = ["name", "trainable", "batch_input_shape", "input_dtype", "dtype", "custom_name", "cache_enabled"]

    private mutating func config(
        _ config: ConfigObject, by rule: Keras1Rule, needsShape: Bool, at path: JSONPath
    ) throws(LocatedError) -> ConfigObject {
        var remaining = rest(of: config, without: Self.commonKeys)
        var result = common(config)
        if needsShape, result["batch_input_shape"] == nil, let shape = Self.shape(config, rule.input) { result["batch_input_shape"] = shape }
        var kept = result.removeValue(forKey: LegacyName.kept)?.object ?? [:]
        let ordering = ordering(of: config)
        for key in rule.keys {
            let keyPath = path[key.name]
            let given = remaining.removeValue(forKey: key.name)
            if case .list(let others) = key.kind {
                // Without all of its parts, what is missing is told by who reads Keras 2.3's words.
                guard let first = given else { throw Serialized.wrong("an integer", nil, at: keyPath) }
                var items = [first]
                for other in others {
                    guard let item = remaining.removeValue(forKey: other) else { throw Serialized.wrong("an integer", nil, at: path[other]) }
                    items.append(item)
                }
                result[key.keras2] = .array(items)
                continue
            }
            guard let value = given ?? key.fallback else {
                if case .kept = key.kind { continue }
                throw Serialized.wrong("a value", nil, at: keyPath)
            }
            switch key.kind {
            case .kept:
                if value != key.fallback { kept[key.name] = value }
            case .ordering:
                result[key.keras2] = Self.dataFormat(ordering)
                if given == nil || given == "default" { kept[key.name] = "default" }
            default: result[key.keras2] = try self.value(value, key, ordering, rule, at: keyPath)
            }
        }
        for (key, value) in rule.fixed { result[key] = value }
        finish(&result, &kept, config, rule)
        for (key, value) in remaining where result[key] == nil { result[key] = value }
        if !kept.isEmpty { result[LegacyName.kept] = .object(kept) }
        return ClassRule.keptClasses.contains(rule.keras2) ? plain(result) : result
    }

    /// For classes that keep their own words: without what is kept beside them.
    private func plain(_ config: ConfigObject) -> ConfigObject { config.filter { $0.key != LegacyName.kept } }

    private func value(
        _ value: ConfigValue, _ key: Keras1Rule.Key, _ ordering: String, _ rule: Keras1Rule, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        switch key.kind {
        case .initializer: return try Keras1Values.upgradeInitializer(value, at: path)
        case .regularizer: return try Keras1Values.upgradeRegularizer(value, at: path)
        case .constraint(let axes):
            return try Keras1Values.upgradeConstraint(value, axes.map(ordering: ordering, rank: rule.kernelRank), at: path)
        case .single: return value.array != nil || value.isNull ? value : [value]
        case .activation: return value.isNull ? "linear" : value
        case .forgetBias: return .bool(value == "one")
        case .consumption: return value == "gpu" ? 2 : value == "mem" ? 1 : 0
        case .padding: return Self.padding(value, isPlane: rule.className == "ZeroPadding2D")
        case .plain, .ordering, .list, .kept: return value
        }
    }

    private mutating func finish(
        _ result: inout ConfigObject, _ kept: inout ConfigObject, _ config: ConfigObject, _ rule: Keras1Rule
    ) {
        let name = config["name"]?.string ?? rule.className
        switch rule.className {
        case "BatchNormalization":
            result[LegacyName.varianceRule] = "keras-1"
            if let mode = kept.removeValue(forKey: "mode") {
                result[LegacyName.mode] = mode
                note(name, "normalizes by mode \(mode.integer ?? 0) of Keras 1, which later Keras doesn't have")
            }
        case "Embedding" where (kept["dropout"]?.number ?? 0) > 0:
            note(name, "drops no whole words in training, as Keras 1's dropout \(JSON.text(kept["dropout"] ?? 0)) did")
        case "MaxPooling1D", "AveragePooling1D", "MaxPooling2D", "AveragePooling2D", "MaxPooling3D", "AveragePooling3D":
            if result["strides"]?.isNull ?? true { result["strides"] = result["pool_size"] }
        case "ZeroPadding1D", "ZeroPadding2D": if let padding = config["padding"], padding != result["padding"] { kept["padding"] = padding }
        case "SeparableConvolution2D": result["pointwise_initializer"] = result["depthwise_initializer"]
        case "Deconvolution2D":
            note(name, "output_shape \(JSON.text(kept["output_shape"] ?? .null)) is what kernel, strides and padding make of the input")
        default: break
        }
        if kept["dim_ordering"] != nil {
            note(name, "doesn't tell its dim_ordering; taken for \(ordering), as \(ordering == "th" ? "other layers of the model say" : "Keras 1 does unless told otherwise")")
        }
    }

    mutating func note(_ layer: String, _ text: String) { notes.append(UpgradeNote(layer: layer, text: text)) }

    // MARK: - Without a rule

    /// Name, trainable, shape and type, which every layer has.
    private func common(_ config: ConfigObject) -> ConfigObject {
        var result: ConfigObject = [:]
        if let name = config["name"] ?? config["custom_name"], !name.isNull { result["name"] = name }
        result["trainable"] = config["trainable"] ?? true
        if let shape = config["batch_input_shape"], !shape.isNull { result["batch_input_shape"] = shape }
        guard let type = config["input_dtype"] ?? config["dtype"], let name = type.string else {
            // A stateful layer within a model tells its input's shape alone.
            if result["batch_input_shape"] != nil { result[LegacyName.kept] = ["input_dtype": nil] }
            return result
        }
        if name.hasPrefix("float") {
            result["dtype"] = type
        } else {
            // Keras 1 means the input, whose numbers the layer takes as floats; Keras 2.3 would make weights of that type.
            result["dtype"] = "float32"
            result[LegacyName.kept] = ["input_dtype": type]
        }
        return result
    }

    private func rest(of config: ConfigObject, without keys: Set<String>) -> ConfigObject {
        config.filter { !keys.contains($0.key) }
    }

    private func input(_ config: ConfigObject) -> ConfigObject {
        var result: ConfigObject = [
            "batch_input_shape": config["batch_input_shape"] ?? .null,
            "dtype": config["input_dtype"] ?? config["dtype"] ?? "float32", "sparse": config["sparse"] ?? false,
        ]
        if let name = config["name"] { result["name"] = name }
        return result
    }

    private mutating func wrapper(
        _ className: String, _ config: ConfigObject, at path: JSONPath
    ) throws(LocatedError) -> ConfigObject {
        guard let inner = config["layer"]?.object, let innerClass = inner["class_name"]?.string,
            let innerConfig = inner["config"]
        else { throw Serialized.wrong("a layer with class_name and config", config["layer"], at: path["layer"]) }
        var result = common(config)
        if innerClass == "Sequential" || innerClass == "Model" {
            var models = Keras1Structure(upgrade: self)
            result["layer"] = .object(try models.model(inner, named: nil, at: path["layer"]).json)
            self = models.upgrade
        } else if let innerConfig = innerConfig.object {
            result["layer"] = .object(try layer(innerClass, innerConfig, at: path["layer"]["config"]))
        } else {
            throw Serialized.wrong("a layer's settings", innerConfig, at: path["layer"]["config"])
        }
        if className == "Bidirectional" { result["merge_mode"] = config["merge_mode"] ?? "concat" }
        for (key, value) in rest(of: config, without: Self.commonKeys.union(["layer", "merge_mode"])) { result[key] = value }
        return ["class_name": .string(className), "config": .object(result)]
    }

    private mutating func timeDistributed(_ dense: ConfigObject, named name: String) -> ConfigObject {
        note(name, "TimeDistributedDense is a Dense within TimeDistributed")
        var inner = dense
        var outer: ConfigObject = [:]
        for key in ["name", "trainable"] { outer[key] = dense[key] }
        for key in ["batch_input_shape", "dtype"] { outer[key] = inner.removeValue(forKey: key) }
        outer["layer"] = ["class_name": "Dense", "config": .object(inner)]
        return ["class_name": "TimeDistributed", "config": .object(outer)]
    }

    // MARK: - Values

    /// What a layer means by its `dim_ordering`, or by none.
    private func ordering(of config: ConfigObject) -> String {
        guard let own = config["dim_ordering"]?.string, own == "tf" || own == "th" else { return ordering }
        return own
    }

    static func dataFormat(_ ordering: String) -> ConfigValue { ordering == "th" ? "channels_first" : "channels_last" }

    /// The shape that a layer tells beside `batch_input_shape`.
    private static func shape(_ config: ConfigObject, _ input: Keras1Rule.Input) -> ConfigValue? {
        let length = config["input_length"] ?? .null
        switch input {
        case .none: return nil
        case .indices: return [.null, length]
        case .vector, .sequence:
            guard let extent = config["input_dim"], !extent.isNull else { return nil }
            if case .vector = input { return [.null, extent] }
            return [.null, length, extent]
        }
    }

    /// Four numbers or a dictionary → pairs.
    static func padding(_ value: ConfigValue, isPlane: Bool) -> ConfigValue {
        if let object = value.object {
            let side = { (name: String) in object[name] ?? 0 }
            let across: ConfigValue = [side("left_pad"), side("right_pad")]
            return isPlane ? [[side("top_pad"), side("bottom_pad")], across] : across
        }
        guard let items = value.array, items.count == 4 else { return value }
        return [[items[0], items[1]], [items[2], items[3]]]
    }
}

extension Keras1Rule {
    /// How many axes the kernel has.
    var kernelRank: Int {
        switch className {
        case "Convolution3D": 5
        case "Dense", "TimeDistributedDense", "Embedding", "Highway": 2
        case "MaxoutDense", "LocallyConnected1D", "LocallyConnected2D": 3
        default: 4
        }
    }
}

extension ConfigObject {
    /// Both, in order.
    static func + (first: ConfigObject, second: ConfigObject) -> ConfigObject { first.merging(second) { own, _ in own } }
}
