internal import KerasFormat
internal import KerasSpec

/// What a configuration says, whichever way it is spelled: for comparing, not for computing.
enum ConfigMeaning {
    /// A class without the package that a user's own class was registered in.
    static func className(_ name: String) -> String {
        guard let mark = name.lastIndex(of: ">") else { return name }
        return String(name[name.index(after: mark)...])
    }

    /// The keys whose meanings differ, in the first configuration's order, with both values as they are spelled.
    static func differences(
        of className: String, _ a: ConfigObject, _ b: ConfigObject
    ) -> [(key: String, a: ConfigValue?, b: ConfigValue?)] {
        let (x, y) = (layer(className, a), layer(className, b))
        let keys = OrderedSet(x.keys).union(y.keys)
        return keys.compactMap { key in
            isEqual(x[key] ?? .null, y[key] ?? .null, key) ? nil : (key, a[key] ?? x[key], b[key] ?? y[key])
        }
    }

    /// A value as JSON, cut to what a line can show.
    static func text(_ value: ConfigValue) -> String {
        let text = value.jsonText
        return text.count > 100 ? text.prefix(97) + "..." : text
    }

    // MARK: - Layers

    /// Keys that say how a file is written, or how and not what is computed.
    private static let ignored: Set<String> = [
        "name", "seed", "build_config", "batch_input_shape", "implementation", "use_cudnn", "input_length", "autocast",
        "fused", LegacyName.kept, LegacyName.varianceRule, LegacyName.maskRule, LegacyName.leakRule,
    ]

    /// What leaving a key out means, in every class that has it.
    private static let defaults: [String: ConfigValue] = [
        "trainable": true, "dtype": "float32", "sparse": false, "ragged": false, "optional": false, "groups": 1,
        "synchronized": false, "renorm": false, "renorm_momentum": 0.99, "keepdims": false, "zero_output_for_mask": false, "use_gate": false, "rms_scaling": false,
        "data_format": "channels_last", "dilation_rate": 1, "unroll": false, "time_major": false, "stateful": false,
        "go_backwards": false, "return_state": false, "return_sequences": false, "use_bias": true, "activation": "linear",
        "mask_zero": false, "normalize": false, "dropout": 0, "recurrent_dropout": 0, "arguments": .object([:]),
    ]

    /// A layer's configuration in one spelling: what says nothing left out, defaults left out.
    static func layer(_ className: String, _ config: ConfigObject) -> ConfigObject {
        var result: ConfigObject = [:]
        for (key, value) in config where !ignored.contains(key) {
            // An input's own shape; other layers' stands in an input.
            if key == "batch_shape", className != "InputLayer" { continue }
            if className == "InputLayer", key == "trainable" { continue }
            result[key] = plain(value, key)
        }
        switch className {
        case "Bidirectional": addBackwardLayer(to: &result)
        case "Lambda": spellFunction(in: &result)
        case _ where className.contains("Pooling"):
            if result["strides"]?.isNull ?? true, let size = result["pool_size"] { result["strides"] = size }
        default: break
        }
        for (key, value) in result where value.isNull || defaults[key].map({ isEqual(value, $0, key) }) ?? false {
            result.removeValue(forKey: key)
        }
        return result
    }

    /// Keras 2 and tf.keras tell the backward layer only where it isn't the forward layer's mirror image.
    private static func addBackwardLayer(to config: inout ConfigObject) {
        guard config["backward_layer"]?.isNull ?? true, var layer = config["layer"]?.object,
            var inner = layer["config"]?.object
        else { return }
        // `go_backwards` is left out where it is false.
        if inner["go_backwards"] == true { inner.removeValue(forKey: "go_backwards") } else { inner["go_backwards"] = true }
        layer["config"] = .object(inner)
        config["backward_layer"] = .object(layer)
    }

    /// Keras 3 wraps what older generations write as a list of code, defaults and closure.
    private static func spellFunction(in config: inout ConfigObject) {
        for key in ["function", "output_shape", "mask"] {
            guard let object = config[key]?.object, object["class_name"] == "__lambda__",
                let function = object["config"]?.object
            else { continue }
            config[key] = [function["code"] ?? .null, function["defaults"] ?? .null, function["closure"] ?? .null]
        }
        if config["function_type"] == "lambda" { config.removeValue(forKey: "function_type") }
        if config["output_shape_type"] == "raw" { config.removeValue(forKey: "output_shape_type") }
        config.removeValue(forKey: "module")
        config.removeValue(forKey: "output_shape_module")
    }

    // MARK: - Values

    private static func plain(_ value: ConfigValue, _ key: String) -> ConfigValue {
        switch key {
        case "dtype": return .string(typeName(value))
        case "activation", "recurrent_activation": return activation(value)
        case "layer", "cell", "backward_layer": return innerLayer(value)
        case "cells": return .array((value.array ?? []).map(innerLayer))
        case _ where key.hasSuffix("_initializer"): return initializer(value)
        case _ where key.hasSuffix("_regularizer"): return regularizer(value)
        case _ where key.hasSuffix("_constraint"): return serialized(value)
        default: return value
        }
    }

    private static func typeName(_ value: ConfigValue) -> String {
        value.string ?? value.object?["config"]?.object?["name"]?.string ?? "float32"
    }

    private static let activationNames: [String: String] = ["swish": "silu", "hard_swish": "hard_silu"]

