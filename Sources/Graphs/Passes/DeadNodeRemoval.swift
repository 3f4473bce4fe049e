/// Drops nodes that neither an output nor an update depends on.
package enum DeadNodeRemoval {
    package static func run(_ graph: Graph) -> Graph {
        var needed = [Bool](repeating: false, count: graph.infos.count)
        for value in graph.outputs { needed[value.id] = true }
        for update in graph.updates { needed[update.value.id] = true }
        var kept: [Node] = []
        for node in graph.nodes.reversed() where node.outputs.contains(where: { needed[$0.id] }) {
            for input in node.inputs { needed[input.id] = true }
            kept.append(node)
        }
        return graph.rebuilt(with: kept.reversed())
    }
}
