import KerasSpec
import OrderedCollections
import Tensors

/// Initializers: Keras 3 puts `module` and `registered_name` around them and the seed first; Keras 2.3 knows the Glorot, He
/// and LeCun families only as `VarianceScaling`.
enum InitializerUpgrade {
    /// Class names, and the function names under which Keras 2.3.1 finds them (`keras/initializers.py`).
    private static let names: [String: String] = [
        "zero": "Zeros", "zeros": "Zeros", "one": "Ones", "ones": "Ones", "constant": "Constant",
        "uniform": "RandomUniform", "random_uniform": "RandomUniform", "normal": "RandomNormal",
        "random_normal": "RandomNormal", "truncated_normal": "TruncatedNormal", "identity": "Identity",
        "orthogonal": "Orthogonal",
    ]

    /// Keys in Keras 3.15's order, with Keras 2.3's order.
    private static let keys: [String: (keras3: [String], keras2: [String])] = [
        "Zeros": ([], []), "Ones": ([], []), "Constant": (["value"], ["value"]), "Identity": (["gain"], ["gain"]),
        "Orthogonal": (["seed", "gain"], ["gain", "seed"]),
        "RandomUniform": (["seed", "minval", "maxval"], ["minval", "maxval", "seed"]),
        "RandomNormal": (["seed", "mean", "stddev"], ["mean", "stddev", "seed"]),
        "TruncatedNormal": (["seed", "mean", "stddev"], ["mean", "stddev", "seed"]),
        "VarianceScaling": (["seed", "scale", "mode", "distribution"], ["scale", "mode", "distribution", "seed"]),
    ]

    /// Families of `VarianceScaling`: Keras 3's class name → scale, mode, distribution in Keras 2.3's words.
    private static let families: [String: (scale: Double, mode: String, distribution: String)] = [
        "GlorotUniform": (1, "fan_avg", "uniform"), "GlorotNormal": (1, "fan_avg", "normal"),
        "HeUniform": (2, "fan_in", "uniform"), "HeNormal": (2, "fan_in", "normal"),
        "LecunUniform": (1, "fan_in", "uniform"), "LecunNormal": (1, "fan_in", "normal"),
    ]

    private static let familyFunctions: [String: String] = [
        "glorot_uniform": "GlorotUniform", "glorot_normal": "GlorotNormal", "he_uniform": "HeUniform",
        "he_normal": "HeNormal", "lecun_uniform": "LecunUniform", "lecun_normal": "LecunNormal",
    ]

    static func upgrade(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        guard var (name, config) = try Serialized.nameAndConfig(value, "an initializer", at: path) else { return .null }
        if let family = families[familyFunctions[name] ?? name] {
            let seed = config["seed"] ?? .null
            name = "VarianceScaling"
            config = [
                "scale": .float(family.scale), "mode": .string(family.mode), "distribution": .string(family.distribution),
                "seed": seed,
            ]
        }
        name = names[name] ?? name
        guard let order = keys[name] else { return value }
        if name == "VarianceScaling", config["distribution"] == "normal" {
            // Both mean a normal distribution cut at two standard deviations.
            config["distribution"] = "truncated_normal"
        }
        return Serialized.keras3("keras.initializers", name, config.ordered(as: order.keras3))
    }

    static func downgrade(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        guard let (name, serialized) = Serialized.known(value, in: "keras.initializers") else { return value }
        var config = serialized
        for key in ["input_axes", "output_axes"] where config[key]?.isNull == true { config.removeValue(forKey: key) }
        if let family = families[name] {
            let seed = config["seed"] ?? .null
            return Serialized.keras2(
                "VarianceScaling",
                [
                    "scale": .float(family.scale), "mode": .string(family.mode),
                    "distribution": .string(family.distribution), "seed": seed,
                ])
        }
        guard let order = keys[name] else {
            refuse("initializer \(name)")
            return value
        }
        if name == "VarianceScaling" {
            switch config["distribution"]?.string {
            case "truncated_normal": config["distribution"] = "normal"
            case "untruncated_normal": refuse("initializer VarianceScaling with distribution untruncated_normal")
            default: break
            }
        }
        return Serialized.keras2(name, config.ordered(as: order.keras2))
    }
}

/// What Keras serializes as a class name with a configuration.
enum Serialized {
    /// Class name and configuration of what Keras 2.3 wrote: an object, or a bare name. Nil for null.
    static func nameAndConfig(
        _ value: ConfigValue, _ what: String, at path: JSONPath
    ) throws(LocatedError) -> (name: String, config: ConfigObject)? {
        switch value {
        case .null: return nil
        case .string(let name): return (name, [:])
        case .object(let object):
            guard let name = object["class_name"]?.string else {
                throw wrong("the name of \(what)", object["class_name"], at: path["class_name"])
            }
            switch object["config"] {
            case nil, .null: return (name, [:])
            case .object(let config): return (name, config)
            case let other: throw wrong("the settings of \(what)", other, at: path["config"])
            }
        default: throw wrong("\(what) or null", value, at: path)
        }
    }

    /// Class name and configuration of what Keras 3 wrote for a class of its own; nil for anything else.
    static func known(_ value: ConfigValue, in module: String) -> (name: String, config: ConfigObject)? {
        guard let object = value.object, object["module"] == .string(module), let name = object["class_name"]?.string
        else { return nil }
        return (name, object["config"]?.object ?? [:])
    }

    static func keras3(_ module: String, _ name: String, _ config: ConfigObject) -> ConfigValue {
        [
            "module": .string(module), "class_name": .string(name), "config": .object(config),
            "registered_name": nil,
        ]
    }

    static func keras2(_ name: String, _ config: ConfigObject) -> ConfigValue {
        ["class_name": .string(name), "config": .object(config)]
    }

    /// The error for a value that is not what the format says.
    static func wrong(_ expected: String, _ got: ConfigValue?, at path: JSONPath) -> LocatedError {
        LocatedError(
            .invalid, got == nil ? "config.missing" : "config.value",
            "expected \(expected), got \(got?.summary ?? "nothing")", at: [path.description])
    }
}

extension ConfigObject {
    /// The same settings in another order; keys that it doesn't name follow as they were.
    func ordered(as keys: [String]) -> ConfigObject {
        var result: ConfigObject = [:]
        for key in keys { if let value = self[key] { result[key] = value } }
        for (key, value) in self where result[key] == nil { result[key] = value }
        return result
    }
}
