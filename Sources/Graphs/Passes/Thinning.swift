import Tensors

/// Leaves out cells that nobody reads: where all readers of an output go over it with the same strides and look at single cells (the 1 × 1
/// convolutions with strides in which stages of residual networks begin), its maker gives those cells alone (`Op.thinned`), and
/// the readers go over them one by one. From the last node to the first, so that strides move on towards the input.
package enum Thinning {
    package static func run(_ graph: Graph) -> Graph {
        var graph = graph
        let readers = graph.readers()
        var handedOut = Set(graph.outputs)
        handedOut.formUnion(graph.updates.map(\.value))
        /// By position, what comes first.
        var before: [Int: [Node]] = [:]
        for position in graph.nodes.indices.reversed() {
            let maker = graph.nodes[position]
            guard maker.outputs.count == 1, let value = maker.outputs.first, !handedOut.contains(value),
                let skipping = common(readers[value.id], value, graph),
                let thinned = maker.op.thinned(by: skipping[0].strides, inputs: maker.inputs.map(graph.info)),
                let result = thin(maker, thinned, &graph)
            else { continue }
            graph.nodes[position] = result.maker
            before[position] = result.before
            for (reader, skipping) in zip(readers[value.id], skipping) { graph.nodes[reader].op = skipping.op }
        }
        if before.isEmpty { return graph }
        return graph.rebuilt(with: graph.nodes.indices.flatMap { (before[$0] ?? []) + [graph.nodes[$0]] })
    }

    /// What each reader of a value skips, when that is the same for all.
    private static func common(_ readers: [Int], _ value: Value, _ graph: Graph) -> [Skipping]? {
        var all: [Skipping] = []
        for reader in readers {
            let node = graph.nodes[reader]
            guard node.inputs.first == value, !node.inputs.dropFirst().contains(value),
                let skipping = node.op.skipping(inputs: node.inputs.map(graph.info)),
                skipping.strides == all.first?.strides ?? skipping.strides
            else { return nil }
            all.append(skipping)
        }
        return all.isEmpty ? nil : all
    }

    /// The maker's place in the graph, whose output gets its new shape. Nil, and nothing is changed, where a shape rule says no.
    private static func thin(_ maker: Node, _ thinned: Thinned, _ graph: inout Graph) -> (maker: Node, before: [Node])? {
        var (changed, node) = (graph, maker)
        node.op = thinned.op
        var before: [Node] = []
        for (input, op) in thinned.before {
            guard let infos = try? op.outputs(for: [changed.info(maker.inputs[input])]), infos.count == 1 else { return nil }
            let value = Value(id: changed.infos.count)
            changed.infos.append(infos[0])
            // The place is told when the graph is rebuilt.
            changed.origins.append(.node(0, output: 0))
            before.append(Node(op: op, inputs: [maker.inputs[input]], outputs: [value], label: maker.label))
            node.inputs[input] = value
        }
        guard let infos = try? node.op.outputs(for: node.inputs.map(changed.info)), infos.count == 1 else { return nil }
        changed.infos[maker.outputs[0].id] = infos[0]
        graph = changed
        return (node, before)
    }
}
