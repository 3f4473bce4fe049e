import KerasSpec
import OrderedCollections
import Tensors

/// Writes a spec as Keras 1.2.2 would: in Keras 2.3's words first, from those in Keras 1's. Collects what can't be said.
///
/// Source: `get_config` of `keras/models.py` and `keras/engine/topology.py` of 1.2.2.
struct Keras1Writer {
    /// Whether layers that nobody changed since they were read from this dialect are written as they stood in their file.
    let usesSources: Bool
    private(set) var downgrade = Keras1Downgrade()

    init(usesSources: Bool) { self.usesSources = usesSources }

    /// `{"class_name": …, "config": …}`. Throws 69 `architecture.inexpressible` with all layers that Keras 1 can't say.
    static func model(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        let spec = Downgrade.prepared(spec, for: .keras1, &notes)
        var keras2 = Keras2Writer(usesSources: false, isForKeras1: true)
        let document = keras2.model(prepared(spec))
        var writer = Keras1Writer(usesSources: usesSources)
        let result = writer.model(document, spec, path: "")
        let refusals = keras2.refusals + writer.downgrade.refusals
        guard refusals.isEmpty else { throw .inexpressible(refusals, in: target) }
        notes += writer.downgrade.notes
        return result
    }

    /// The spec with what Keras 2.3 can't say and Keras 1 can among what is kept.
    private static func prepared(_ spec: ModelSpec) -> ModelSpec {
        var spec = spec
        for index in spec.layers.indices {
            if let model = spec.layers[index].model?.value {
                spec.layers[index].model = Box(prepared(model))
            } else {
                spec.layers[index].config = prepared(spec.layers[index].config)
            }
        }
        return spec
    }

    private static func prepared(_ config: ConfigObject) -> ConfigObject {
        var config = config
        if let mode = config.removeValue(forKey: LegacyName.mode) {
            var kept = config[LegacyName.kept]?.object ?? [:]
            kept["mode"] = mode
            config[LegacyName.kept] = .object(kept)
        }
        for key in ["layer", "backward_layer"] {
            guard var layer = config[key]?.object, let inner = layer["config"]?.object else { continue }
            layer["config"] = .object(prepared(inner))
            config[key] = .object(layer)
        }
        return config
    }

    // MARK: - Models

    private mutating func model(_ document: ConfigObject, _ spec: ModelSpec, path: String) -> ConfigObject {
        let config = document["config"]?.object ?? [:]
        let items = (config["layers"]?.array ?? []).compactMap(\.object)
        switch spec.kind {
        case .sequential:
            return ["class_name": "Sequential", "config": .array(sequential(items, config["build_input_shape"], spec, path: path))]
        case .functional: return ["class_name": "Model", "config": .object(functional(items, config, spec, path: path))]
        }
    }

    private mutating func sequential(
        _ items: [ConfigObject], _ buildShape: ConfigValue?, _ spec: ModelSpec, path: String
    ) -> [ConfigValue] {
        let offset = spec.layers.count - items.count
        var result: [ConfigValue] = []
        for (index, item) in items.enumerated() {
            let layer = spec.layers[offset + index]
            var item = item
            if index == 0, layer.model == nil, var config = item["config"]?.object {
                if config["batch_input_shape"] == nil, let buildShape {
                    config["batch_input_shape"] = buildShape
                    item["config"] = .object(config)
                }
                if config["batch_input_shape"]?.isNull ?? true {
                    downgrade.refuse(path + layer.name, "a Sequential without the shape of its input, which Keras 1 demands")
                }
            }
            result.append(.object(self.layer(item, layer, path: path)))
        }
        return result
    }

    private mutating func layer(_ item: ConfigObject, _ layer: LayerSpec, path: String) -> ConfigObject {
        if let model = layer.model?.value { return self.model(item, model, path: path + layer.name + "/") }
        let config = item["config"]?.object ?? [:]
        if let source = unchangedSource(of: layer, batchInputShape: config["batch_input_shape"]) { return source }
        let className = item["class_name"]?.string ?? layer.className
        if layer.className == "Lambda", layer.source?.dialect != .keras1 {
            downgrade.refuse(path + layer.name, "a Lambda, whose code is another Keras's")
        }
        var inner: ConfigObject?
        if let model = layer.config["layer"].flatMap(InnerModel.spec), let json = config["layer"]?.object {
            inner = self.model(json, Self.prepared(model), path: path + layer.name + "/")
        }
        return downgrade.layer(
            className, config, kept: Self.kept(layer.config), inner: Self.kept(layer.config["layer"]?.object?["config"]?.object ?? [:]),
            model: inner, at: path + layer.name)
    }

    private static func kept(_ config: ConfigObject) -> ConfigObject {
        var kept = config[LegacyName.kept]?.object ?? [:]
        if let mode = config[LegacyName.mode] { kept["mode"] = mode }
        return kept
    }

    /// The layer's class and settings as its file had them, if it still is what was read and stands where it stood.
    private func unchangedSource(of layer: LayerSpec, batchInputShape: ConfigValue?) -> ConfigObject? {
        guard usesSources, let source = layer.source, source.dialect == .keras1, source.upgraded == layer.config,
            let json = source.json.object, let className = json["class_name"], let config = json["config"]?.object,
            config["batch_input_shape"] == batchInputShape
        else { return nil }
        return ["class_name": className, "config": .object(config)]
    }

    // MARK: - Functional

