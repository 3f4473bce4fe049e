import KerasSpec
import OrderedCollections

/// Nodes that stand for a function of TensorFlow, `TFOpLambda` and `SlicingOpLambda`, from and to the operations of Keras 3.
///
/// TensorFlow is told everything with the call; Keras 3 keeps what isn't a tensor with the operation. What has no operation
/// that computes the same stays as it is.
enum OperationUpgrade {
    /// The operation of Keras 3 that a node is; nil where there is none.
    ///
    /// - Parameter layer: `TFOpLambda` or `SlicingOpLambda` in tf.keras's words, with its calls.
    static func upgrade(_ layer: LayerSpec) -> LayerSpec? {
        guard layer.className == "TFOpLambda" || layer.className == "SlicingOpLambda",
            let function = layer.config["function"]?.string, let rule = OperationRule.byFunction[function],
            layer.calls.count == 1, let call = layer.calls.first, call.arguments.count == 1
        else { return nil }
        var keywords = call.keywords
        keywords.removeValue(forKey: "name")
        var upgraded = LayerCall(arguments: call.arguments)
        for input in rule.inputs {
            guard let value = keywords.removeValue(forKey: input) else { return nil }
            upgraded.arguments.append(value)
        }
        var config: ConfigObject = ["name": .string(layer.name)]
        for setting in rule.settings {
            guard let value = Self.value(of: setting, in: &keywords) else { return nil }
            config[setting.keras3] = value
        }
        for (key, value) in rule.added { config[key] = value }
        switch rule.className {
        case "ops.numpy.Pad":
            let fill = keywords.removeValue(forKey: "constant_values")
            guard config["mode"] == "constant" else {
                guard fill == nil || fill == .constant(0) || fill == .constant(0.0) else { return nil }
                upgraded.keywords["constant_values"] = .constant(.null)
                break
            }
            upgraded.keywords["constant_values"] = fill ?? .constant(0)
        case "ops.numpy.GetItem":
            guard let spec = Self.slices(upgraded.arguments.removeLast()) else { return nil }
            upgraded.arguments.append(.constant(spec))
        case "ops.numpy.Split":
            // TensorFlow lists sizes, Keras the places between.
            if let sizes = config["indices_or_sections"]?.array {
                guard let places = Self.places(sizes) else { return nil }
                config["indices_or_sections"] = places
            }
        default: break
        }
        for (key, value) in keywords {
            guard case .constant(let constant) = value, let expected = rule.neutral[key], constant == expected else { return nil }
        }
        var result = layer
        result.className = rule.className
        result.config = config
        result.calls = [upgraded]
        var kept: ConfigObject = [:]
        for (key, value) in [("trainable", true), ("dtype", "float32")] as [(String, ConfigValue)] {
            if let own = layer.config[key], own != value { kept[key] = own }
        }
        if !kept.isEmpty { result.config[LegacyName.kept] = .object(kept) }
        return result
    }

    /// The setting in Keras 3's words; nil where it can't be said.
    private static func value(
        of setting: OperationRule.Setting, in keywords: inout OrderedDictionary<String, Nest>
    ) -> ConfigValue? {
        let given: ConfigValue
        switch keywords.removeValue(forKey: setting.tf) {
        case .constant(let value): given = value
        case nil:
            guard let fallback = setting.fallback else { return nil }
            given = fallback
        default: return nil
        }
        switch setting.form {
        case .same: return given
        case .nullIsDefault: return given.isNull ? setting.fallback : given
        case .upperCase: return given.string.map { .string($0.lowercased()) }
        case .square:
            guard let number = given.number, number >= 0 else { return nil }
            return .float(number.squareRoot())
        case .listOfOne: return given.array?.count == 1 ? given.array?[0] : given
        }
    }

