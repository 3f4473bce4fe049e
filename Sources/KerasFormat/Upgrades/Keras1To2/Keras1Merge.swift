import KerasSpec
import OrderedCollections
import Tensors

/// Keras 1's one class for joining tensors, by `mode`, against Keras 2.3's class for each.
///
/// Source: `Merge` of `keras/engine/topology.py` 1.2.2, `keras/layers/merge.py` 2.3.1.
enum Keras1Merge {
    /// Mode → class, for those that mean the same.
    static let classes: OrderedDictionary<String, String> = [
        "sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum", "dot": "Dot",
    ]
    /// What a mode doesn't look at, as Keras 1 writes it.
    static let defaults: ConfigObject = [
        "mode_type": "raw", "concat_axis": -1, "dot_axes": -1, "output_shape": nil, "output_shape_type": "raw",
        "output_mask": nil, "output_mask_type": "raw", "arguments": [:],
    ]
    /// The suffix of the layer that computes the cosine before its further axis is added.
    static let cosineSuffix = "_cos"
}

extension Keras1Upgrade {
    /// Adds what a `Merge` means to a model.
    ///
    /// - Returns: its output.
    mutating func addMerge(
        _ config: ConfigObject, _ json: ConfigValue?, calledOn sources: [ConfigValue], to graph: inout Keras1Graph
    ) -> ConfigValue {
        let name = config["name"]?.string ?? "merge_\(graph.layers.count + 1)"
        let origin = Keras1Structure.Origin(json: json)
        let isRaw = config["mode_type"] ?? "raw" == "raw"
        let mode = config["mode"]?.string ?? "sum"
        guard isRaw, let merged = merged(config, mode, name) else {
            note(name, "merges by a function of its own; kept as it is, and not run")
            return graph.add(["class_name": "Merge", "config": .object(config)], origin, named: name, calledOn: sources)
        }
        guard mode == "cos" else { return graph.add(merged, origin, named: name, calledOn: sources) }
        note(name, "the cosine of two vectors, with the further axis that Keras 1 gives it")
        let cosine = graph.add(merged, Keras1Structure.Origin(), named: name + Keras1Merge.cosineSuffix, calledOn: sources)
        let reshape: ConfigObject = [
            "class_name": "Reshape", "config": ["name": .string(name), "trainable": true, "target_shape": [1, 1]],
        ]
        return graph.add(reshape, Keras1Structure.Origin(), named: name, calledOn: [cosine])
    }

    /// The layer of Keras 2.3; nil when none means the same.
    private func merged(_ config: ConfigObject, _ mode: String, _ name: String) -> ConfigObject? {
        var result: ConfigObject = ["name": .string(name), "trainable": true]
        var kept: ConfigObject = [:]
        for (key, fallback) in Keras1Merge.defaults where key != "mode_type" {
            if let value = config[key], value != fallback { kept[key] = value }
        }
        switch mode {
        case "concat":
            result["axis"] = config["concat_axis"] ?? -1
            kept.removeValue(forKey: "concat_axis")
        case "dot", "cos":
            let axes = config["dot_axes"] ?? -1
            // Of matrices, Keras 1's cosine is no cosine, and Keras 2.3 has none that equals it.
            if mode == "cos", axes != [1, 1], axes != 1, axes != -1 { return nil }
            result["axes"] = axes
            result["normalize"] = .bool(mode == "cos")
            kept.removeValue(forKey: "dot_axes")
        default: break
        }
        guard let className = mode == "cos" ? "Dot" : Keras1Merge.classes[mode] else { return nil }
        if mode == "cos" { result["name"] = .string(name + Keras1Merge.cosineSuffix) }
        if !kept.isEmpty { result[LegacyName.kept] = .object(kept) }
        return ["class_name": .string(className), "config": .object(result)]
    }
}
