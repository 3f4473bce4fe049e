import Tensors

/// Joins neighbours where an op knows how to (`Op.absorbing`), until no pair is left that does.
///
/// A pair qualifies when the producer has one output, which only one input of one consumer reads and which is neither an
/// output nor an update of the graph.
package enum Fusion {
    package static func run(_ graph: Graph, for phase: Phase) -> Graph {
        var pairs = Pairs(graph, phase)
        while pairs.sweep() {}
        return graph.rebuilt(with: pairs.nodes.compactMap(\.self))
    }
}

private struct Pairs {
    let graph: Graph
    let phase: Phase
    /// By position; nil where a node went into another.
    var nodes: [Node?]
    /// By value: positions of reading inputs.
    var readers: [[Int]]
    /// By value: the position of the node that makes it, -1 for what is there from the start.
    var madeAt: [Int]
    /// Values that the graph hands out.
    var handedOut: [Bool]

    init(_ graph: Graph, _ phase: Phase) {
        self.graph = graph
        self.phase = phase
        nodes = graph.nodes
        readers = graph.readers()
        madeAt = [Int](repeating: -1, count: graph.infos.count)
        handedOut = [Bool](repeating: false, count: graph.infos.count)
        for (position, node) in graph.nodes.enumerated() {
            for output in node.outputs { madeAt[output.id] = position }
        }
        for value in graph.outputs { handedOut[value.id] = true }
        for update in graph.updates { handedOut[update.value.id] = true }
    }

    /// Goes once through all nodes. Returns whether anything was joined.
    mutating func sweep() -> Bool {
        var changed = false
        for position in nodes.indices {
            while join(at: position) { changed = true }
        }
        return changed
    }

    /// Joins the node at `position` with its reader if it can be.
    private mutating func join(at position: Int) -> Bool {
        guard let producer = nodes[position], producer.outputs.count == 1 else { return false }
        let link = producer.outputs[0]
        guard !handedOut[link.id], readers[link.id].count == 1 else { return false }
        let readerPosition = readers[link.id][0]
        guard let consumer = nodes[readerPosition], let place = consumer.inputs.firstIndex(of: link) else { return false }
        var others = consumer.inputs
        others.remove(at: place)
        let fused = producer.op.absorbing(
            consumer.op, at: place, others: others.map(graph.info),
            othersAreConstant: others.allSatisfy(graph.isFixed), phase: phase) ?? sum(producer, consumer, others)
        guard let fused else { return false }

        let node = Node(
            op: fused, inputs: producer.inputs + others, outputs: consumer.outputs,
            label: joined(producer.label, consumer.label))
        checkShapes(of: node, joining: producer, consumer)
        // As early as its inputs allow: what the producer read is then free sooner.
        let target = others.allSatisfy { madeAt[$0.id] < position } ? position : readerPosition
        nodes[position] = nil
        nodes[readerPosition] = nil
        nodes[target] = node
        for input in producer.inputs { moveReader(of: input, from: position, to: target) }
        for other in others { moveReader(of: other, from: readerPosition, to: target) }
        for output in node.outputs { madeAt[output.id] = target }
        readers[link.id] = []
        return true
    }

    /// The producer with what is added to its output, when the consumer does just that.
    private func sum(_ producer: Node, _ consumer: Node, _ others: [Value]) -> (any Op)? {
        let info = graph.info(producer.outputs[0])
        guard phase == .inference, consumer.op.isSum, others.count == 1, !graph.isFixed(others[0]), info.shape.concrete != nil,
            graph.info(others[0]) == info
        else { return nil }
        return producer.op.adding(input: producer.inputs.count)
    }

    private mutating func moveReader(of value: Value, from old: Int, to new: Int) {
        guard let index = readers[value.id].firstIndex(of: old) else { return }
        readers[value.id][index] = new
    }

    /// `conv2d_1+activation_1`: a profile tells whose work it timed.
    private func joined(_ first: String, _ second: String) -> String {
        if first.isEmpty || first == second { return second }
        return second.isEmpty ? first : "\(first)+\(second)"
    }

    /// A fused op that changes what the consumer gave is our bug.
    private func checkShapes(of node: Node, joining producer: Node, _ consumer: Node) {
        let infos = try? node.op.outputs(for: node.inputs.map(graph.info))
        precondition(
            infos == node.outputs.map(graph.info),
            "\(producer.op.name) and \(consumer.op.name) give other shapes as \(node.op.name)")
    }
}
