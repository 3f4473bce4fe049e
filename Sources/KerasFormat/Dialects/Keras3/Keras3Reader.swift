import KerasSpec
import OrderedCollections
import Tensors

/// Reads the architecture that Keras 3 writes: `to_json()`, `config.json` of `.keras` files, and `model_config` of whole
/// `.h5` files, whose layers have no `module`. Classes that Keras doesn't have, and Lambda, are kept as they are.
///
/// Source: `keras/src/models/functional.py`, `sequential.py`, `saving/serialization_lib.py` of 3.0.5 and 3.15.1.
struct Keras3Reader {
    private(set) var notes: [UpgradeNote] = []

    /// A whole model: `{"class_name": …, "config": …}`; further keys are passed over.
    mutating func model(_ json: ConfigValue, at path: JSONPath = .root) throws(LocatedError) -> ModelSpec {
        guard let object = json.object else { throw Serialized.wrong("a model, an object", json, at: path) }
        let className = object["class_name"]?.string ?? ""
        guard Self.isModel(object, className) else {
            throw LocatedError(
                .unsupported, "model.class",
                "expected a model of class Sequential, Functional or Model, got \(quoted(className))",
                at: [path["class_name"].description],
                hint: "A model of a class of its own can only be read by the program that defines it.")
        }
        let path = path["config"]
        guard let config = object["config"]?.object else {
            throw Serialized.wrong("a model's settings, an object", object["config"], at: path)
        }
        guard let name = config["name"]?.string, !name.isEmpty else {
            throw Serialized.wrong("a name", config["name"], at: path["name"])
        }
        guard let items = config["layers"]?.array else {
            throw Serialized.wrong("a list of layers", config["layers"], at: path["layers"])
        }
        var spec = ModelSpec(kind: className == "Sequential" ? .sequential : .functional, name: name)
        spec.trainable = config["trainable"]?.bool ?? true
        var names: Set<String> = []
        for (index, item) in items.enumerated() {
            let layer = try self.layer(item, at: path["layers"][index])
            guard names.insert(layer.name).inserted else {
                throw LocatedError(
                    .invalid, "model.duplicate_layer", "expected every layer name once, got \(quoted(layer.name)) again",
                    at: [path["layers"][index].description])
            }
            spec.layers.append(layer)
        }
        guard spec.kind == .functional else { return spec }
        let graph = try Keras3Graph(layers: spec.layers, items: items, at: path["layers"])
        for index in spec.layers.indices { spec.layers[index].calls = graph.calls[index] }
        spec.inputs = try graph.ends(config["input_layers"], at: path["input_layers"])
        spec.outputs = try graph.ends(config["output_layers"], at: path["output_layers"])
        return spec
    }

    /// Whether an object is a model of Keras's own classes.
    private static func isModel(_ object: ConfigObject, _ className: String) -> Bool {
        ["Sequential", "Functional", "Model"].contains(className) && isKeras(object, className)
    }

    /// Whether an object is of a class of Keras, by module and registered name; files without modules don't tell.
    private static func isKeras(_ object: ConfigObject, _ className: String) -> Bool {
        if let registered = object["registered_name"]?.string, registered != className { return false }
        guard let module = object["module"] else { return true }
        return module.string.map { $0 == "keras" || $0.hasPrefix("keras.") } ?? false
    }

    // MARK: - Layers

