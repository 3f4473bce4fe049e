import KerasSpec
import OrderedCollections
import Tensors

/// How the layers of a Keras 1 model stand together, from Keras 1's document to Keras 2.3's.
///
/// Source: `get_config` and `from_config` of `keras/models.py` and `keras/engine/topology.py` of 1.2.2.
struct Keras1Structure {
    var upgrade: Keras1Upgrade

    /// What a layer of the new document was in the old one.
    struct Origin {
        /// The layer's own JSON; nil for layers that the old document doesn't have.
        var json: ConfigValue?
        /// Of a nested model, its layers'.
        var inner: [Origin]?
        /// Where the layer stands in Keras 1's list, by which it saves weights.
        var place = 0
    }

    /// A model in Keras 2.3's words, with the origin of each of its layers.
    typealias Model = (json: ConfigObject, origins: [Origin])

    init(upgrade: Keras1Upgrade) { self.upgrade = upgrade }

    /// - Parameter name: what the model is called around it, since a Sequential doesn't tell its name.
    mutating func model(_ json: ConfigObject, named name: String?, at path: JSONPath) throws(LocatedError) -> Model {
        let configPath = path["config"]
        switch json["class_name"]?.string {
        case "Sequential":
            let items: [ConfigValue]
            switch json["config"] {
            case .array(let list): items = list
            case .object(let config) where config["layers"]?.array != nil: items = config["layers"]?.array ?? []
            case let other: throw Serialized.wrong("a list of layers", other, at: configPath)
            }
            if try isMerge(items.first, at: configPath) { return try merged(items, named: name, at: configPath) }
            return try sequential(items, named: name, at: configPath)
        case "Model", "Container":
            guard let config = json["config"]?.object else {
                throw Serialized.wrong("a model's settings, an object", json["config"], at: configPath)
            }
            return try functional(config, at: configPath)
        case let className:
            throw LocatedError(
                .unsupported, "model.class",
                "expected a model of class Sequential or Model, got \(className.map { quoted($0) } ?? "none")",
                at: [path["class_name"].description],
                hint: "A model of a class of its own can only be read by the program that defines it.")
        }
    }

    // MARK: - Sequential

    private mutating func sequential(
        _ items: [ConfigValue], named name: String?, at path: JSONPath
    ) throws(LocatedError) -> Model {
        var layers: [ConfigValue] = []
        var origins: [Origin] = []
        for (index, item) in items.enumerated() {
            let (json, origin) = try layer(item, named: nil, isFirst: index == 0, at: path[index])
            layers.append(.object(json))
            origins.append(origin)
            origins[index].place = index
        }
        let config: ConfigValue = name.map { ["name": .string($0), "layers": .array(layers)] } ?? .array(layers)
        return (["class_name": "Sequential", "config": config], origins)
    }

    /// One layer or nested model.
    private mutating func layer(
        _ item: ConfigValue, named name: String?, isFirst: Bool, at path: JSONPath
    ) throws(LocatedError) -> (json: ConfigObject, origin: Origin) {
        let (className, config) = try classAndConfig(item, at: path)
        if Self.modelClasses.contains(className) {
            let inner = try model(["class_name": .string(className), "config": config], named: name, at: path)
            return (inner.json, Origin(json: item, inner: inner.origins))
        }
        guard let object = config.object else { throw Serialized.wrong("a layer's settings", config, at: path["config"]) }
        let json =
            className == "Merge"
            ? ["class_name": "Merge", "config": config]
            : try upgrade.layer(className, object, needsShape: isFirst, at: path["config"])
        return (json, Origin(json: item))
    }

    /// Before Keras 1.0 a layer's class stood in its settings, under `name`.
    private func classAndConfig(
        _ item: ConfigValue, at path: JSONPath
    ) throws(LocatedError) -> (className: String, config: ConfigValue) {
        guard let object = item.object else { throw Serialized.wrong("a layer, an object", item, at: path) }
        guard let className = object["class_name"]?.string else {
            guard object["class_name"] == nil, let name = object["name"]?.string else {
                throw Serialized.wrong("the class of a layer", object["class_name"], at: path["class_name"])
            }
            var config = object
            config["name"] = object["custom_name"]
            return (name, .object(config))
        }
        guard let config = object["config"] else { throw Serialized.wrong("the settings of a layer", nil, at: path["config"]) }
        return (className, config)
    }

    private static let modelClasses: Set<String> = ["Sequential", "Model", "Container"]

    // MARK: - A Sequential that begins with the Merge of others

    private func isMerge(_ item: ConfigValue?, at path: JSONPath) throws(LocatedError) -> Bool {
        guard let item else { return false }
        let (className, config) = try classAndConfig(item, at: path[0])
        return className == "Merge" && config.object?["layers"] != nil
    }

