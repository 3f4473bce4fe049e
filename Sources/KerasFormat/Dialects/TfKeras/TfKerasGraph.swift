import KerasSpec
import OrderedCollections
import Tensors

/// How the layers of a functional model are called, from `inbound_nodes` of tf.keras.
///
/// A call's first argument is a tensor, or tensors in lists and objects; each is `[layer, node, tensor, keyword arguments]`,
/// all with the same keyword arguments. Among those, tensors are `[layer, node, tensor]`. A number in a tensor's place is
/// `["_CONSTANT_VALUE", -1, value, keyword arguments]`. `node` counts the calls of a layer within the model from 0, those of a
/// nested model that begins with its input from 1.
///
/// Source: `reconstruct_from_config` of `tf_keras/src/engine/functional.py`, `Node.serialize` of `engine/node.py` 2.21.
struct TfKerasGraph {
    /// The calls of each layer, in the order of `layers`.
    let calls: [[LayerCall]]
    private let layers: [LayerSpec]
    private let indexOf: [String: Int]
    private let graph: Keras2Graph

    /// In a tensor's place where a number stands.
    static let constant = "_CONSTANT_VALUE"

    /// Classes whose calls take tensors as they are given: a list of one stays a list.
    static let operationClasses: Set<String> = ["TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"]

    init(layers: [LayerSpec], items: [ConfigValue], at path: JSONPath) throws(LocatedError) {
        self.layers = layers
        var indexOf: [String: Int] = [:]
        for (index, layer) in layers.enumerated() { indexOf[layer.name] = index }
        self.indexOf = indexOf
        let reader = NodeReader(layers: layers, indexOf: indexOf)
        var calls: [[LayerCall]] = []
        for (index, item) in items.enumerated() {
            let nodesPath = path[index]["inbound_nodes"]
            let value = item.object?["inbound_nodes"]
            guard let nodes = value?.array else { throw Serialized.wrong("a list of calls", value, at: nodesPath) }
            var own: [LayerCall] = []
            for (number, node) in nodes.enumerated() {
                own.append(try reader.call(node, of: layers[index], at: nodesPath[number]))
            }
            if own.isEmpty, layers[index].className == "InputLayer" { own = [LayerCall()] }
            calls.append(own)
        }
        self.calls = calls
        graph = try Keras2Graph(layers: layers, calls: calls, at: path)
    }

    /// What a model's calls count from: a model that begins with its input counts its own making.
    static func firstNode(of layer: LayerSpec) -> Int {
        layer.model?.value.layers.first?.className == "InputLayer" ? 1 : 0
    }

    /// The model's inputs or outputs: `[layer, node, tensor]` in lists and objects.
    func ends(_ value: ConfigValue?, at path: JSONPath) throws(LocatedError) -> Nest {
        guard let value else { throw Serialized.wrong("a list of [layer, node, tensor]", nil, at: path) }
        let reader = NodeReader(layers: layers, indexOf: indexOf)
        let nest = try reader.tensors(value, at: path) { _, _ in }
        for tensor in nest.tensors { try graph.requireCall(tensor, at: path) }
        return nest
    }
}

/// Reads one call.
private struct NodeReader {
    let layers: [LayerSpec]
    let indexOf: [String: Int]
    /// Deeper nests are nobody's.
    private static let deepest = 32

    init(layers: [LayerSpec], indexOf: [String: Int]) {
        self.layers = layers
        self.indexOf = indexOf
    }

    func call(_ node: ConfigValue, of layer: LayerSpec, at path: JSONPath) throws(LocatedError) -> LayerCall {
        var keywords: ConfigObject = [:]
        var keywordsPath = path
        var first = try tensors(node, at: path) { given, path in
            // All tensors of a call say the same.
            if keywords.isEmpty { (keywords, keywordsPath) = (given, path) }
        }
        let isOperation = TfKerasGraph.operationClasses.contains(layer.className)
        if case .list(let items) = first, items.count == 1, !isOperation { first = items[0] }
        if case .list(let items) = first, items.isEmpty {
            throw Serialized.wrong("a list of inputs", node, at: path)
        }
        var call = LayerCall(arguments: [first])
        let isRecurrent = Keras2Graph.recurrentClasses.contains(layer.className)
        if isRecurrent, case .list(let items) = first, items.count > 1 {
            try separateStates(items, of: layer, in: &call, at: path)
        }
        for (key, value) in keywords {
            // Bidirectional says null beside the states that stand behind the input.
            if value.isNull, isRecurrent, key == "initial_state" || key == "constants" { continue }
            call.keywords[key] = try argument(value, at: keywordsPath[key], depth: 0)
        }
        return call
    }

