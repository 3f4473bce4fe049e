import Tensors

/// Lets ops read the parts of a concatenation (`Op.flattened`) where no array has to be put together for anybody else then: dense
/// blocks, each of whose steps looks at all that came before; decoders that look at what an encoder left.
///
/// That is so where all other readers do the same, but for one that the concatenation takes over (`Op.absorbing`).
package enum Flattening {
    package static func run(_ graph: Graph) -> Graph {
        let readers = graph.readers()
        var madeAt = [Int](repeating: -1, count: graph.infos.count)
        for (position, node) in graph.nodes.enumerated() {
            for output in node.outputs { madeAt[output.id] = position }
        }
        let handedOut = Set(graph.outputs + graph.updates.map(\.value))
        var result = graph
        // In order, so that what is read has been flattened itself.
        for position in graph.nodes.indices {
            var place = 0
            while place < result.nodes[position].inputs.count {
                let value = result.nodes[position].inputs[place]
                guard madeAt[value.id] >= 0, !handedOut.contains(value) else {
                    place += 1
                    continue
                }
                let maker = result.nodes[madeAt[value.id]]
                let others = readers[value.id].filter { flattened(graph.nodes[$0], value, maker, graph) == nil }
                guard others.count <= 1, others.allSatisfy({ absorbs(maker.op, graph.nodes[$0], value, graph) }),
                    let op = flattened(result.nodes[position], value, maker, graph)
                else {
                    place += 1
                    continue
                }
                result.nodes[position].op = op
                result.nodes[position].inputs.replaceSubrange(place...place, with: maker.inputs)
                place += maker.inputs.count
            }
        }
        return DeadNodeRemoval.run(result)
    }

    private static func flattened(_ node: Node, _ value: Value, _ maker: Node, _ graph: Graph) -> (any Op)? {
        guard let place = node.inputs.firstIndex(of: value) else { return nil }
        return node.op.flattened(
            over: maker.op, at: place, parts: maker.inputs.map(graph.info), inputs: node.inputs.map(graph.info),
            othersAreConstant: node.inputs.indices.allSatisfy { $0 == place || graph.isFixed(node.inputs[$0]) })
    }

    private static func absorbs(_ op: any Op, _ reader: Node, _ value: Value, _ graph: Graph) -> Bool {
        guard let place = reader.inputs.firstIndex(of: value) else { return false }
        var others = reader.inputs
        others.remove(at: place)
        return op.absorbing(
            reader.op, at: place, others: others.map(graph.info), othersAreConstant: others.allSatisfy(graph.isFixed), phase: .inference)
            != nil
    }
}
