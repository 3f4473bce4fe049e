import KerasSpec
import OrderedCollections
import Tensors

/// Reads the architecture that tf.keras 2.2.4-tf to tf-keras 2.21 write, in `to_json()`, whole `.h5` and `.keras`, and brings
/// it up to Keras 3's words. Classes that Keras doesn't have are kept as they are.
///
/// Source: `engine/sequential.py`, `functional.py`, `saving/serialization_lib.py` and `saving/legacy/serialization.py` of
/// tf_keras/src 2.21.
struct TfKerasReader {
    private(set) var notes: [UpgradeNote] = []
    /// Default names for layers that have none, counted as tf.keras counts them.
    private var counts: [String: Int] = [:]

    /// Names of the class of functional models.
    private static let functionalClasses: Set<String> = ["Functional", "Model", "Network"]

    /// A whole model: `{"class_name": …, "config": …}`; further keys are the caller's.
    mutating func model(_ json: ConfigValue, at path: JSONPath = .root) throws(LocatedError) -> ModelSpec {
        let (className, config) = try classAndConfig(json, "a model", at: path)
        switch className {
        case "Sequential": return try sequential(config, at: path["config"])
        case _ where Self.functionalClasses.contains(className): return try functional(config, at: path["config"])
        default:
            throw LocatedError(
                .unsupported, "model.class", "expected a model of class Sequential or Functional, got \(quoted(className))",
                at: [path["class_name"].description],
                hint: "A model of a class of its own can only be read by the program that defines it.")
        }
    }

    private func classAndConfig(
        _ json: ConfigValue, _ what: String, at path: JSONPath
    ) throws(LocatedError) -> (className: String, config: ConfigValue) {
        guard let object = json.object else { throw Serialized.wrong("\(what), an object", json, at: path) }
        guard let className = object["class_name"]?.string else {
            throw Serialized.wrong("the class of \(what)", object["class_name"], at: path["class_name"])
        }
        guard let config = object["config"] else { throw Serialized.wrong("the settings of \(what)", nil, at: path["config"]) }
        return (className, config)
    }

    // MARK: - Sequential

    private mutating func sequential(_ config: ConfigValue, at path: JSONPath) throws(LocatedError) -> ModelSpec {
        let items: [ConfigValue]
        var name: String?
        var object: ConfigObject = [:]
        var listPath = path
        switch config {
        case .array(let list): items = list
        case .object(let given):
            object = given
            listPath = path["layers"]
            guard let list = object["layers"]?.array else {
                throw Serialized.wrong("a list of layers", object["layers"], at: listPath)
            }
            items = list
            name = try optionalName(object["name"], at: path["name"])
        default: throw Serialized.wrong("an object with layers", config, at: path)
        }
        let modelName = name ?? defaultName("Sequential")
        var spec = ModelSpec(kind: .sequential, name: modelName, trainable: object["trainable"]?.bool ?? true)
        for (index, item) in items.enumerated() {
            var (layer, shape) = try self.layer(item, named: nil, at: listPath[index])
            if index == 0, layer.className != "InputLayer" {
                // Until 2.3 the input was not among the layers.
                if let input = try inputLayer(for: layer, shape, at: listPath[index]["config"]) {
                    spec.layers.append(input)
                } else if let buildShape = object["build_input_shape"], !buildShape.isNull {
                    spec.layers.append(
                        try inputLayer(modelName + "_input", buildShape, "float32", at: path["build_input_shape"]))
                }
            } else {
                keep(shape, in: &layer)
            }
            spec.layers.append(layer)
        }
        try requireUniqueNames(spec.layers, at: listPath)
        return spec
    }

    /// The input that Keras makes in front of a Sequential's first layer, when the layer knows its input's shape: its own
    /// `batch_input_shape`, or that of the first layer within a nested model.
    private func inputLayer(
        for layer: LayerSpec, _ shape: ConfigValue?, at path: JSONPath
    ) throws(LocatedError) -> LayerSpec? {
        if let model = layer.model?.value {
            guard var input = Self.firstLayer(of: model), input.className == "InputLayer" else { return nil }
            input.name = layer.name + "_input"
            input.config["name"] = .string(input.name)
            input.source = nil
            input.calls = []
            return input
        }
        let isKnown = ClassRule.rule(for: layer.className, in: .tfKeras) != nil
        guard let shape = shape ?? (isKnown ? .none : layer.config["batch_input_shape"]), !shape.isNull else { return nil }
        let dtype = layer.config["dtype"]?.string ?? "float32"
        return try inputLayer(layer.name + "_input", shape, dtype, at: path["batch_input_shape"])
    }

    /// The first layer of a model, entering nested models.
    private static func firstLayer(of model: ModelSpec) -> LayerSpec? {
        var first = model.layers.first
        while let model = first?.model?.value { first = model.layers.first }
        return first
    }

    private func inputLayer(
        _ name: String, _ shape: ConfigValue, _ dtype: String, at path: JSONPath
    ) throws(LocatedError) -> LayerSpec {
        let shape = TfKerasWords.plain(shape)
        guard let extents = shape.array, extents.allSatisfy({ $0.isNull || ($0.integer ?? -1) >= 0 }) else {
            throw Serialized.wrong("a shape, a list of extents and nulls", shape, at: path)
        }
        return LayerSpec(
            className: "InputLayer", name: name,
            config: [
                "batch_shape": shape, "dtype": .string(dtype.hasPrefix("mixed_") ? "float32" : dtype), "sparse": false,
                "ragged": false, "name": .string(name), "optional": false,
            ])
    }

    // MARK: - Layers