    /// As a functional model, with the layers of the merged models among its own: in this order Keras 1 saves their weights.
    private mutating func merged(_ items: [ConfigValue], named name: String?, at path: JSONPath) throws(LocatedError) -> Model {
        var graph = Keras1Graph()
        let output = try chain(items, in: &graph, at: path)
        graph.outputs = [output]
        graph.sort()
        upgrade.note(name ?? "", "a Sequential that merges models is a functional model of all their layers")
        var config = graph.config
        if let name { config["name"] = .string(name) }
        return (["class_name": "Model", "config": .object(config)], graph.origins)
    }

    /// The layers of a Sequential one after another.
    private mutating func chain(
        _ items: [ConfigValue], in graph: inout Keras1Graph, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        var output: ConfigValue?
        for (index, item) in items.enumerated() {
            let here = path[index]
            if index == 0, try isMerge(item, at: path) {
                output = try mergedBranches(item, in: &graph, at: here)
                continue
            }
            let (json, origin) = try layer(item, named: nil, isFirst: index == 0, at: here)
            let source: ConfigValue
            if let output { source = output } else { source = try graph.addInput(for: json, at: here) }
            let isInput = json["class_name"] == "InputLayer"
            output = graph.add(json, origin, calledOn: isInput ? [] : [source])
        }
        guard let output else { throw Serialized.wrong("a list of layers", .array([]), at: path) }
        return output
    }

    private mutating func mergedBranches(
        _ item: ConfigValue, in graph: inout Keras1Graph, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        let config = item.object?["config"]?.object ?? item.object ?? [:]
        let listPath = path["config"]["layers"]
        guard let branches = config["layers"]?.array, branches.count > 1 else {
            throw Serialized.wrong("a list of at least two models", config["layers"], at: listPath)
        }
        var sources: [ConfigValue] = []
        for (index, branch) in branches.enumerated() {
            // The same model given twice is written twice.
            if let known = graph.branches.first(where: { $0.json == branch }) {
                sources.append(known.output)
                continue
            }
            let output = try self.branch(branch, in: &graph, at: listPath[index])
            graph.branches.append((branch, output))
            sources.append(output)
        }
        var merge = config
        merge.removeValue(forKey: "layers")
        return upgrade.addMerge(merge, nil, calledOn: sources, to: &graph)
    }

    private mutating func branch(
        _ item: ConfigValue, in graph: inout Keras1Graph, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        let (className, config) = try classAndConfig(item, at: path)
        switch (className, config) {
        case ("Sequential", .array(let items)): return try chain(items, in: &graph, at: path["config"])
        case ("Model", .object(let object)), ("Container", .object(let object)):
            let outputs = try add(object, to: &graph, at: path["config"])
            guard outputs.count == 1 else {
                throw Serialized.wrong("a model with one output", object["output_layers"], at: path["config"]["output_layers"])
            }
            return outputs[0]
        default: return try chain([item], in: &graph, at: path)
        }
    }

    // MARK: - Functional

    private mutating func functional(_ config: ConfigObject, at path: JSONPath) throws(LocatedError) -> Model {
        var graph = Keras1Graph()
        graph.outputs = try add(config, to: &graph, at: path)
        // One layer more, and Keras sorts anew.
        let count = config["layers"]?.array?.count
        graph.sort(isNeeded: graph.layers.count != count)
        var result = graph.config
        if let name = config["name"] { result["name"] = name }
        return (["class_name": "Model", "config": .object(result)], graph.origins)
    }

    /// Adds all layers of a functional model, and its inputs.
    ///
    /// - Returns: its outputs.
    private mutating func add(
        _ config: ConfigObject, to graph: inout Keras1Graph, at path: JSONPath
    ) throws(LocatedError) -> [ConfigValue] {
        let listPath = path["layers"]
        guard let items = config["layers"]?.array else { throw Serialized.wrong("a list of layers", config["layers"], at: listPath) }
        for (index, item) in items.enumerated() {
            let here = listPath[index]
            guard let object = item.object else { throw Serialized.wrong("a layer, an object", item, at: here) }
            let nodes = object["inbound_nodes"]
            if object["class_name"] == "Merge", let settings = object["config"]?.object, let calls = nodes?.array, calls.count == 1,
                let sources = calls[0].array
            {
                var settings = settings
                if let name = object["name"] { settings["name"] = name }
                _ = upgrade.addMerge(settings, item, calledOn: sources, to: &graph)
                continue
            }
            let (json, origin) = try layer(item, named: object["name"]?.string, isFirst: false, at: here)
            var entry: ConfigObject = [:]
            entry["name"] = object["name"]
            entry["class_name"] = json["class_name"]
            entry["config"] = json["config"]
            entry["inbound_nodes"] = nodes
            graph.layers.append(.object(entry))
            graph.origins.append(origin)
        }
        for (key, isInput) in [("input_layers", true), ("output_layers", false)] {
            guard let ends = config[key]?.array else { throw Serialized.wrong("a list of [layer, node, tensor]", config[key], at: path[key]) }
            if isInput { graph.inputs += ends.filter { !graph.inputs.contains($0) } }
        }
        return config["output_layers"]?.array ?? []
    }
}
