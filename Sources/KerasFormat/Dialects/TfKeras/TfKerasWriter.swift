import KerasSpec
import OrderedCollections
import Tensors

/// Writes a spec as tf-keras 2.21's `to_json()` would, but for `build_config`, which nobody needs who has the shapes; and
/// collects what tf.keras can't say.
///
/// Source: `get_config` of `tf_keras/src/engine/sequential.py` and `functional.py`, `serialize_keras_object` of
/// `saving/serialization_lib.py` 2.21.
struct TfKerasWriter {
    /// The version that is to read it.
    private let minor: Int
    /// Whether layers that nobody changed since they were read from this dialect are written as they stood in their file.
    let usesSources: Bool
    /// What can't be said, as `layer: reason`.
    private(set) var refusals: [String] = []
    /// What tf.keras does otherwise than the spec says.
    private(set) var notes: [UpgradeNote] = []

    init(target: KerasTarget = .tfKeras, usesSources: Bool = true) {
        minor = target.minor
        self.usesSources = usesSources
    }

    /// `{"class_name": …, "config": …}`.
    mutating func model(_ spec: ModelSpec, path: String = "") -> ConfigObject {
        switch spec.kind {
        case .sequential: ["class_name": "Sequential", "config": .object(sequential(spec, path: path))]
        case .functional: ["class_name": "Functional", "config": .object(functional(spec, path: path))]
        }
    }

    private mutating func sequential(_ spec: ModelSpec, path: String) -> ConfigObject {
        var config: ConfigObject = ["name": .string(spec.name)]
        // Genuine ones say it with each layer only.
        if !spec.trainable { config["trainable"] = false }
        var items: [ConfigValue] = []
        for layer in spec.layers { items.append(.object(self.layer(layer, path: path))) }
        config["layers"] = .array(items)
        return config
    }

    // MARK: - Layers

    /// A layer's object without its place in the graph.
    private mutating func layer(_ layer: LayerSpec, path: String) -> ConfigObject {
        if let model = layer.model?.value {
            let json = self.model(model, path: path + layer.name + "/")
            let isSequential = model.kind == .sequential
            return [
                "module": isSequential ? "keras" : "keras.src.engine.functional", "class_name": json["class_name"] ?? .null,
                "config": json["config"] ?? .null, "registered_name": isSequential ? nil : "Functional",
            ]
        }
        if usesSources, let source = unchangedSource(of: layer) { return source }
        guard let rule = Self.rule(of: layer) else { return keptLayer(layer, path: path) }
        noteMeaning(of: layer, path: path)
        if minor < TfKerasVersions.complete, TfKerasVersions.classes.contains(layer.className) {
            refuse(layer, "class \(layer.className)", path: path)
        }
        var config = ConfigUpgrade.downgrade(layer.config, by: rule) { refuse(layer, $0, path: path) }
        for (key, value) in config {
            guard let late = TfKerasVersions.key(key, of: layer.className) else { continue }
            if late.neutral.contains(value) || (key == "seed" && minor < late.minor) {
                config.removeValue(forKey: key)
            } else if minor < late.minor {
                refuse(layer, "\(key) \(JSON.text(value))", path: path)
            }
        }
        if layer.className == "MultiHeadAttention" { setShapes(of: layer, in: &config) }
        return [
            "module": "keras.layers", "class_name": .string(layer.className), "config": .object(config), "registered_name": nil,
        ]
    }

    /// The shapes that attention was called with, which tf.keras wants in its configuration; Keras 3 puts them beside it, into
    /// archives alone. Without them genuine tf.keras warns, and builds the layer when it is called.
    private func setShapes(of layer: LayerSpec, in config: inout ConfigObject) {
        let built = layer.source?.json.object?["build_config"]?.object?["shapes_dict"]?.object ?? [:]
        for key in TfKerasVersions.attentionShapes {
            if minor < TfKerasVersions.complete {
                config.removeValue(forKey: key)
            } else if config[key]?.isNull ?? true {
                // Keys are the values where a call doesn't say otherwise.
                config[key] = built[key] ?? (key == "key_shape" ? built["value_shape"] : nil) ?? .null
            }
        }
    }

    /// The rule of a class of Keras's; nil for a user's own, even where it has the name of one.
    private static func rule(of layer: LayerSpec) -> ClassRule? {
        if let name = layer.source?.json.object?["registered_name"]?.string, name.contains(">") { return nil }
        return ClassRule.rule(for: layer.className, in: .tfKeras)
    }

