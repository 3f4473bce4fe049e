import KerasSpec
import OrderedCollections
import Tensors

/// Initializers, regularizers, constraints and orderings: names and bare objects in Keras 1, objects with `class_name` in
/// Keras 2.3.
///
/// Sources: `keras/initializations.py`, `regularizers.py`, `constraints.py` of 1.2.2.
enum Keras1Values {
    // MARK: - Initializers

    /// Keras 1's function → the same in Keras 2.3's words. Those that Keras 2.3 knows under the same name and meaning are passed
    /// on by `InitializerUpgrade`.
    private static let initializers: OrderedDictionary<String, ConfigValue> = [
        "glorot_uniform": scaling(1, "fan_avg", "uniform"), "glorot_normal": scaling(1, "fan_avg", "normal"),
        "he_uniform": scaling(2, "fan_in", "uniform"), "he_normal": scaling(2, "fan_in", "normal"),
        "lecun_uniform": scaling(1, "fan_in", "uniform"),
        "uniform": serialized("RandomUniform", ["minval": -0.05, "maxval": 0.05, "seed": nil]),
        "normal": serialized("RandomNormal", ["mean": 0.0, "stddev": 0.05, "seed": nil]),
        // Keras 2.3's default gain is 1.
        "orthogonal": serialized("Orthogonal", ["gain": 1.1, "seed": nil]),
        "identity": serialized("Identity", ["gain": 1.0]), "zero": serialized("Zeros", [:]), "one": serialized("Ones", [:]),
    ]

    /// What comes nearest to a class of Keras 2.3 whose settings Keras 1 can't say.
    private static let nearest: [String: String] = [
        "Zeros": "zero", "Ones": "one", "Constant": "zero", "RandomUniform": "uniform", "RandomNormal": "normal",
        "TruncatedNormal": "normal", "Orthogonal": "orthogonal", "Identity": "identity", "VarianceScaling": "glorot_uniform",
    ]

    private static func scaling(_ scale: Double, _ mode: String, _ distribution: String) -> ConfigValue {
        serialized(
            "VarianceScaling",
            ["scale": .float(scale), "mode": .string(mode), "distribution": .string(distribution), "seed": nil])
    }

    private static func serialized(_ name: String, _ config: ConfigObject) -> ConfigValue { Serialized.keras2(name, config) }

    static func upgradeInitializer(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        switch value {
        case .string(let name): initializers[name] ?? value
        case .null, .object: value
        default: throw Serialized.wrong("the name of an initialization", value, at: path)
        }
    }