    private mutating func layer(_ json: ConfigValue, at path: JSONPath) throws(LocatedError) -> LayerSpec {
        guard let object = json.object else { throw Serialized.wrong("a layer, an object", json, at: path) }
        guard var className = object["class_name"]?.string, !className.isEmpty else {
            throw Serialized.wrong("the class of a layer", object["class_name"], at: path["class_name"])
        }
        // Whole .h5 files say Python's name of the class, others the public one.
        if className == "GroupedQueryAttention", Self.isKeras(object, className) { className = "GroupQueryAttention" }
        let outerName = object["name"]?.string
        if Self.isModel(object, className) {
            let model = try self.model(json, at: path)
            return LayerSpec(className: model.kind.rawValue, name: outerName ?? model.name, model: model)
        }
        guard let config = object["config"]?.object else {
            throw Serialized.wrong("a layer's settings", object["config"], at: path["config"])
        }
        guard let name = outerName ?? config["name"]?.string, !name.isEmpty else {
            throw Serialized.wrong("a layer's name", config["name"], at: path["config"]["name"])
        }
        if let operation = Self.operation(object, className) {
            return LayerSpec(
                className: operation, name: name, config: config,
                source: SourceNode(dialect: .keras3, json: json, upgraded: config))
        }
        guard Self.isKeras(object, className), WeightLayout(of: className, config: config) != nil else {
            let reason =
                if Self.isKeras(object, className), let policy = WeightLayout.quantization(of: className, config) {
                    "is quantized (\(policy))"
                } else {
                    "\(quoted(className)) is no class of Keras 3 that is known"
                }
            notes.append(UpgradeNote(layer: name, text: "\(reason); kept as it is"))
            return LayerSpec(
                className: Self.ownName(object, className, config), name: name, config: config,
                source: SourceNode(dialect: .keras3, json: json, upgraded: config))
        }
        var settings = className == "Lambda" ? config : Self.canonical(config)
        if className == "Lambda" { settings["dtype"] = config["dtype"].map(Self.canonical) }
        if let rule = ClassRule.all[className] { settings = settings.ordered(as: rule.keras3) }
        return LayerSpec(
            className: className, name: name, config: settings, innerModels: InnerModel.specs(in: settings),
            source: SourceNode(dialect: .keras3, json: json, upgraded: settings))
    }

    /// The name of a user's class: as it is registered, or with its module where it bears the name of a class of Keras.
    private static func ownName(_ object: ConfigObject, _ className: String, _ config: ConfigObject) -> String {
        if let registered = object["registered_name"]?.string, registered.contains(">") { return registered }
        guard WeightLayout(of: className, config: config) != nil else { return className }
        return (object["module"]?.string ?? "Custom") + ">" + className
    }

    /// `ops.numpy.Add` for a node of the module `keras.src.ops.numpy`.
    private static func operation(_ object: ConfigObject, _ className: String) -> String? {
        guard isKeras(object, className) else { return nil }
        let className = Keras3Operations.today(className)
        guard let module = object["module"]?.string else {
            // Whole .h5 files tell no modules. Operations aren't trained, layers of the same name say whether they are.
            guard object["module"] == nil, let config = object["config"]?.object, config["trainable"] == nil,
                let module = Keras3Operations.module(of: className)
            else { return nil }
            return OperationName.prefix + module + "." + className
        }
        for prefix in ["keras.src.ops.", "keras.ops."] where module.hasPrefix(prefix) {
            return OperationName.prefix + module.dropFirst(prefix.count) + "." + className
        }
        return nil
    }

    /// The same settings with types by their names, initializers by today's names, and without what says only where an object
    /// stood in the writer's memory.
    private static func canonical(_ config: ConfigObject) -> ConfigObject {
        var result = config.mapValues(canonical)
        for key in OldHardSigmoid.keys where result[key].map(OldHardSigmoid.isWritten) ?? false {
            result[key] = .string(LegacyName.hardSigmoid)
        }
        return result
    }

    private static func canonical(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map(canonical))
        case .object(var object):
            guard let className = object["class_name"]?.string, let config = object["config"] else {
                return .object(canonical(object))
            }
            guard object["module"] != nil, isKeras(object, className), let settings = config.object else { return value }
            if className == "DTypePolicy" || className == "FloatDTypePolicy", let name = settings["name"], settings.count == 1 {
                return name
            }
            // Genuine Keras reads no short names in it.
            if className == "DTypePolicyMap" { return value }
            object.removeValue(forKey: "shared_object_id")
            object.removeValue(forKey: "build_config")
            if object["module"] == "keras.initializers", className.hasSuffix("Initializer") {
                object["class_name"] = .string(String(className.dropLast("Initializer".count)))
            }
            object["config"] = .object(canonical(settings))
            return .object(object)
        default: return value
        }
    }
}
