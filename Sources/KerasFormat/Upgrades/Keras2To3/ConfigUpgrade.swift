import KerasSpec
import OrderedCollections
import Tensors

/// The configuration of one layer, from an older Keras's words to Keras 3's and back. Pure: knows neither files nor models.
enum ConfigUpgrade {
    /// What a key holds, as its name tells in every class of Keras.
    private enum Kind {
        case initializer, regularizer, constraint, activation, dtype, layer, layers
        case name, number, flag, extents, plain

        init(_ key: String) {
            self =
                switch key {
                case "activation", "recurrent_activation": .activation
                case "dtype": .dtype
                case "layer", "backward_layer", "cell": .layer
                case "cells": .layers
                case "name", "interpolation": .name
                case "units", "filters", "input_dim", "output_dim", "n", "depth_multiplier", "momentum", "epsilon",
                    "mask_value", "stddev", "theta":
                    .number
                case "use_bias", "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "center",
                    "mask_zero", "normalize", "sparse", "trainable", "reset_after", "unit_forget_bias":
                    .flag
                case "kernel_size", "strides", "pool_size", "dilation_rate", "target_shape", "dims", "batch_input_shape":
                    .extents
                case _ where key.hasSuffix("_initializer"): .initializer
                case _ where key.hasSuffix("_regularizer"): .regularizer
                case _ where key.hasSuffix("_constraint"): .constraint
                default: .plain
                }
        }
    }

    // MARK: - Upgrade

    /// Keras 3's configuration of a layer that Keras 2.3 wrote. `batch_input_shape` is left out of it: what becomes of it is
    /// decided by where the layer stands, so it is given apart.
    ///
    /// Keys that the class doesn't have are passed on as they are: they are refused where the layer is given a meaning.
    static func upgrade(
        _ config: ConfigObject, by rule: ClassRule, at path: JSONPath
    ) throws(LocatedError) -> (config: ConfigObject, batchInputShape: ConfigValue?) {
        var remaining = config
        var result: ConfigObject = [:]
        let oldNames = Dictionary(uniqueKeysWithValues: rule.renamed.map { ($1, $0) })
        for key in rule.keras3 {
            let old = oldNames[key] ?? key
            if let value = remaining.removeValue(forKey: old) {
                let upgraded = try upgrade(value, Kind(old), in: rule.generation, at: path[old])
                if !(upgraded.isNull && rule.omitted.contains(key)) { result[key] = upgraded }
            } else if let value = rule.added[key] ?? rule.defaults[key]?.keras2 {
                result[key] = value
            } else if key == "trainable" {
                result[key] = true
            } else if key == "dtype" {
                // What Keras 2.0 to 2.2 leave out is the default type.
                result[key] = "float32"
            }
        }
        let shape = remaining.removeValue(forKey: "batch_input_shape")
        for (key, value) in rule.neutral where remaining[key].map({ means($0, value, key) }) ?? false {
            remaining.removeValue(forKey: key)
        }
        // An upgrade to Keras 2.3 may have kept some of its own.
        var kept = remaining.removeValue(forKey: LegacyName.kept)?.object ?? [:]
        for key in rule.keras2 where rule.dropped[key] != nil {
            if let value = remaining.removeValue(forKey: key), value != rule.dropped[key] { kept[key] = value }
        }
        try finishUpgrade(of: &result, by: rule, at: path)
        for (key, value) in remaining { result[key] = value }
        if !kept.isEmpty { result[LegacyName.kept] = .object(kept) }
        return (result, shape)
    }

    private static func finishUpgrade(
        of config: inout ConfigObject, by rule: ClassRule, at path: JSONPath
    ) throws(LocatedError) {
        switch rule.special {
        case .batchNormalization:
            config[LegacyName.varianceRule] = rule.generation == .keras2 ? "keras-2.3" : "tf-keras"
            // tf.keras writes a list once the layer is built.
            if let axes = config["axis"]?.array, axes.count == 1 { config["axis"] = axes[0] }
        case .bidirectional: BidirectionalUpgrade.addBackwardLayer(to: &config)
        case .merge: config[LegacyName.maskRule] = "all"
        case .embedding, nil: break
        }
        // What they give, in tf.keras; Keras 3 keeps its own type there.
        if rule.generation == .tfKeras, textual.contains(rule.className) || (counting.contains(rule.className) && rule.className != "Hashing") {
            config["dtype"] = "float32"
        }
    }

    /// Layers whose type tf.keras wants to be `string`.
    private static let textual: Set<String> = ["TextVectorization"]
    /// Layers whose type tf.keras wants to be that of an integer where they give numbers of classes.
    private static let counting: Set<String> = ["StringLookup", "IntegerLookup", "Hashing", "HashedCrossing", "Discretization"]