    /// `{"start": …}` of TensorFlow as Keras 3's `__slice__`.
    private static func slices(_ nest: Nest) -> ConfigValue? {
        guard case .constant(let value) = nest else { return nil }
        func slice(_ value: ConfigValue) -> ConfigValue? {
            switch value {
            case .integer, .null: return value
            case .object(let object):
                if object["class_name"] == "__ellipsis__" { return ["class_name": "__ellipsis__", "config": [:]] }
                guard let start = object["start"], let stop = object["stop"], let step = object["step"] else { return nil }
                return ["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step]]
            default: return nil
            }
        }
        guard let items = value.array else { return slice(value) }
        let slices = items.compactMap(slice)
        return slices.count == items.count ? .array(slices) : nil
    }

    private static func places(_ sizes: [ConfigValue]) -> ConfigValue? {
        var places: [ConfigValue] = []
        var sum = 0
        for size in sizes.dropLast() {
            guard let number = size.integer, number >= 0, number < 1 << 40 else { return nil }
            sum += number
            guard sum < 1 << 40 else { return nil }
            places.append(.integer(sum))
        }
        return .array(places)
    }

    // MARK: - Downgrade

    /// A call in tf.keras's words.
    struct Downgraded {
        var className: String
        var config: ConfigObject
        /// The first argument.
        var input: Nest
        var keywords: OrderedDictionary<String, Nest>
    }

    /// The function of TensorFlow that an operation of Keras 3 is; nil where there is none, and `refuse` has heard why.
    static func downgrade(_ layer: LayerSpec, _ call: LayerCall, _ refuse: (String) -> Void) -> Downgraded? {
        guard let rule = OperationRule.byClass[layer.className] else {
            refuse("operation \(layer.className.dropFirst(OperationName.prefix.count))")
            return nil
        }
        var config = layer.config
        let kept = config.removeValue(forKey: LegacyName.kept)?.object ?? [:]
        config.removeValue(forKey: "name")
        // A layer's own settings, which operations of newer Keras 3 write too.
        for key in ["trainable", "dtype"] where !rule.settings.contains(where: { $0.keras3 == key }) {
            if !rule.added.contains(where: { $0.key == key }) { config.removeValue(forKey: key) }
        }
        var keywords: OrderedDictionary<String, Nest> = [:]
        var callKeywords = call.keywords
        guard let input = call.arguments.first, call.arguments.count <= 1 + rule.inputs.count else {
            refuse("a call of \(rule.function) with \(call.arguments.count) arguments")
            return nil
        }
        for (name, argument) in zip(rule.inputs, call.arguments.dropFirst()) { keywords[name] = argument }
        for setting in rule.settings {
            guard let value = config.removeValue(forKey: setting.keras3) ?? setting.keras3Default,
                let said = Self.said(value, setting)
            else {
                refuse("\(setting.keras3) of \(rule.function)")
                return nil
            }
            keywords[setting.tf] = .constant(said)
        }
        for (key, value) in rule.added {
            guard let own = config.removeValue(forKey: key) else { continue }
            if own != value, own.number == nil || own.number != value.number {
                refuse("\(key) \(JSON.text(own)) of \(rule.function)")
                return nil
            }
        }
        var isSlicing = false
        switch rule.className {
        case "ops.numpy.Pad":
            let fill = callKeywords.removeValue(forKey: "constant_values")
            if let fill, fill != .constant(.null) { keywords["constant_values"] = fill }
        case "ops.numpy.GetItem":
            isSlicing = true
            guard case .constant(let value)? = keywords["slice_spec"] else {
                refuse("an index that is a tensor")
                return nil
            }
            keywords["slice_spec"] = .constant(Self.spoken(value))
        case "ops.numpy.Split":
            guard config["indices_or_sections"]?.array == nil, keywords["num_or_size_splits"].map(Self.isNumber) ?? true else {
                refuse("split at places")
                return nil
            }
        default: break
        }
        for (key, value) in config {
            refuse("\(key) \(JSON.text(value)) of \(rule.function)")
            return nil
        }
        for (key, value) in callKeywords where value != .constant(.null) {
            refuse("\(key) in a call of \(rule.function)")
            return nil
        }
        return Downgraded(
            className: isSlicing ? "SlicingOpLambda" : "TFOpLambda",
            config: [
                "name": .string(layer.name), "trainable": kept["trainable"] ?? true, "dtype": kept["dtype"] ?? "float32",
                "function": .string(rule.function),
            ],
            input: input, keywords: keywords)
    }

    private static func isNumber(_ nest: Nest) -> Bool {
        if case .constant(.integer) = nest { true } else { false }
    }

    /// The setting in TensorFlow's words; nil where it has none.
    private static func said(_ value: ConfigValue, _ setting: OperationRule.Setting) -> ConfigValue? {
        switch setting.form {
        case .same: return value
        // Keras's null means all axes together, TensorFlow's the default.
        case .nullIsDefault: return value.isNull ? nil : value
        case .upperCase: return value.string.map { .string($0.uppercased()) }
        case .square:
            // Keras's own epsilon.
            guard let number = value.isNull ? 1e-7 : value.number else { return nil }
            return .float(number * number)
        case .listOfOne: return value.array == nil ? [value] : value
        }
    }

    /// Keras 3's `__slice__` as TensorFlow's `{"start": …}`.
    private static func spoken(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map(spoken))
        case .object(let object):
            switch object["class_name"] {
            case "__slice__": return object["config"] ?? .object(object)
            case "__ellipsis__": return ["class_name": "__ellipsis__"]
            case "__tuple__":
                if let items = object["config"]?.object?["value"]?.array ?? object["items"]?.array { return .array(items.map(spoken)) }
                return value
            default: return value
            }
        default: return value
        }
    }
}