    private mutating func functional(
        _ items: [ConfigObject], _ config: ConfigObject, _ spec: ModelSpec, path: String
    ) -> ConfigObject {
        var layers: [ConfigValue] = []
        let cosines = cosines(items)
        for (item, layer) in zip(items, spec.layers) {
            let calls = (item["inbound_nodes"]?.array ?? []).map { self.call($0, of: layer, path: path) }
            if let name = cosines[layer.name] {
                layers.append(.object(merge("cos", item, layer, named: name, calls, path: path)))
                continue
            }
            // Its cosine has the axis already.
            if cosines.values.contains(layer.name) { continue }
            if let mode = mode(of: item) {
                layers += merges(mode, item, layer, calls, path: path)
                continue
            }
            let json = self.layer(item, layer, path: path)
            layers.append(
                .object([
                    "name": .string(layer.name), "class_name": json["class_name"] ?? .null, "config": json["config"] ?? .null,
                    "inbound_nodes": .array(calls),
                ]))
        }
        guard let ordered = CallOrder.sorted(layers) else {
            downgrade.refuse(path + spec.name, "layers that are called on what came of them, which Keras 1 can't read")
            return [:]
        }
        return [
            "name": .string(spec.name), "layers": .array(ordered), "input_layers": config["input_layers"] ?? [],
            "output_layers": config["output_layers"] ?? [],
        ]
    }

    /// A call's inputs as `[layer, node, tensor]`.
    private mutating func call(_ node: ConfigValue, of layer: LayerSpec, path: String) -> ConfigValue {
        let entries = (node.array ?? []).compactMap(\.array)
        if entries.contains(where: { $0.count > 3 && $0[3].object?.isEmpty == false }) {
            downgrade.refuse(path + layer.name, "a call with keyword arguments")
        }
        if Keras2Graph.recurrentClasses.contains(layer.className), entries.count > 1 {
            downgrade.refuse(path + layer.name, "a call with initial states")
        }
        return .array(entries.map { .array(Array($0.prefix(3))) })
    }

    // MARK: - Merging

    private func mode(of item: ConfigObject) -> String? {
        let className = item["class_name"]?.string
        if className == "Dot", item["config"]?.object?["normalize"] == true { return "cos" }
        return Keras1Merge.classes.first { $0.value == className }?.key
    }

    private mutating func merges(
        _ mode: String, _ item: ConfigObject, _ layer: LayerSpec, _ calls: [ConfigValue], path: String
    ) -> [ConfigValue] {
        guard mode == "cos" else { return [.object(merge(mode, item, layer, named: layer.name, calls, path: path))] }
        let axes = item["config"]?.object?["axes"] ?? .null
        if axes != 1, axes != [1, 1], axes != -1 { downgrade.refuse(path + layer.name, "the cosine of matrices, axes \(JSON.text(axes))") }
        downgrade.note(path + layer.name, "a normalized Dot is written as a merge by cosine and a Reshape")
        // Without the further axis that Keras 1 gives it.
        let name = layer.name + Keras1Merge.cosineSuffix
        let reshape: ConfigObject = ["name": .string(layer.name), "trainable": true, "target_shape": [1]]
        return [
            .object(merge(mode, item, layer, named: name, calls, path: path)),
            .object([
                "name": .string(layer.name), "class_name": "Reshape", "config": .object(reshape),
                "inbound_nodes": [[[.string(name), 0, 0]]],
            ]),
        ]
    }

    private mutating func merge(
        _ mode: String, _ item: ConfigObject, _ layer: LayerSpec, named name: String, _ calls: [ConfigValue], path: String
    ) -> ConfigObject {
        if calls.count > 1 { downgrade.refuse(path + layer.name, "a merge that is called more than once") }
        if let inputs = calls.first?.array, inputs.count < 2 { downgrade.refuse(path + layer.name, "a merge of one tensor") }
        let own = item["config"]?.object ?? [:]
        let kept = Self.kept(layer.config)
        var config: ConfigObject = ["name": .string(name), "mode": .string(mode)]
        for (key, fallback) in Keras1Merge.defaults { config[key] = kept[key] ?? fallback }
        if mode == "concat" { config["concat_axis"] = own["axis"] ?? -1 }
        if mode == "dot" || mode == "cos" { config["dot_axes"] = own["axes"] ?? -1 }
        return ["name": .string(name), "class_name": "Merge", "config": .object(config), "inbound_nodes": .array(calls)]
    }

    /// Cosines to which an upgrade added Keras 1's further axis, with the name that they had: its layer.
    private func cosines(_ items: [ConfigObject]) -> [String: String] {
        var result: [String: String] = [:]
        for item in items where item["class_name"] == "Reshape" && item["config"]?.object?["target_shape"] == [1, 1] {
            guard let name = item["name"]?.string, let calls = item["inbound_nodes"]?.array, calls.count == 1,
                calls[0].array?.first?.array?.first == .string(name + Keras1Merge.cosineSuffix)
            else { continue }
            result[name + Keras1Merge.cosineSuffix] = name
        }
        // Nobody else may look at it.
        for item in items {
            for reference in (item["inbound_nodes"]?.array ?? []).flatMap({ $0.array ?? [] }) {
                guard let source = reference.array?.first?.string, let name = result[source], item["name"] != .string(name) else { continue }
                result[source] = nil
            }
        }
        let dots = Set(items.filter { mode(of: $0) == "cos" }.compactMap { $0["name"]?.string })
        return result.filter { dots.contains($0.key) }
    }
}
