import KerasSpec
import OrderedCollections
import Tensors

/// A functional model while it is put together, in Keras 2.3's words.
struct Keras1Graph {
    var layers: [ConfigValue] = []
    var origins: [Keras1Structure.Origin] = []
    var inputs: [ConfigValue] = []
    var outputs: [ConfigValue] = []
    /// Models that were merged, with their outputs.
    var branches: [(json: ConfigValue, output: ConfigValue)] = []

    /// Without its name.
    var config: ConfigObject {
        [
            "layers": .array(layers), "input_layers": .array(inputs), "output_layers": .array(outputs),
        ]
    }

    /// A layer that is called once.
    ///
    /// - Returns: its output.
    mutating func add(
        _ json: ConfigObject, _ origin: Keras1Structure.Origin, named given: String? = nil, calledOn sources: [ConfigValue]
    ) -> ConfigValue {
        let isModel = origin.inner != nil
        let name = given ?? json["config"]?.object?["name"]?.string ?? "\((json["class_name"]?.string ?? "layer").lowercased())_\(layers.count + 1)"
        layers.append(
            .object([
                "name": .string(name), "class_name": json["class_name"] ?? .null, "config": json["config"] ?? .null,
                "inbound_nodes": sources.isEmpty ? [] : [.array(sources)],
            ]))
        origins.append(origin)
        // A model counts its own making as a call.
        return [.string(name), .integer(isModel ? 1 : 0), 0]
    }

    /// The input that Keras makes for the first layer of a Sequential.
    mutating func addInput(for json: ConfigObject, at path: JSONPath) throws(LocatedError) -> ConfigValue {
        var first = json
        while Self.isModel(first) {
            let inner = first["config"]?.array ?? first["config"]?.object?["layers"]?.array
            guard let next = inner?.first?.object else { break }
            first = next
        }
        let config = first["config"]?.object ?? [:]
        guard let shape = config["batch_input_shape"], !shape.isNull else {
            throw Serialized.wrong("the shape of the first layer's input", config["batch_input_shape"], at: path["config"]["batch_input_shape"])
        }
        let name = (json["config"]?.object?["name"]?.string ?? "input_\(layers.count + 1)")
        let isInput = json["class_name"] == "InputLayer"
        let inputName = isInput ? name : name + "_input"
        if !isInput {
            layers.append(
                .object([
                    "name": .string(inputName), "class_name": "InputLayer",
                    "config": [
                        "batch_input_shape": shape, "dtype": config["dtype"] ?? "float32", "sparse": false,
                        "name": .string(inputName),
                    ],
                    "inbound_nodes": [],
                ]))
            origins.append(Keras1Structure.Origin())
        }
        let reference: ConfigValue = [.string(inputName), 0, 0]
        if !inputs.contains(reference) { inputs.append(reference) }
        return reference
    }

    /// Puts the layers in the order that Keras gives them, which is that of their weights in files: the farthest from the
    /// outputs first, those equally far as they are met on the way back from the outputs.
    ///
    /// Source: `_map_graph_network` of `keras/engine/network.py` 2.3.1.
    mutating func sort(isNeeded: Bool = true) {
        for index in origins.indices { origins[index].place = index }
        guard isNeeded else { return }
        struct Node: Hashable {
            var layer: Int
            var number: Int
        }
        let indexOf = Dictionary(
            layers.enumerated().compactMap { index, layer in layer.object?["name"]?.string.map { ($0, index) } },
            uniquingKeysWith: { first, _ in first })
        func node(_ reference: ConfigValue) -> Node? {
            guard let parts = reference.array, parts.count > 1, let name = parts[0].string, let layer = indexOf[name],
                let number = parts[1].integer
            else { return nil }
            return Node(layer: layer, number: origins[layer].inner == nil ? number : number &- 1)
        }
        func sources(_ of: Node) -> [Node] {
            let calls = layers[of.layer].object?["inbound_nodes"]?.array ?? []
            return calls.indices.contains(of.number) ? (calls[of.number].array ?? []).compactMap(node) : []
        }
        // Depth first, without the stack of calls that a long chain would need.
        var met: [Int: Int] = [:]
        var finished: [Node] = []
        var begun: Set<Node> = []
        for output in outputs.compactMap(node) {
            var stack: [(node: Node, sources: [Node])] = []
            func begin(_ node: Node) {
                guard begun.insert(node).inserted else { return }
                if met[node.layer] == nil { met[node.layer] = met.count }
                stack.append((node, sources(node).reversed()))
            }
            begin(output)
            while let last = stack.indices.last {
                if let next = stack[last].sources.popLast() { begin(next) } else { finished.append(stack.removeLast().node) }
            }
        }
        var depths: [Int: Int] = [:]
        var nodeDepths: [Node: Int] = [:]
        for node in finished.reversed() {
            let depth = max(nodeDepths[node] ?? 0, depths[node.layer] ?? 0)
            depths[node.layer] = depth
            nodeDepths[node] = depth
            for source in sources(node) { nodeDepths[source] = max(depth + 1, nodeDepths[source] ?? 0) }
        }
        let order = layers.indices.sorted {
            let (a, b) = (depths[$0] ?? -1, depths[$1] ?? -1)
            return a == b ? (met[$0] ?? $0, $0) < (met[$1] ?? $1, $1) : a > b
        }
        layers = order.map { layers[$0] }
        origins = order.map { origins[$0] }
    }

    private static func isModel(_ json: ConfigObject) -> Bool { json["class_name"] == "Sequential" || json["class_name"] == "Model" }
}