    private static func upgrade(
        _ value: ConfigValue, _ kind: Kind, in generation: ClassRule.Generation, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        switch (kind, generation) {
        case (.initializer, .tfKeras): return TfKerasWords.upgradedInitializer(value)
        case (.regularizer, .tfKeras): return TfKerasWords.upgradedRegularizer(value)
        case (.constraint, .tfKeras): return TfKerasWords.upgradedConstraint(value)
        case (.activation, .tfKeras): return try TfKerasWords.upgradedActivation(value, at: path)
        case (.dtype, .tfKeras): return TfKerasWords.upgradedDType(value)
        default: break
        }
        switch kind {
        case .initializer: return try InitializerUpgrade.upgrade(value, at: path)
        case .regularizer: return try RegularizerUpgrade.upgrade(value, at: path)
        case .constraint: return try ConstraintUpgrade.upgrade(value, at: path)
        case .activation: return try ActivationUpgrade.upgrade(value, at: path)
        case .layer: return try upgradeInnerLayer(value, in: generation, at: path)
        case .layers:
            guard let items = value.array else { throw Serialized.wrong("a list of layers", value, at: path) }
            var result: [ConfigValue] = []
            for (index, item) in items.enumerated() { result.append(try upgradeInnerLayer(item, in: generation, at: path[index])) }
            return .array(result)
        case .name, .dtype:
            guard value.string != nil || value.isNull else { throw Serialized.wrong("a string", value, at: path) }
            return value
        case .number:
            guard value.number != nil || value.isNull else { throw Serialized.wrong("a number", value, at: path) }
            return value
        case .flag:
            guard value.bool != nil || value.integer != nil else { throw Serialized.wrong("true or false", value, at: path) }
            return value
        case .extents:
            let isExtent = { (value: ConfigValue) in value.integer != nil || value.isNull || value.number != nil }
            guard isExtent(value) || value.array?.allSatisfy(isExtent) == true else {
                throw Serialized.wrong("an integer or a list of integers", value, at: path)
            }
            return value
        case .plain: return value
        }
    }

    /// A layer within a layer's configuration, or a model. Classes that Keras doesn't have stay as they are.
    private static func upgradeInnerLayer(
        _ value: ConfigValue, in generation: ClassRule.Generation, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string else {
            throw Serialized.wrong("a layer with class_name and config", value, at: path)
        }
        if InnerModel.isModel(value) { return try InnerModel.upgraded(value, in: generation, at: path) }
        guard ClassRule.rule(for: name, in: generation) != nil else { return value }
        guard let given = object["config"]?.object else {
            throw Serialized.wrong("a layer's settings", object["config"], at: path["config"])
        }
        let (className, config) = CuDNNUpgrade.plain(name, given) ?? (name, given)
        guard let rule = ClassRule.rule(for: className, in: generation) else { return value }
        var (upgraded, shape) = try upgrade(config, by: rule, at: path["config"])
        keep(shape, in: &upgraded, by: rule)
        return Serialized.keras3("keras.layers", rule.className, upgraded)
    }

    /// Notes a `batch_input_shape` that makes no input layer, unless it is the one that the class always writes.
    static func keep(_ shape: ConfigValue?, in config: inout ConfigObject, by rule: ClassRule) {
        guard let shape else { return }
        var kept = config[LegacyName.kept]?.object ?? [:]
        if rule.special == .embedding, shape == embeddingInput(length: kept["input_length"]) { return }
        kept["batch_input_shape"] = shape
        config[LegacyName.kept] = .object(kept)
    }

    /// The `batch_input_shape` that Keras 2.3.1 gives an Embedding that was not told one.
    static func embeddingInput(length: ConfigValue?) -> ConfigValue {
        [.null, length ?? .null]
    }

    // MARK: - Downgrade

    /// Keras 2.3's configuration of a layer; `batchInputShape` is what its place in the model demands. `refuse` hears what
    /// Keras 2.3 can't say; the result is then of no use.
    static func downgrade(
        _ spec: ConfigObject, by rule: ClassRule, batchInputShape: ConfigValue? = nil, _ refuse: (String) -> Void
    ) -> ConfigObject {
        var remaining = spec
        let kept = remaining.removeValue(forKey: LegacyName.kept)?.object ?? [:]
        prepareDowngrade(of: &remaining, by: rule, refuse)
        var result: ConfigObject = [:]
        for old in rule.keras2 {
            if old == "batch_input_shape", rule.renamed[old] == nil {
                let own: ConfigValue? =
                    rule.special == .embedding ? embeddingInput(length: kept["input_length"]) : .none
                if let shape = batchInputShape ?? kept[old] ?? own { result[old] = shape }
            } else if let value = remaining.removeValue(forKey: rule.renamed[old] ?? old) {
                result[old] = downgrade(value, Kind(old), in: rule.generation, refuse)
            } else if let value = kept[old] ?? rule.dropped[old] ?? rule.neutral[old] {
                result[old] = value
            } else if let defaults = rule.defaults[old] {
                result[old] = downgrade(defaults.keras3, Kind(old), in: rule.generation, refuse)
            } else if old == "trainable" {
                result[old] = true
            } else if old == "dtype" {
                result[old] = "float32"
            } else if rule.omitted.contains(old) {
                result[old] = .null
            }
        }
        finishDowngrade(of: &result, by: rule)
        for (key, value) in remaining where !means(value, rule.added[key], key) {
            if rule.unwritten.contains(key) { result[key] = value } else { refuse("\(key) \(JSON.text(value))") }
        }
        return result
    }