    private static func activation(_ value: ConfigValue) -> ConfigValue {
        if value.isNull { return "linear" }
        // Keras 3 writes a function as an object with its name.
        let name = value.string ?? (value.object?["class_name"] == "function" ? value.object?["config"]?.string : nil)
        guard let name else { return value.object == nil ? value : serialized(value) }
        return .string(activationNames[name] ?? className(name))
    }

    private static func innerLayer(_ value: ConfigValue) -> ConfigValue {
        guard let object = value.object, let name = object["class_name"]?.string, let config = object["config"]?.object else {
            return value
        }
        var result: ConfigObject = ["class_name": .string(className(name))]
        if let layers = config["layers"]?.array {
            // A model: its name says no more than a layer's.
            var model = config.filter { !["name", "dtype", "build_input_shape", "layers"].contains($0.key) }
            if model["trainable"] == true { model.removeValue(forKey: "trainable") }
            model["layers"] = .array(layers.map(innerLayer))
            result["config"] = .object(model)
        } else {
            result["config"] = .object(layer(className(name), config))
        }
        if let calls = object["inbound_nodes"] { result["inbound_nodes"] = calls }
        return .object(result)
    }

    /// Class and settings, without where the class is defined. Classes are written in one word: `max_norm` is `MaxNorm`.
    private static func serialized(_ value: ConfigValue) -> ConfigValue {
        guard let (name, config) = nameAndConfig(value) else { return value }
        return ["class_name": .string(name), "config": .object(config)]
    }

    private static func nameAndConfig(_ value: ConfigValue) -> (name: String, config: ConfigObject)? {
        guard let name = value.string ?? value.object?["class_name"]?.string else { return nil }
        let word = className(name).lowercased().filter { $0 != "_" }
        return (word, value.object?["config"]?.object ?? [:])
    }

    private static let families: [String: (scale: Double, mode: String, distribution: String)] = [
        "glorotuniform": (1, "fan_avg", "uniform"), "glorotnormal": (1, "fan_avg", "truncated_normal"),
        "heuniform": (2, "fan_in", "uniform"), "henormal": (2, "fan_in", "truncated_normal"),
        "lecununiform": (1, "fan_in", "uniform"), "lecunnormal": (1, "fan_in", "truncated_normal"),
    ]
    private static let initializerNames: [String: String] = [
        "zero": "zeros", "one": "ones", "uniform": "randomuniform", "normal": "randomnormal",
        "identityinitializer": "identity", "orthogonalinitializer": "orthogonal",
    ]
    private static let initializerDefaults: [String: ConfigObject] = [
        "randomuniform": ["minval": -0.05, "maxval": 0.05], "randomnormal": ["mean": 0, "stddev": 0.05],
        "truncatednormal": ["mean": 0, "stddev": 0.05], "orthogonal": ["gain": 1], "identity": ["gain": 1],
        "constant": ["value": 0],
        "variancescaling": ["scale": 1, "mode": "fan_in", "distribution": "truncated_normal"],
    ]

    private static func initializer(_ value: ConfigValue) -> ConfigValue {
        guard var (name, config) = nameAndConfig(value) else { return value }
        for key in ["seed", "dtype", "input_axes", "output_axes"] { config.removeValue(forKey: key) }
        if let family = families[name] {
            name = "variancescaling"
            config = [
                "scale": .float(family.scale), "mode": .string(family.mode), "distribution": .string(family.distribution),
            ]
        }
        name = initializerNames[name] ?? name
        // Both mean a normal distribution cut at two standard deviations.
        if name == "variancescaling", config["distribution"] == "normal" { config["distribution"] = "truncated_normal" }
        config.merge(initializerDefaults[name] ?? [:]) { own, _ in own }
        return ["class_name": .string(name), "config": .object(config)]
    }

    private static func regularizer(_ value: ConfigValue) -> ConfigValue {
        guard let (name, config) = nameAndConfig(value) else { return value }
        let rates: (l1: Double, l2: Double)
        switch name {
        case "l1l2": rates = (config["l1"]?.number ?? 0, config["l2"]?.number ?? 0)
        case "l1": rates = (config["l1"]?.number ?? config["l"]?.number ?? 0.01, 0)
        case "l2": rates = (0, config["l2"]?.number ?? config["l"]?.number ?? 0.01)
        default: return ["class_name": .string(name), "config": .object(config)]
        }
        if rates == (0, 0) { return .null }
        return ["class_name": "l1l2", "config": ["l1": .float(rates.l1), "l2": .float(rates.l2)]]
    }

    // MARK: - Equality

    /// Numbers are equal when they are in float32, in which Keras keeps most of them; null is an absent key; a number where
    /// another file has a list stands for all its elements.
    static func isEqual(_ a: ConfigValue, _ b: ConfigValue, _ key: String = "") -> Bool {
        if a == b { return true }
        switch (a, b) {
        case (.object(let x), .object(let y)):
            return OrderedSet(x.keys).union(y.keys).allSatisfy { isEqual(x[$0] ?? .null, y[$0] ?? .null, $0) }
        case (.array(let x), .array(let y)):
            return x.count == y.count && zip(x, y).allSatisfy { isEqual($0, $1, key) }
        case (.array(let items), let one), (let one, .array(let items)):
            return !items.isEmpty && one.number != nil && items.allSatisfy { isEqual($0, one, key) }
        case (.bool(let flag), let other), (let other, .bool(let flag)):
            return other.integer == (flag ? 1 : 0)
        default:
            guard let x = a.number, let y = b.number else { return false }
            return x == y || Float(x) == Float(y) || (x.isNaN && y.isNaN)
        }
    }
}
