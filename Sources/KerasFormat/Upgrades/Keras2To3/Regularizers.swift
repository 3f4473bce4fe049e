import KerasSpec
import OrderedCollections
import Tensors

/// Regularizers: Keras 2.3 has one built-in class, `L1L2`; Keras 3 also writes `L1` and `L2`.
enum RegularizerUpgrade {
    static func upgrade(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        guard let (name, config) = try Serialized.nameAndConfig(value, "a regularizer", at: path) else { return .null }
        guard name == "L1L2" else { return value }
        return Serialized.keras3("keras.regularizers", name, config)
    }

    static func downgrade(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        guard let (name, config) = Serialized.known(value, in: "keras.regularizers") else { return value }
        switch name {
        case "L1L2": return Serialized.keras2(name, config)
        case "L1": return Serialized.keras2("L1L2", ["l1": config["l1"] ?? 0.01, "l2": 0.0])
        case "L2": return Serialized.keras2("L1L2", ["l1": 0.0, "l2": config["l2"] ?? 0.01])
        default:
            refuse("regularizer \(name)")
            return value
        }
    }
}

/// Constraints: the same classes and settings in both generations.
enum ConstraintUpgrade {
    /// Class names, and the other names under which Keras 2.3.1 finds them (`keras/constraints.py`).
    private static let names: [String: String] = [
        "MaxNorm": "MaxNorm", "max_norm": "MaxNorm", "maxnorm": "MaxNorm", "NonNeg": "NonNeg", "non_neg": "NonNeg",
        "nonneg": "NonNeg", "UnitNorm": "UnitNorm", "unit_norm": "UnitNorm", "unitnorm": "UnitNorm",
        "MinMaxNorm": "MinMaxNorm", "min_max_norm": "MinMaxNorm",
    ]

    static func upgrade(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        guard let (name, config) = try Serialized.nameAndConfig(value, "a constraint", at: path) else { return .null }
        guard let known = names[name] else { return value }
        return Serialized.keras3("keras.constraints", known, config)
    }

    static func downgrade(_ value: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        guard let (name, config) = Serialized.known(value, in: "keras.constraints") else { return value }
        guard names[name] == name else {
            refuse("constraint \(name)")
            return value
        }
        return Serialized.keras2(name, config)
    }
}
