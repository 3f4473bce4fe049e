package import Graphs
import Tensors

/// Finds chains of ops that a single sample can go through a few rows at a time (`RowBands`).
///
/// A chain ends where an array is handed on to more than one op, or is smaller than the one before and no larger than the one behind: that is what is
/// written to memory and read again.
package enum Banding {
    /// The graph with chains in bands; shapes are concrete.
    ///
    /// - Parameter leastBytes: of the largest array within a chain; smaller ones stay in a cache anyway.
    package static func run(_ graph: Graph, leastBytes: Int = 786_432, extent: BandExtent = BandExtent()) -> Graph {
        let chains = Chains(graph, leastBytes)
        guard !chains.found.isEmpty else { return graph }
        var inner: Set<Int> = []
        var ends: [Int: [Int]] = [:]
        for chain in chains.found {
            inner.formUnion(chain.dropLast())
            if let last = chain.last { ends[last] = chain }
        }
        return graph.rebuilt(
            with: graph.nodes.indices.compactMap { position in
                if inner.contains(position) { return nil }
                return ends[position].map { chains.node($0, extent) } ?? graph.nodes[position]
            })
    }
}

private struct Chains {
    private let graph: Graph
    /// Positions of nodes, in order.
    private(set) var found: [[Int]] = []

    init(_ graph: Graph, _ leastBytes: Int) {
        self.graph = graph
        let isFixed = graph.fixedValues()
        let readers = graph.readers()
        let handedOut = Set(graph.outputs + graph.updates.map(\.value))
        var chains: [[Int]] = []
        var chainOf: [Value: Int] = [:]
        for (position, node) in graph.nodes.enumerated() where isRowWise(node, isFixed) {
            // The value that the chain before it hands on to nobody else.
            if let chain = chainOf[node.inputs[0]], readers[node.inputs[0].id].count == 1, !handedOut.contains(node.inputs[0]) {
                chains[chain].append(position)
                chainOf[node.outputs[0]] = chain
            } else {
                chainOf[node.outputs[0]] = chains.count
                chains.append([position])
            }
        }
        for chain in chains {
            var part: [Int] = []
            for (place, position) in chain.enumerated() {
                part.append(position)
                let size = bytes(graph.nodes[position].outputs[0])
                let isLeast =
                    place + 1 < chain.count && size < bytes(graph.nodes[position].inputs[0])
                    && size <= bytes(graph.nodes[chain[place + 1]].outputs[0])
                guard isLeast || place + 1 == chain.count else { continue }
                let largest = part.dropLast().map { bytes(graph.nodes[$0].outputs[0]) }.max() ?? 0
                if part.count > 1 && largest >= leastBytes { found.append(part) }
                part = []
            }
        }
    }

    private func bytes(_ value: Value) -> Int { concrete(value)?.byteCount ?? 0 }

    private func concrete(_ value: Value) -> ConcreteInfo? {
        graph.info(value).shape.concrete.map { ConcreteInfo($0, graph.info(value).dtype) }
    }

    private func isRowWise(_ node: Node, _ isFixed: [Bool]) -> Bool {
        guard node.outputs.count == 1, let first = node.inputs.first, !isFixed[first.id], let output = concrete(node.outputs[0]),
            output.shape.rank >= 3, output.shape[0] == 1, output.byteCount > 0
        else { return false }
        let inputs = node.inputs.compactMap(concrete)
        guard inputs.count == node.inputs.count, inputs[0].shape.rank >= 3, inputs[0].shape[0] == 1 else { return false }
        let site = Site(
            phase: .inference, inputs: inputs, outputs: [output], constantInputs: node.inputs.map { isFixed[$0.id] },
            wantsGradient: node.inputs.map { _ in false })
        return node.op.bound(to: site).rowWise != nil
    }

    /// A chain as one node, in the place of its last.
    func node(_ chain: [Int], _ extent: BandExtent) -> Node {
        var inputs = chain.first.map { [graph.nodes[$0].inputs[0]] } ?? []
        let links = chain.map { position -> RowBands.Link in
            let node = graph.nodes[position]
            let others = node.inputs.dropFirst().map { value -> Int in
                if let place = inputs.firstIndex(of: value) { return place }
                inputs.append(value)
                return inputs.count - 1
            }
            guard let output = concrete(node.outputs[0]) else { preconditionFailure("extents were known") }
            return RowBands.Link(op: node.op, others: others, output: output)
        }
        let labels = chain.map { graph.nodes[$0].label }.filter { !$0.isEmpty }
        let label = labels.count > 1 ? "\(labels[0]) … \(labels[labels.count - 1])" : labels.first ?? ""
        return Node(op: RowBands(links: links, extent: extent), inputs: inputs, outputs: chain.last.map { graph.nodes[$0].outputs } ?? [], label: label)
    }
}