    /// A class that tf.keras doesn't describe: a user's own, or Lambda and its like.
    private mutating func keptLayer(_ layer: LayerSpec, path: String) -> ConfigObject {
        let isTheirs = layer.source?.dialect == .tfKeras || ClassRule.tfKerasKeptClasses.contains(layer.className)
        if !isTheirs, Self.foreignClasses.contains(layer.className) || layer.className.hasPrefix(OperationName.prefix) {
            refuse(layer, "class \(layer.className)", path: path)
        }
        var config = layer.config
        config.removeValue(forKey: LegacyName.kept)
        var result: ConfigObject = ["class_name": .string(layer.className), "config": .object(config)]
        // Where its class is found, which only tf.keras and Keras 3 say.
        if let json = layer.source?.json.object, let module = json["module"] {
            result = ["module": module]
            result["class_name"] = .string(layer.className)
            result["config"] = .object(config)
            result["registered_name"] = json["registered_name"] ?? .null
        }
        return result
    }

    /// Classes of Keras 3, 2.3 and 1 that tf.keras doesn't have.
    private static let foreignClasses: Set<String> = Keras2Writer.keras3Classes.union(ClassRule.keptClasses)
        .union(Keras2Writer.keras1Classes)

    /// The layer as its file had it, if it still is what was read.
    private func unchangedSource(of layer: LayerSpec) -> ConfigObject? {
        guard let source = layer.source, source.dialect == .tfKeras, source.upgraded == layer.config,
            var json = source.json.object, let className = json["class_name"]?.string
        else { return nil }
        let known = ClassRule.rule(for: className, in: .tfKeras)?.className ?? className
        guard known == layer.className, json["config"]?.object != nil, !TfKerasVersions.lacksShapes(layer) || minor < TfKerasVersions.complete
        else { return nil }
        json.removeValue(forKey: "name")
        json.removeValue(forKey: "inbound_nodes")
        return json
    }

    /// Tells people what tf.keras computes differently.
    private mutating func noteMeaning(of layer: LayerSpec, path: String) {
        guard let rule = layer.config[LegacyName.varianceRule]?.string, rule != "tf-keras" else { return }
        notes.append(
            UpgradeNote(layer: path + layer.name, text: "tf.keras updates the moving variance by its own rule, not by that of \(rule)"))
    }

    private mutating func refuse(_ layer: LayerSpec, _ reason: String, path: String) {
        refusals.append("\(path)\(layer.name): \(reason)")
    }

    // MARK: - Functional

    private mutating func functional(_ spec: ModelSpec, path: String) -> ConfigObject {
        let first = Dictionary(
            spec.layers.map { ($0.name, TfKerasGraph.firstNode(of: $0)) }, uniquingKeysWith: { first, _ in first })
        var items: [ConfigValue] = []
        for layer in spec.layers { items.append(.object(item(layer, first, path: path))) }
        return [
            "name": .string(spec.name), "trainable": .bool(spec.trainable), "layers": .array(items),
            "input_layers": Self.ends(spec.inputs, first), "output_layers": Self.ends(spec.outputs, first),
        ]
    }

    /// A layer with its name and its calls.
    private mutating func item(_ layer: LayerSpec, _ first: [String: Int], path: String) -> ConfigObject {
        var nodes: [ConfigValue] = []
        var json: ConfigObject
        if layer.className.hasPrefix(OperationName.prefix) {
            json = [:]
            for call in layer.calls {
                var reasons: [String] = []
                let operation = OperationUpgrade.downgrade(layer, call) { reasons.append($0) }
                for reason in reasons { refuse(layer, reason, path: path) }
                guard let operation else { continue }
                json = [
                    "module": "keras.src.layers.core.tf_op_layer", "class_name": .string(operation.className),
                    "config": .object(operation.config), "registered_name": .string(operation.className),
                ]
                var writer = NodeWriter(first: first)
                nodes.append(writer.call(operation.input, operation.keywords, keepsStructure: true))
            }
        } else {
            json = self.layer(layer, path: path)
            let layer = sayingCausal(layer, &json, path: path)
            for call in layer.calls where !(call.arguments.isEmpty && call.keywords.isEmpty) {
                nodes.append(self.call(call, of: layer, first, path: path))
            }
        }
        json["name"] = .string(layer.name)
        json["inbound_nodes"] = .array(nodes)
        return json
    }

