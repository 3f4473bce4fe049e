import KerasSpec
import OrderedCollections
import Tensors

/// Initializers, regularizers, constraints, activations and element types, from tf.keras's words to Keras 3's and back.
///
/// tf.keras knows the classes that Keras 3 knows, by the same names; until 2.12 it wrote them without module. What it says
/// and nobody knows is passed on: what isn't computed with needs no meaning.
///
/// Source: `initializers`, `regularizers.py`, `constraints.py`, `activations.py` of tf_keras/src 2.21.
enum TfKerasWords {
    // MARK: - Values

    /// A setting without the wrappings of tf.keras's JSON: arrays of NumPy, tuples and shapes become numbers and lists.
    static func plain(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map(plain))
        case .object(let object):
            switch object["class_name"] {
            case "__numpy__", "ndarray":
                if let wrapped = object["config"]?.object?["value"] ?? object["value"] { return plain(wrapped) }
            case "__tuple__", "TensorShape":
                if let items = object["items"] { return plain(items) }
            default: break
            }
            return .object(object.mapValues(plain))
        default: return value
        }
    }

    // MARK: - Initializers

    /// Class names by the names of functions and of classes under which tf.keras finds them.
    private static let initializerNames: [String: String] = [
        "zero": "Zeros", "zeros": "Zeros", "one": "Ones", "ones": "Ones", "constant": "Constant",
        "uniform": "RandomUniform", "random_uniform": "RandomUniform", "normal": "RandomNormal",
        "random_normal": "RandomNormal", "truncated_normal": "TruncatedNormal", "identity": "Identity",
        "orthogonal": "Orthogonal", "variance_scaling": "VarianceScaling", "glorot_uniform": "GlorotUniform",
        "glorot_normal": "GlorotNormal", "he_uniform": "HeUniform", "he_normal": "HeNormal",
        "lecun_uniform": "LecunUniform", "lecun_normal": "LecunNormal",
    ]

    /// Keys in Keras 3's order, and in tf.keras's.
    private static let initializerKeys: [String: (keras3: [String], tfKeras: [String])] = [
        "Zeros": ([], []), "Ones": ([], []), "Constant": (["value"], ["value"]), "Identity": (["gain"], ["gain"]),
        "Orthogonal": (["seed", "gain"], ["gain", "seed"]),
        "RandomUniform": (["seed", "minval", "maxval"], ["minval", "maxval", "seed"]),
        "RandomNormal": (["seed", "mean", "stddev"], ["mean", "stddev", "seed"]),
        "TruncatedNormal": (["seed", "mean", "stddev"], ["mean", "stddev", "seed"]),
        "VarianceScaling": (["seed", "scale", "mode", "distribution"], ["scale", "mode", "distribution", "seed"]),
        "GlorotUniform": (["seed"], ["seed"]), "GlorotNormal": (["seed"], ["seed"]), "HeUniform": (["seed"], ["seed"]),
        "HeNormal": (["seed"], ["seed"]), "LecunUniform": (["seed"], ["seed"]), "LecunNormal": (["seed"], ["seed"]),
    ]

    static func upgradedInitializer(_ value: ConfigValue) -> ConfigValue {
        guard let (given, settings) = nameAndConfig(value) else { return value }
        let name = initializerNames[given] ?? withoutVersion(given)
        guard let order = initializerKeys[name] else { return value }
        var config = settings
        // TensorFlow 1 says the type with the initializer; Keras takes the weight's.
        config.removeValue(forKey: "dtype")
        if name == "VarianceScaling", config["distribution"] == "normal" { config["distribution"] = "truncated_normal" }
        return Serialized.keras3("keras.initializers", name, config.ordered(as: order.keras3))
    }

    static func downgradedInitializer(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        guard var (name, config) = Serialized.known(value, in: "keras.initializers") else { return value }
        for key in ["input_axes", "output_axes"] where config[key]?.isNull == true { config.removeValue(forKey: key) }
        if name == "IdentityInitializer" || name == "OrthogonalInitializer" { name = String(name.dropLast("Initializer".count)) }
        guard let order = initializerKeys[name] else {
            refuse("initializer \(name)")
            return value
        }
        return Serialized.keras3("keras.initializers", name, config.ordered(as: order.tfKeras))
    }

    // MARK: - Regularizers, constraints

    private static let regularizerNames: [String: String] = [
        "l1": "L1", "l2": "L2", "l1_l2": "L1L2", "orthogonal_regularizer": "OrthogonalRegularizer", "L1": "L1", "L2": "L2",
        "L1L2": "L1L2", "OrthogonalRegularizer": "OrthogonalRegularizer",
    ]
    private static let constraintNames: [String: String] = [
        "MaxNorm": "MaxNorm", "max_norm": "MaxNorm", "maxnorm": "MaxNorm", "NonNeg": "NonNeg", "non_neg": "NonNeg",
        "nonneg": "NonNeg", "UnitNorm": "UnitNorm", "unit_norm": "UnitNorm", "unitnorm": "UnitNorm",
        "MinMaxNorm": "MinMaxNorm", "min_max_norm": "MinMaxNorm",
    ]

    static func upgradedRegularizer(_ value: ConfigValue) -> ConfigValue {
        upgraded(value, regularizerNames, "keras.regularizers")
    }

    static func downgradedRegularizer(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        downgraded(value, regularizerNames, "regularizer", "keras.regularizers", refuse)
    }

    static func upgradedConstraint(_ value: ConfigValue) -> ConfigValue {
        upgraded(value, constraintNames, "keras.constraints")
    }

    static func downgradedConstraint(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        downgraded(value, constraintNames, "constraint", "keras.constraints", refuse)
    }

    private static func upgraded(_ value: ConfigValue, _ names: [String: String], _ module: String) -> ConfigValue {
        guard let (given, config) = nameAndConfig(value), let name = names[given] else { return value }
        return Serialized.keras3(module, name, config)
    }

    private static func downgraded(
        _ value: ConfigValue, _ names: [String: String], _ what: String, _ module: String, _ refuse: (String) -> Void
    ) -> ConfigValue {
        guard let (name, config) = Serialized.known(value, in: module) else { return value }
        guard names[name] == name else {
            refuse("\(what) \(name)")
            return value
        }
        return Serialized.keras3(module, name, config)
    }

    // MARK: - Activations

    /// The same names, but for the meaning of `hard_sigmoid`. A layer may stand for an activation.
    static func upgradedActivation(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        switch value {
        case "hard_sigmoid": return .string(LegacyName.hardSigmoid)
        case "swish": return "silu"
        case "softmax_v2": return "softmax"
        case .object(let object):
            guard object["class_name"] == "function", let name = object["config"]?.string, object["module"] == "builtins" else {
                return try upgradedLayer(object, at: path)
            }
            // A function of one's own that was registered.
            return .string(name)
        default: return value
        }
    }

    private static func upgradedLayer(_ object: ConfigObject, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        guard let name = object["class_name"]?.string, let config = object["config"]?.object,
            let rule = ClassRule.rule(for: name, in: .tfKeras)
        else { return .object(object) }
        let upgraded = try ConfigUpgrade.upgrade(config, by: rule, at: path["config"]).config
        return Serialized.keras3("keras.layers", rule.className, upgraded)
    }

    static func downgradedActivation(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        if let object = value.object, object["module"] == "keras.layers", let name = object["class_name"]?.string,
            let config = object["config"]?.object
        {
            guard let rule = ClassRule.rule(for: name, in: .tfKeras) else {
                refuse("activation \(name)")
                return value
            }
            return Serialized.keras3("keras.layers", name, ConfigUpgrade.downgrade(config, by: rule, refuse))
        }
        guard let name = value.string else { return value }
        if name == LegacyName.hardSigmoid { return "hard_sigmoid" }
        if name == "silu" { return "swish" }
        if keras3Only.contains(name) { refuse("activation \(name)") }
        return value
    }

    /// Activations that tf-keras 2.21 doesn't have, or means otherwise; other unknown names are a user's own.
    private static let keras3Only: Set<String> = [
        "celu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "log_sigmoid", "soft_shrink",
        "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus", "tanh_shrink", "threshold",
    ]

    // MARK: - Element types

    /// The name of a type or policy. TensorFlow 1 leaves the type open until a layer sees its input.
    static func upgradedDType(_ value: ConfigValue) -> ConfigValue {
        if value.isNull { return "float32" }
        guard let policy = value.object else { return value }
        guard let name = policy["config"]?.object?["name"]?.string else { return value }
        return name == "infer" || name == "_infer" ? "float32" : .string(name)
    }

    static func downgradedDType(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        let name: String
        if let policy = value.object {
            guard policy["class_name"] == "DTypePolicy" || policy["class_name"] == "FloatDTypePolicy",
                let given = policy["config"]?.object?["name"]?.string
            else {
                refuse("dtype policy \(policy["class_name"]?.summary ?? "without a class")")
                return value
            }
            name = given
        } else {
            guard let given = value.string else { return value }
            name = given
        }
        guard name.hasPrefix("mixed_") else { return .string(name) }
        return Serialized.keras3("keras.mixed_precision", "Policy", ["name": .string(name)])
    }

    // MARK: - Reading

    /// Class name and settings of what Keras serializes; nil for null and for what has another form.
    private static func nameAndConfig(_ value: ConfigValue) -> (name: String, config: ConfigObject)? {
        if let name = value.string { return (name, [:]) }
        guard let object = value.object, let name = object["class_name"]?.string else { return nil }
        guard let config = object["config"], !config.isNull else { return (name, [:]) }
        guard let settings = config.object else { return nil }
        return (name, settings)
    }

    /// `GlorotUniformV2` → `GlorotUniform`.
    private static func withoutVersion(_ name: String) -> String {
        name.hasSuffix("V1") || name.hasSuffix("V2") ? String(name.dropLast(2)) : name
    }
}
