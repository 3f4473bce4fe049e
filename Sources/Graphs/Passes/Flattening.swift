import Tensors

/// Lets concatenations read the parts of others (`Op.isFlattened`) where no array has to be put together for anybody else then: dense
/// blocks, each of whose steps looks at all that came before.
///
/// That is so where all other readers of the inner one do the same, but for one that it takes over (`Op.absorbing`).
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
        for (position, node) in graph.nodes.enumerated() {
            let inputs = node.inputs.flatMap { value -> [Value] in
                guard madeAt[value.id] >= 0, !handedOut.contains(value) else { return [value] }
                let inner = result.nodes[madeAt[value.id]]
                guard node.op.isFlattened(over: inner.op) else { return [value] }
                let others = readers[value.id].filter { !graph.nodes[$0].op.isFlattened(over: inner.op) }
                guard others.count <= 1, others.allSatisfy({ absorbs(inner.op, graph.nodes[$0], value, graph) }) else { return [value] }
                return inner.inputs
            }
            result.nodes[position].inputs = inputs
        }
        return DeadNodeRemoval.run(result)
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