    /// What calls say of causality, said as the target does.
    private mutating func sayingCausal(_ layer: LayerSpec, _ json: inout ConfigObject, path: String) -> LayerSpec {
        let key = "use_causal_mask"
        guard minor < MaskTradition.attentionSees, layer.calls.contains(where: { $0.keywords[key] != nil }) else { return layer }
        var plain = layer
        for number in plain.calls.indices { plain.calls[number].keywords.removeValue(forKey: key) }
        let causal = layer.calls.count { $0.keywords[key] == .constant(true) }
        if causal == 0 { return plain }
        guard TfKerasVersions.causal.contains(layer.className), causal == layer.calls.count, var config = json["config"]?.object else {
            refuse(layer, "a call that is causal", path: path)
            return plain
        }
        config["causal"] = true
        json["config"] = .object(config)
        return plain
    }

    private mutating func call(
        _ call: LayerCall, of layer: LayerSpec, _ first: [String: Int], path: String
    ) -> ConfigValue {
        var keywords: OrderedDictionary<String, Nest> = [:]
        let names = Self.argumentNames[layer.className] ?? (Keras2Graph.recurrentClasses.contains(layer.className) ? ["initial_state"] : [])
        guard var input = call.arguments.first, call.arguments.count <= 1 + names.count else {
            refuse(layer, "a call with \(call.arguments.count) arguments without names", path: path)
            return .null
        }
        for (name, value) in zip(names, call.arguments.dropFirst()) { keywords[name] = value }
        for (key, value) in call.keywords {
            // Keras 3 writes arguments that were left alone.
            if value == .constant(.null), Self.leftAlone.contains(key) { continue }
            keywords[key] = value
        }
        if Keras2Graph.recurrentClasses.contains(layer.className) {
            // They stand behind the input, as tf.keras puts them there.
            var tensors = [input]
            for key in ["initial_state", "constants"] {
                switch keywords.removeValue(forKey: key) {
                case .list(let items)?: tensors += items
                case nil, .constant(.null)?: break
                case let state?: tensors.append(state)
                }
            }
            if tensors.count > 1 { input = .list(tensors) }
        }
        var writer = NodeWriter(first: first)
        return writer.call(input, keywords, keepsStructure: TfKerasGraph.operationClasses.contains(layer.className))
    }

    private static let leftAlone: Set<String> = [
        "mask", "training", "initial_state", "query_mask", "value_mask", "key_mask", "attention_mask",
    ]

    /// What the arguments behind the first are called, where Keras 3 and tf.keras agree about them.
    private static let argumentNames: [String: [String]] = [
        "MultiHeadAttention": ["value", "key"], "Dropout": ["training"], "BatchNormalization": ["training"],
    ]

    /// The model's inputs or outputs; one alone stands in a list.
    private static func ends(_ nest: Nest, _ first: [String: Int]) -> ConfigValue {
        let writer = NodeWriter(first: first)
        if case .tensor = nest { return .array([writer.argument(nest)]) }
        return writer.argument(nest)
    }
}

/// Writes calls, the reverse of `TfKerasGraph`.
private struct NodeWriter {
    /// What the calls of each layer count from.
    let first: [String: Int]
    private var keywords: ConfigObject = [:]

    init(first: [String: Int]) { self.first = first }

    /// - Parameter keepsStructure: whether one tensor stands alone rather than in a list.
    mutating func call(_ input: Nest, _ keywords: OrderedDictionary<String, Nest>, keepsStructure: Bool) -> ConfigValue {
        self.keywords = [:]
        for (key, value) in keywords { self.keywords[key] = argument(value) }
        let data = self.input(input)
        switch input {
        case .list, .dictionary: return data
        case .tensor, .constant: return keepsStructure ? data : .array([data])
        }
    }

    /// A tensor with the call's keyword arguments, in its lists and objects.
    private func input(_ nest: Nest) -> ConfigValue {
        switch nest {
        case .tensor(let reference): .array(triple(reference) + [.object(keywords)])
        case .constant(let value): [.string(TfKerasGraph.constant), -1, value, .object(keywords)]
        case .list(let items): .array(items.map(input))
        case .dictionary(let items): .object(ConfigObject(uniqueKeysWithValues: items.map { ($0, input($1)) }))
        }
    }

    func argument(_ nest: Nest) -> ConfigValue {
        switch nest {
        case .tensor(let reference): .array(triple(reference))
        case .constant(let value): value
        case .list(let items): .array(items.map(argument))
        case .dictionary(let items): .object(ConfigObject(uniqueKeysWithValues: items.map { ($0, argument($1)) }))
        }
    }

    private func triple(_ reference: TensorReference) -> [ConfigValue] {
        [
            .string(reference.layer), .integer(reference.node + (first[reference.layer] ?? 0)), .integer(reference.tensor),
        ]
    }
}