    /// Whether a key that the older Keras lacks has the value that means what the older Keras does. A seed is not kept: it says
    /// where random numbers begin, not what is computed; nor is whether machines share their statistics.
    private static func means(_ value: ConfigValue, _ expected: ConfigValue?, _ key: String) -> Bool {
        guard let expected else { return false }
        if value == expected || key == "seed" || key == "synchronized" { return true }
        guard let a = value.number, let b = expected.number else { return false }
        return a == b
    }

    private static func prepareDowngrade(
        of config: inout ConfigObject, by rule: ClassRule, _ refuse: (String) -> Void
    ) {
        switch rule.special {
        case .batchNormalization:
            config.removeValue(forKey: LegacyName.varianceRule)
            // Says nothing unless `renorm` is on, which is refused.
            config.removeValue(forKey: "renorm_momentum")
        case .bidirectional:
            switch rule.generation {
            case .keras2: BidirectionalUpgrade.removeBackwardLayer(from: &config, refuse)
            case .tfKeras: BidirectionalUpgrade.separateBackwardLayer(in: &config)
            }
        case .merge: config.removeValue(forKey: LegacyName.maskRule)
        case .embedding, nil: break
        }
    }

    private static func finishDowngrade(of config: inout ConfigObject, by rule: ClassRule) {
        guard rule.generation == .tfKeras else { return }
        // Keras 3 keeps what was asked for beside what was found.
        if rule.className == "Discretization", config["bin_boundaries"]?.isNull == false { config["num_bins"] = .null }
        if textual.contains(rule.className) {
            config["dtype"] = "string"
        } else if counting.contains(rule.className) {
            let isInteger = config["dtype"]?.string?.hasPrefix("int") ?? false
            let counts = config["output_mode"].map { $0 == "int" || $0.isNull } ?? true
            if counts != isInteger { config["dtype"] = counts ? "int64" : "float32" }
        }
        // Keras 3 keeps both, tf.keras takes one of the two.
        if rule.className == "Discretization", config["bin_boundaries"]?.isNull == false { config["num_bins"] = .null }
        guard rule.special == .batchNormalization else { return }
        // As tf.keras writes the axis once it knows it.
        if let axis = config["axis"]?.integer, axis >= 0 { config["axis"] = [.integer(axis)] }
    }

    private static func downgrade(
        _ value: ConfigValue, _ kind: Kind, in generation: ClassRule.Generation, _ refuse: (String) -> Void
    ) -> ConfigValue {
        switch (kind, generation) {
        case (.initializer, .tfKeras): return TfKerasWords.downgradedInitializer(value, refuse)
        case (.regularizer, .tfKeras): return TfKerasWords.downgradedRegularizer(value, refuse)
        case (.constraint, .tfKeras): return TfKerasWords.downgradedConstraint(value, refuse)
        case (.activation, .tfKeras): return TfKerasWords.downgradedActivation(value, refuse)
        case (.dtype, .tfKeras): return TfKerasWords.downgradedDType(value, refuse)
        default: break
        }
        return switch kind {
        case .initializer: InitializerUpgrade.downgrade(value, refuse)
        case .regularizer: RegularizerUpgrade.downgrade(value, refuse)
        case .constraint: ConstraintUpgrade.downgrade(value, refuse)
        case .activation: ActivationUpgrade.downgrade(value, refuse)
        case .dtype: DTypeUpgrade.downgrade(value, refuse)
        case .layer: downgradeInnerLayer(value, in: generation, refuse)
        case .layers: .array((value.array ?? []).map { downgradeInnerLayer($0, in: generation, refuse) })
        case .name, .number, .flag, .extents, .plain: value
        }
    }

    private static func downgradeInnerLayer(
        _ value: ConfigValue, in generation: ClassRule.Generation, _ refuse: (String) -> Void
    ) -> ConfigValue {
        guard let object = value.object, object["module"] != nil, let name = object["class_name"]?.string else {
            return value
        }
        if let model = InnerModel.spec(of: value) { return InnerModel.downgraded(model, in: generation, refuse) }
        // A class of one's own, in the words that it was found in.
        if generation == .tfKeras, object["registered_name"]?.string != nil { return value }
        guard let rule = ClassRule.rule(for: name, in: generation), let config = object["config"]?.object else {
            refuse("inner layer of class \(name)")
            return value
        }
        let settings = downgrade(config, by: rule, refuse)
        return switch generation {
        case .keras2: Serialized.keras2(name, settings)
        case .tfKeras: Serialized.keras3("keras.layers", name, settings)
        }
    }
}