    /// One layer, and the `batch_input_shape` that its configuration names beside the settings of its class.
    private mutating func layer(
        _ json: ConfigValue, named outerName: String?, at path: JSONPath
    ) throws(LocatedError) -> (LayerSpec, batchInputShape: ConfigValue?) {
        let (className, config) = try classAndConfig(json, "a layer", at: path)
        if className == "Sequential" || Self.functionalClasses.contains(className) {
            let model = try self.model(json, at: path)
            return (LayerSpec(className: model.kind.rawValue, name: outerName ?? model.name, model: model), nil)
        }
        guard let object = config.object else { throw Serialized.wrong("a layer's settings", config, at: path["config"]) }
        let ownName = try optionalName(object["name"], at: path["config"]["name"])
        let name = outerName ?? ownName ?? defaultName(className)
        let isOwn = json.object?["registered_name"]?.string.map { $0.contains(">") } ?? false
        guard !isOwn, let rule = ClassRule.rule(for: className, in: .tfKeras) else {
            if !ClassRule.tfKerasKeptClasses.contains(className) {
                notes.append(UpgradeNote(layer: name, text: "\(quoted(className)) is no class of tf.keras; kept as it is"))
            }
            let source = SourceNode(dialect: .tfKeras, json: json, upgraded: object)
            return (LayerSpec(className: className, name: name, config: object, source: source), nil)
        }
        let plain = object.mapValues(TfKerasWords.plain)
        var (upgraded, shape) = try ConfigUpgrade.upgrade(plain, by: rule, at: path["config"])
        if upgraded["name"] == nil { upgraded["name"] = .string(name) }
        noteMeaning(of: rule.className, upgraded, name)
        // Where the shape is not part of the class's own settings it is kept by who knows the layer's place.
        let source = SourceNode(dialect: .tfKeras, json: json, upgraded: upgraded)
        let layer = LayerSpec(
            className: rule.className, name: name, config: upgraded, innerModels: InnerModel.specs(in: upgraded), source: source)
        return (layer, shape)
    }

    /// Tells people what today's Keras would compute differently.
    private mutating func noteMeaning(of className: String, _ config: ConfigObject, _ name: String) {
        if config.values.contains(.string(LegacyName.hardSigmoid)) {
            notes.append(UpgradeNote(layer: name, text: "hard_sigmoid is Keras 2's, clip(0.2 x + 0.5, 0, 1)"))
        }
        if className == "BatchNormalization" {
            notes.append(UpgradeNote(layer: name, text: "moving variance is updated by tf.keras's rule"))
        }
    }

    /// Notes a shape that makes no input layer, so that the layer is written with it again.
    private func keep(_ shape: ConfigValue?, in layer: inout LayerSpec) {
        guard let shape, let rule = ClassRule.rule(for: layer.className, in: .tfKeras) else { return }
        ConfigUpgrade.keep(shape, in: &layer.config, by: rule)
        layer.source?.upgraded = layer.config
    }

    private func optionalName(_ value: ConfigValue?, at path: JSONPath) throws(LocatedError) -> String? {
        guard let value, !value.isNull else { return nil }
        guard let name = value.string, !name.isEmpty else { throw Serialized.wrong("a name", value, at: path) }
        return name
    }

    private mutating func defaultName(_ className: String) -> String {
        let number = counts[className, default: 0]
        counts[className] = number + 1
        let base = Keras2Names.snakeCase(className)
        return number == 0 ? base : "\(base)_\(number)"
    }

    /// Attention that is causal by itself, as it was until 2.9, is told so with each call since.
    private static func moveCausal(of layer: inout LayerSpec) {
        guard TfKerasVersions.causal.contains(layer.className), layer.config["causal"] == true else { return }
        layer.config.removeValue(forKey: "causal")
        layer.source?.upgraded = layer.config
        for number in layer.calls.indices { layer.calls[number].keywords["use_causal_mask"] = .constant(true) }
    }

    private func requireUniqueNames(_ layers: [LayerSpec], at path: JSONPath) throws(LocatedError) {
        var seen: Set<String> = []
        for (index, layer) in layers.enumerated() where !seen.insert(layer.name).inserted {
            throw LocatedError(
                .invalid, "model.duplicate_layer", "expected every layer name once, got \(quoted(layer.name)) again",
                at: [path[index].description])
        }
    }

    // MARK: - Functional

    private mutating func functional(_ config: ConfigValue, at path: JSONPath) throws(LocatedError) -> ModelSpec {
        guard let object = config.object else { throw Serialized.wrong("a model's settings, an object", config, at: path) }
        let listPath = path["layers"]
        guard let items = object["layers"]?.array else {
            throw Serialized.wrong("a list of layers", object["layers"], at: listPath)
        }
        let name = try optionalName(object["name"], at: path["name"]) ?? defaultName("Model")
        var spec = ModelSpec(kind: .functional, name: name, trainable: object["trainable"]?.bool ?? true)
        for (index, item) in items.enumerated() {
            let outerName = item.object?["name"]
            guard let layerName = try optionalName(outerName, at: listPath[index]["name"]) else {
                throw Serialized.wrong("a layer's name", outerName, at: listPath[index]["name"])
            }
            var (layer, shape) = try self.layer(item, named: layerName, at: listPath[index])
            keep(shape, in: &layer)
            spec.layers.append(layer)
        }
        try requireUniqueNames(spec.layers, at: listPath)
        let graph = try TfKerasGraph(layers: spec.layers, items: items, at: listPath)
        for index in spec.layers.indices {
            spec.layers[index].calls = graph.calls[index]
            Self.moveCausal(of: &spec.layers[index])
        }
        spec.inputs = try graph.ends(object["input_layers"], at: path["input_layers"])
        spec.outputs = try graph.ends(object["output_layers"], at: path["output_layers"])
        OperationUpgrade.upgrade(&spec)
        return spec
    }
}
