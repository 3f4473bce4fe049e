import KerasSpec
import OrderedCollections
import Tensors

/// Activations: the same names, but `hard_sigmoid` means clip(0.2·x + 0.5, 0, 1) in Keras 2.3 and relu6(x + 3) / 6 in Keras 3.
enum ActivationUpgrade {
    static func upgrade(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        switch value {
        case "hard_sigmoid": .string(LegacyName.hardSigmoid)
        case .string, .null, .object: value
        default: throw Serialized.wrong("the name of an activation", value, at: path)
        }
    }

    static func downgrade(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        guard let name = name(of: value) else {
            if value.object != nil { refuse("activation that is an object") }
            return value
        }
        if name == LegacyName.hardSigmoid { return "hard_sigmoid" }
        if name == "swish" || keras3Only.contains(name) { refuse("activation \(name)") }
        return .string(name)
    }

    /// An activation's name, be it a word or a function that Keras 3 wrote as an object, as it does with those that aren't its own:
    /// `{"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}`. nil for a layer,
    /// and for a function that was registered in a package of its own.
    static func name(of value: ConfigValue) -> String? {
        if let name = value.string { return name }
        guard let object = value.object, object["class_name"] == "function", let name = object["config"]?.string,
            !(object["registered_name"]?.string?.contains(">") ?? false)
        else { return nil }
        return name
    }

    /// Activations that Keras 2.3.1 doesn't have, or means otherwise; other unknown names are a user's own.
    private static let keras3Only: Set<String> = [
        "celu", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu",
        "log_sigmoid", "log_softmax", "mish", "relu6", "silu", "soft_shrink", "sparse_plus", "sparse_sigmoid", "sparsemax",
        "squareplus", "tanh_shrink", "threshold",
    ]
}

/// Element types: a name in Keras 2.3; a name or a policy in Keras 3, of which the spec keeps the name.
enum DTypeUpgrade {
    static func downgrade(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        if value.string?.hasPrefix("mixed_") == true { refuse("dtype policy \(value.summary)") }
        guard let policy = value.object else { return value }
        guard policy["class_name"] == "DTypePolicy", let name = policy["config"]?.object?["name"]?.string,
            !name.hasPrefix("mixed_")
        else {
            refuse("dtype policy \(policy["class_name"]?.summary ?? "without a class")")
            return value
        }
        return .string(name)
    }
}
