import KerasSpec
import OrderedCollections
import Tensors

/// How the layers of a functional model of Keras 3 are called: `inbound_nodes` of `{"args": […], "kwargs": {…}}`.
///
/// Calls count from 0 within `args`; in the model's inputs and outputs, those of a nested functional model count from 1.
struct Keras3Graph {
    /// The calls of each layer, in the order of `layers`.
    private(set) var calls: [[LayerCall]] = []
    private var indexOf: [String: Int] = [:]
    private let layers: [LayerSpec]

    init(layers: [LayerSpec], items: [ConfigValue], at path: JSONPath) throws(LocatedError) {
        self.layers = layers
        for (index, layer) in layers.enumerated() { indexOf[layer.name] = index }
        for (index, item) in items.enumerated() {
            let nodesPath = path[index]["inbound_nodes"]
            let value = item.object?["inbound_nodes"]
            guard let nodes = value?.array else { throw Serialized.wrong("a list of calls", value, at: nodesPath) }
            var calls: [LayerCall] = []
            for (number, node) in nodes.enumerated() { calls.append(try call(node, at: nodesPath[number])) }
            if calls.isEmpty, layers[index].className == "InputLayer" { calls = [LayerCall()] }
            self.calls.append(calls)
        }
        for (index, calls) in calls.enumerated() {
            for (number, call) in calls.enumerated() {
                for tensor in call.tensors { try requireCall(tensor, at: path[index]["inbound_nodes"][number]) }
            }
        }
        try refuseCycles(at: path)
    }

    private func call(_ node: ConfigValue, at path: JSONPath) throws(LocatedError) -> LayerCall {
        guard let object = node.object, let arguments = object["args"]?.array else {
            throw Serialized.wrong("a call with args and kwargs", node, at: path)
        }
        guard let keywords = object["kwargs"]?.object else {
            throw Serialized.wrong("keyword arguments, an object", object["kwargs"], at: path["kwargs"])
        }
        var call = LayerCall()
        for (index, argument) in arguments.enumerated() { call.arguments.append(try nest(argument, at: path["args"][index])) }
        for (key, value) in keywords {
            let nest = try nest(value, at: path["kwargs"][key])
            if case .constant(let constant) = nest {
                // `predict` and `fit` say themselves whether they train, whatever was noted here; null is what is left alone.
                if key == "training" || (key.hasSuffix("mask") && Self.isNothing(constant)) { continue }
            }
            call.keywords[key] = nest
        }
        return call
    }

    /// Null, or nulls in a list, as a mask of several inputs without one.
    private static func isNothing(_ value: ConfigValue) -> Bool {
        value.isNull || value.array.map { !$0.isEmpty && $0.allSatisfy(isNothing) } ?? false
    }

    private func nest(_ value: ConfigValue, at path: JSONPath) throws(LocatedError) -> Nest {
        switch value {
        case .array(let items):
            var nests: [Nest] = []
            for (index, item) in items.enumerated() { nests.append(try nest(item, at: path[index])) }
            return nests.allSatisfy { $0.tensors.isEmpty } && !nests.isEmpty ? .constant(value) : .list(nests)
        case .object(let object) where object["class_name"] == "__keras_tensor__":
            let path = path["config"]["keras_history"]
            let history = object["config"]?.object?["keras_history"]
            guard let parts = history?.array, parts.count == 3 else {
                throw Serialized.wrong("[layer, call, output]", history, at: path)
            }
            return .tensor(try reference(parts, first: 0, at: path))
        case .object(let object) where object["class_name"] == nil || object["config"] == nil:
            var nests: OrderedDictionary<String, Nest> = [:]
            for (key, item) in object { nests[key] = try nest(item, at: path[key]) }
            return nests.values.allSatisfy { $0.tensors.isEmpty } ? .constant(value) : .dictionary(nests)
        default: return .constant(value)
        }
    }

    private func reference(_ parts: [ConfigValue], first: Int, at path: JSONPath) throws(LocatedError) -> TensorReference {
        guard let name = parts[0].string else { throw Serialized.wrong("a layer's name", parts[0], at: path[0]) }
        guard indexOf[name] != nil else {
            throw LocatedError(
                .invalid, "graph.layer", "expected the name of a layer of this model, got \(quoted(name))",
                at: [path[0].description])
        }
        guard let node = parts[1].integer, node >= first else {
            throw Serialized.wrong("the number of a call, at least \(first)", parts[1], at: path[1])
        }
        guard let tensor = parts[2].integer, tensor >= 0 else {
            throw Serialized.wrong("the number of an output", parts[2], at: path[2])
        }
        return TensorReference(layer: name, node: node - first, tensor: tensor)
    }

    /// The model's inputs or outputs: `[layer, call, output]`, or lists and objects of them.
    func ends(_ value: ConfigValue?, at path: JSONPath) throws(LocatedError) -> Nest {
        switch value {
        case .array(let parts)? where parts.count == 3 && parts[0].string != nil:
            let isNested = parts[0].string.flatMap { indexOf[$0] }.map { layers[$0].model?.value.kind == .functional } ?? false
            // Keras 3.0 to 3.2 read the calls of nested models from 0, whatever they write.
            let first = isNested && parts[1].integer != 0 ? 1 : 0
            let reference = try reference(parts, first: first, at: path)
            try requireCall(reference, at: path)
            return .tensor(reference)
        case .array(let items)?:
            var nests: [Nest] = []
            for (index, item) in items.enumerated() { nests.append(try ends(item, at: path[index])) }
            return .list(nests)
        case .object(let object)?:
            var nests: OrderedDictionary<String, Nest> = [:]
            for (key, item) in object { nests[key] = try ends(item, at: path[key]) }
            return .dictionary(nests)
        default: throw Serialized.wrong("[layer, call, output], or lists or objects of them", value, at: path)
        }
    }

    private func requireCall(_ reference: TensorReference, at path: JSONPath) throws(LocatedError) {
        let count = indexOf[reference.layer].map { calls[$0].count } ?? 0
        guard reference.node < count else {
            throw LocatedError(
                .invalid, "graph.node",
                "expected a call of \(quoted(reference.layer)) that the model makes, got number \(reference.node) of \(count)",
                at: [path.description])
        }
    }

    /// Every call must come after the calls whose outputs it takes.
    private func refuseCycles(at path: JSONPath) throws(LocatedError) {
        var waiting: [TensorReference: Int] = [:]
        var readers: [TensorReference: [TensorReference]] = [:]
        var ready: [TensorReference] = []
        for (index, calls) in calls.enumerated() {
            for (number, call) in calls.enumerated() {
                let node = TensorReference(layer: layers[index].name, node: number)
                let sources = Set(call.tensors.map { TensorReference(layer: $0.layer, node: $0.node) })
                waiting[node] = sources.count
                for source in sources { readers[source, default: []].append(node) }
                if sources.isEmpty { ready.append(node) }
            }
        }
        while let node = ready.popLast() {
            waiting[node] = nil
            for reader in readers[node] ?? [] {
                waiting[reader, default: 1] -= 1
                if waiting[reader] == 0 { ready.append(reader) }
            }
        }
        guard let left = waiting.keys.min(by: { ($0.layer, $0.node) < ($1.layer, $1.node) }) else { return }
        throw LocatedError(
            .invalid, "graph.cycle",
            "expected calls that follow one another, got a cycle in which \(quoted(left.layer)) waits for itself",
            at: [path[indexOf[left.layer] ?? 0]["inbound_nodes"][left.node].description])
    }
}