    /// Keras 1's name; `note` hears where it begins otherwise than asked, `refuse` of classes that are none of Keras's.
    static func downgradeInitializer(
        _ value: ConfigValue, _ key: String, note: (String) -> Void, refuse: (String) -> Void
    ) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string else { return value }
        var config = object["config"]?.object ?? [:]
        if config["seed"] != nil { config["seed"] = .null }
        let plain = Serialized.keras2(name, config)
        if let same = initializers.first(where: { isSame($0.value, plain) }) { return .string(same.key) }
        guard var near = nearest[name] else {
            refuse("\(key) \(name)")
            return value
        }
        if name == "VarianceScaling" {
            let normal = config["distribution"] == "normal"
            near = config["mode"] == "fan_in" ? (normal ? "he_normal" : "lecun_uniform") : "glorot_" + (normal ? "normal" : "uniform")
        }
        note("\(key) \(JSON.text(plain)) is written as \(near): untrained weights would begin otherwise")
        return .string(near)
    }

    private static func isSame(_ a: ConfigValue, _ b: ConfigValue) -> Bool {
        guard let a = a.object, let b = b.object else {
            if let a = a.number, let b = b.number { return a == b }
            return a == b
        }
        return a.count == b.count && a.allSatisfy { key, value in b[key].map { isSame(value, $0) } ?? false }
    }

    // MARK: - Regularizers

    /// Functions that make one, with their factors.
    private static let regularizers: [String: (l1: Double, l2: Double)] = [
        "l1": (0.01, 0), "l2": (0, 0.01), "l1l2": (0.01, 0.01), "activity_l1": (0.01, 0), "activity_l2": (0, 0.01),
        "activity_l1l2": (0.01, 0.01),
    ]
    private static let regularizerClasses: Set<String> = ["L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer", "L1L2"]

    static func upgradeRegularizer(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        switch value {
        case .null: return .null
        case .string(let name):
            guard let factors = regularizers[name] else { return value }
            return serialized("L1L2", ["l1": .float(factors.l1), "l2": .float(factors.l2)])
        case .object(let object):
            // With class_name it is in Keras 2.3's words already.
            if object["class_name"] != nil { return value }
            let name = try name(of: object, "a regularizer", at: path)
            guard regularizerClasses.contains(name) else { return bare(name, object) }
            return serialized("L1L2", ["l1": object["l1"] ?? 0.0, "l2": object["l2"] ?? 0.0])
        default: throw Serialized.wrong("a regularizer or null", value, at: path)
        }
    }

    static func downgradeRegularizer(_ value: ConfigValue, _ key: String, refuse: (String) -> Void) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string else { return value }
        let config = object["config"]?.object ?? [:]
        if name == "EigenvalueRegularizer" { return .object(ConfigObject(uniqueKeysWithValues: [("name", .string(name))]).merging(config) { a, _ in a }) }
        guard name == "L1L2" else {
            refuse("\(key) \(name)")
            return value
        }
        return ["name": "L1L2Regularizer", "l1": config["l1"] ?? 0.0, "l2": config["l2"] ?? 0.0]
    }

    // MARK: - Constraints

    /// How Keras 1 numbers the axes of a kernel, against Keras 2.3.
    enum Axes: Sendable {
        case same
        /// (out, in, rows, cols) under `th`.
        case convolution
        /// (length, 1, in, out) instead of (length, in, out).
        case convolution1D
        /// (rows, cols, in, out), or (out, in, rows, cols) under `th`, instead of (rows, cols, out, in).
        case transposed

        /// Keras 2.3's axis for each of Keras 1's; nil for one that it lacks.
        func map(ordering: String, rank: Int) -> [Int?] {
            switch (self, ordering) {
            case (.same, _): Array(0..<rank)
            case (.convolution1D, _): [0, nil, 1, 2]
            case (.convolution, "th"): [rank - 1, rank - 2] + Array(0..<(rank - 2))
            case (.convolution, _): Array(0..<rank)
            case (.transposed, "th"): [2, 3, 0, 1]
            case (.transposed, _): [0, 1, 3, 2]
            }
        }
    }

    private static let constraintNames: [String: String] = [
        "MaxNorm": "MaxNorm", "maxnorm": "MaxNorm", "NonNeg": "NonNeg", "nonneg": "NonNeg", "UnitNorm": "UnitNorm",
        "unitnorm": "UnitNorm", "MinMaxNorm": "MinMaxNorm",
    ]
    /// Keras 1's key → Keras 2.3's, with Keras 1's default.
    private static let constraintKeys: [String: [(name: String, keras2: String, fallback: ConfigValue)]] = [
        "MaxNorm": [("m", "max_value", 2), ("axis", "axis", 0)], "NonNeg": [], "UnitNorm": [("axis", "axis", 0)],
        "MinMaxNorm": [
            ("low", "min_value", 0.0), ("high", "max_value", 1.0), ("rate", "rate", 1.0), ("axis", "axis", 0),
        ],
    ]

    static func upgradeConstraint(
        _ value: ConfigValue, _ axes: [Int?], at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        let given: String
        let settings: ConfigObject
        switch value {
        case .null: return .null
        case .string(let name): (given, settings) = (name, [:])
        case .object(let object):
            if object["class_name"] != nil { return value }
            (given, settings) = (try name(of: object, "a constraint", at: path), object)
        default: throw Serialized.wrong("a constraint or null", value, at: path)
        }
        guard let name = constraintNames[given], let keys = constraintKeys[name] else {
            return value.string != nil ? value : bare(given, settings)
        }
        var config: ConfigObject = [:]
        for key in keys {
            let value = settings[key.name] ?? key.fallback
            config[key.keras2] = key.name == "axis" ? moved(value, of: axes.count) { $0 < axes.count ? axes[$0] : $0 } : value
        }
        return serialized(name, config)
    }

    static func downgradeConstraint(
        _ value: ConfigValue, _ key: String, _ axes: [Int?], refuse: (String) -> Void
    ) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string else { return value }
        guard let keys = constraintKeys[name] else {
            refuse("\(key) \(name)")
            return value
        }
        let config = object["config"]?.object ?? [:]
        var result: ConfigObject = ["name": .string(name)]
        for key in keys {
            guard var value = config[key.keras2] else {
                result[key.name] = key.fallback
                continue
            }
            if key.name == "axis" {
                value = moved(value, of: axes.compactMap(\.self).count) { axes.firstIndex(of: $0) }
                // The axis of length 1 belongs to the whole of a kernel.
                if axes.contains(nil), case .array(let list) = value, let extra = axes.firstIndex(of: nil) {
                    value = .array((list + [.integer(extra)]).sorted { ($0.integer ?? 0) < ($1.integer ?? 0) })
                }
            }
            result[key.name] = value
        }
        return .object(result)
    }

    /// Numbers of axes under another numbering; axes that the other lacks are left out.
    private static func moved(_ value: ConfigValue, of rank: Int, _ place: (Int) -> Int?) -> ConfigValue {
        func moved(_ axis: Int) -> Int? { place(axis < 0 && axis >= -rank ? axis + rank : max(axis, 0)) }
        switch value {
        case .integer(let axis): return moved(axis).map(ConfigValue.integer) ?? []
        case .array(let items): return .integers(items.compactMap { $0.integer.flatMap(moved) }.sorted())
        default: return value
        }
    }

    // MARK: - Help

    private static func name(of object: ConfigObject, _ what: String, at path: JSONPath) throws(LocatedError) -> String {
        guard let name = object["name"]?.string else {
            throw Serialized.wrong("the name of \(what)", object["name"], at: path["name"])
        }
        return name
    }

    /// A class of one's own: its settings beside its name.
    private static func bare(_ name: String, _ object: ConfigObject) -> ConfigValue {
        var config = object
        config.removeValue(forKey: "name")
        return serialized(name, config)
    }
}