    /// Initial states and constants that stand behind the input.
    private func separateStates(
        _ items: [Nest], of layer: LayerSpec, in call: inout LayerCall, at path: JSONPath
    ) throws(LocatedError) {
        var states = Array(items.dropFirst())
        let given = layer.config["num_constants"]?.integer ?? 0
        guard given >= 0, given <= states.count else {
            throw LocatedError(
                .invalid, "graph.constants", "expected \(given) constants after the input, got \(states.count) tensors",
                at: [path.description])
        }
        let constants = Array(states.suffix(given))
        states.removeLast(given)
        call.arguments = [items[0]]
        if !states.isEmpty { call.keywords["initial_state"] = .list(states) }
        if !constants.isEmpty { call.keywords["constants"] = .list(constants) }
    }

    /// Tensors in lists and objects; `found` hears the keyword arguments that stand with each.
    func tensors(
        _ value: ConfigValue, at path: JSONPath, depth: Int = 0, _ found: (ConfigObject, JSONPath) -> Void
    ) throws(LocatedError) -> Nest {
        guard depth < Self.deepest else { throw tooDeep(at: path) }
        if case .object(let object) = value {
            var items: OrderedDictionary<String, Nest> = [:]
            for (key, item) in object { items[key] = try tensors(item, at: path[key], depth: depth + 1, found) }
            return .dictionary(items)
        }
        guard let items = value.array else {
            throw Serialized.wrong("an input as [layer, node, tensor, keyword arguments]", value, at: path)
        }
        guard let name = items.first?.string else {
            var nests: [Nest] = []
            for (index, item) in items.enumerated() {
                nests.append(try tensors(item, at: path[index], depth: depth + 1, found))
            }
            return .list(nests)
        }
        guard items.count == 3 || items.count == 4 else {
            throw Serialized.wrong("an input as [layer, node, tensor, keyword arguments]", value, at: path)
        }
        if items.count == 4 {
            guard let object = items[3].object else {
                throw Serialized.wrong("keyword arguments, an object", items[3], at: path[3])
            }
            found(object, path[3])
        }
        if name == TfKerasGraph.constant { return .constant(items[2]) }
        return .tensor(try reference(items, at: path))
    }

    /// A keyword argument: a constant unless there is a tensor in it.
    private func argument(_ value: ConfigValue, at path: JSONPath, depth: Int) throws(LocatedError) -> Nest {
        guard depth < Self.deepest else { throw tooDeep(at: path) }
        switch value {
        case .array(let items):
            if isReference(items) { return .tensor(try reference(items, at: path)) }
            var nests: [Nest] = []
            for (index, item) in items.enumerated() { nests.append(try argument(item, at: path[index], depth: depth + 1)) }
            return nests.contains(where: { !$0.tensors.isEmpty }) ? .list(nests) : .constant(value)
        case .object(let object):
            var nests: OrderedDictionary<String, Nest> = [:]
            for (key, item) in object { nests[key] = try argument(item, at: path[key], depth: depth + 1) }
            return nests.values.contains(where: { !$0.tensors.isEmpty }) ? .dictionary(nests) : .constant(value)
        default: return .constant(value)
        }
    }

    private func isReference(_ items: [ConfigValue]) -> Bool {
        guard items.count == 3 || items.count == 4, let name = items[0].string, indexOf[name] != nil else { return false }
        return items[1].integer != nil && items[2].integer != nil
    }

    private func reference(_ parts: [ConfigValue], at path: JSONPath) throws(LocatedError) -> TensorReference {
        guard let name = parts[0].string else { throw Serialized.wrong("a layer's name", parts[0], at: path[0]) }
        guard let index = indexOf[name] else {
            throw LocatedError(
                .invalid, "graph.layer", "expected the name of a layer of this model, got \(quoted(name))",
                at: [path[0].description])
        }
        let first = TfKerasGraph.firstNode(of: layers[index])
        guard let node = parts[1].integer, node >= first else {
            throw Serialized.wrong("the number of a call, at least \(first)", parts[1], at: path[1])
        }
        guard let tensor = parts[2].integer, tensor >= 0 else {
            throw Serialized.wrong("the number of an output", parts[2], at: path[2])
        }
        return TensorReference(layer: name, node: node - first, tensor: tensor)
    }

    private func tooDeep(at path: JSONPath) -> LocatedError {
        LocatedError(
            .invalid, "graph.depth", "expected tensors in at most \(Self.deepest) lists, got more", at: [path.description])
    }
}
