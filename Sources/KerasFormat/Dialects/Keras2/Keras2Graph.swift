import KerasSpec
import OrderedCollections
import Tensors

/// How the layers of a functional model are called, from `inbound_nodes`.
///
/// Each call is a list of `[layer, node, tensor, keyword arguments]`. `node` counts the calls of a layer within the model
/// from 0, those of a nested model from 1, since a model counts its own making as a call.
struct Keras2Graph {
    /// The calls of each layer, in the order of `layers`.
    private(set) var calls: [[LayerCall]] = []
    private var indexOf: [String: Int] = [:]
    private let layers: [LayerSpec]

    /// Classes whose further inputs are initial states, which Keras 3 takes by name.
    static let recurrentClasses: Set<String> = [
        "RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM2D", "CuDNNLSTM", "CuDNNGRU", "Bidirectional",
    ]

    /// Calls that were read in another way: holds them against each other as any.
    init(layers: [LayerSpec], calls: [[LayerCall]], at path: JSONPath) throws(LocatedError) {
        self.layers = layers
        self.calls = calls
        for (index, layer) in layers.enumerated() { indexOf[layer.name] = index }
        try checkReferences(at: path)
        try refuseCycles(at: path)
    }

    init(layers: [LayerSpec], items: [ConfigValue], at path: JSONPath) throws(LocatedError) {
        self.layers = layers
        for (index, layer) in layers.enumerated() { indexOf[layer.name] = index }
        for (index, item) in items.enumerated() {
            let nodesPath = path[index]["inbound_nodes"]
            let value = item.object?["inbound_nodes"]
            guard let nodes = value?.array else { throw Serialized.wrong("a list of calls", value, at: nodesPath) }
            var calls: [LayerCall] = []
            for (number, node) in nodes.enumerated() {
                calls.append(try call(node, of: layers[index], at: nodesPath[number]))
            }
            if calls.isEmpty, layers[index].className == "InputLayer" { calls = [LayerCall()] }
            self.calls.append(calls)
        }
        try checkReferences(at: path)
        try refuseCycles(at: path)
    }

    private func call(_ node: ConfigValue, of layer: LayerSpec, at path: JSONPath) throws(LocatedError) -> LayerCall {
        guard let entries = node.array, !entries.isEmpty else {
            throw Serialized.wrong("a list of inputs", node, at: path)
        }
        var tensors: [Nest] = []
        var keywords: ConfigObject = [:]
        for (index, entry) in entries.enumerated() {
            guard let parts = entry.array, parts.count == 3 || parts.count == 4 else {
                throw Serialized.wrong("an input as [layer, node, tensor, keyword arguments]", entry, at: path[index])
            }
            tensors.append(.tensor(try reference(parts, at: path[index])))
            guard parts.count == 4 else { continue }
            guard let object = parts[3].object else {
                throw Serialized.wrong("keyword arguments, an object", parts[3], at: path[index][3])
            }
            keywords = object
        }
        var call = LayerCall(arguments: [tensors.count == 1 ? tensors[0] : .list(tensors)])
        if Self.recurrentClasses.contains(layer.className), tensors.count > 1 {
            var states = Array(tensors.dropFirst())
            let given = layer.config["num_constants"]?.integer ?? 0
            guard given >= 0, given <= states.count else {
                throw LocatedError(
                    .invalid, "graph.constants", "expected \(given) constants after the input, got \(states.count) tensors",
                    at: [path.description])
            }
            let constants = Array(states.suffix(given))
            states.removeLast(given)
            call.arguments = [tensors[0]]
            if !states.isEmpty { call.keywords["initial_state"] = .list(states) }
            if !constants.isEmpty { call.keywords["constants"] = .list(constants) }
        }
        for (key, value) in keywords { call.keywords[key] = .constant(value) }
        return call
    }

    private func reference(_ parts: [ConfigValue], at path: JSONPath) throws(LocatedError) -> TensorReference {
        guard let name = parts[0].string else { throw Serialized.wrong("a layer's name", parts[0], at: path[0]) }
        guard let index = indexOf[name] else {
            throw LocatedError(
                .invalid, "graph.layer", "expected the name of a layer of this model, got \(quoted(name))",
                at: [path[0].description])
        }
        let first = layers[index].model == nil ? 0 : 1
        guard let node = parts[1].integer, node >= first else {
            throw Serialized.wrong("the number of a call, at least \(first)", parts[1], at: path[1])
        }
        guard let tensor = parts[2].integer, tensor >= 0 else {
            throw Serialized.wrong("the number of an output", parts[2], at: path[2])
        }
        return TensorReference(layer: name, node: node - first, tensor: tensor)
    }

    /// The model's inputs or outputs: a list of `[layer, node, tensor]`.
    func ends(_ value: ConfigValue?, at path: JSONPath) throws(LocatedError) -> Nest {
        guard let items = value?.array else { throw Serialized.wrong("a list of [layer, node, tensor]", value, at: path) }
        var tensors: [Nest] = []
        for (index, item) in items.enumerated() {
            guard let parts = item.array, parts.count == 3 else {
                throw Serialized.wrong("[layer, node, tensor]", item, at: path[index])
            }
            let reference = try reference(parts, at: path[index])
            try requireCall(reference, at: path[index])
            tensors.append(.tensor(reference))
        }
        return .list(tensors)
    }

    private func checkReferences(at path: JSONPath) throws(LocatedError) {
        for (index, calls) in calls.enumerated() {
            for (number, call) in calls.enumerated() {
                for tensor in call.tensors {
                    try requireCall(tensor, at: path[index]["inbound_nodes"][number])
                }
            }
        }
    }

    /// Refuses a tensor of a call that the model doesn't make.
    func requireCall(_ reference: TensorReference, at path: JSONPath) throws(LocatedError) {
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
        struct Node: Hashable {
            var layer: Int
            var number: Int
        }
        var waiting: [Node: Int] = [:]
        var readers: [Node: [Node]] = [:]
        var ready: [Node] = []
        for (layer, calls) in calls.enumerated() {
            for (number, call) in calls.enumerated() {
                let node = Node(layer: layer, number: number)
                let sources = Set(call.tensors.compactMap { tensor in
                    indexOf[tensor.layer].map { Node(layer: $0, number: tensor.node) }
                })
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
        guard let left = waiting.keys.min(by: { ($0.layer, $0.number) < ($1.layer, $1.number) }) else { return }
        throw LocatedError(
            .invalid, "graph.cycle",
            "expected calls that follow one another, got a cycle in which \(quoted(layers[left.layer].name)) waits for itself",
            at: [path[left.layer]["inbound_nodes"][left.number].description])
    }
}

extension LayerCall {
    /// All tensors of the arguments and keyword arguments, in order.
    var tensors: [TensorReference] { arguments.flatMap(\.tensors) + keywords.values.flatMap(\.tensors) }
}
