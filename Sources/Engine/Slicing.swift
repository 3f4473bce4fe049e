package import Graphs
import Tensors

/// Runs parts of a graph a few samples at a time, from the first op to the last, so that what lies between stays in a cache
/// instead of going to memory and back.
///
/// A part is a run of neighbouring nodes that treat samples alike and apart (`Op.isSampleWise`) and whose weights are small enough to
/// be read again for every slice. It becomes one node (`SampleSlices`).
package enum Slicing {
    /// Bytes of a part's weights, at most. What is prepared of them may be four times as much.
    private static let mostWeights = 300_000
    /// The same for parts whose nodes read and write at least twice as much for each sample: weights are read in order and asked for ahead,
    /// which is faster than writing and reading what lies between.
    private static let mostWeightsOfBusyParts = 800_000
    /// The same for eight times as much.
    private static let mostWeightsOfBusiestParts = 1_000_000
    /// There is nothing to gain for fewer slices, and threads would have too little to share.
    private static let leastSlices = 4

    /// The graph with parts in slices; shapes are concrete.
    ///
    /// - Parameters:
    ///   - wantedTraffic: bytes that a node should read and write for one slice.
    ///   - leastTraffic: below so many bytes for all samples, everything stays in a cache anyway.
    package static func run(_ graph: Graph, wantedTraffic: Int = 524_288, leastTraffic: Int = 2_097_152) -> Graph {
        // Values that are the same in every run; what makes them needn't stand between the nodes of a part.
        let isFixed = graph.fixedValues()
        let fixed = Set(graph.infos.indices.lazy.filter { isFixed[$0] }.map(Value.init(id:)))
        var nodes: [Node] = []
        var part = Part(wantedTraffic: wantedTraffic, leastTraffic: leastTraffic)
        func close() {
            if let sliced = part.node(of: graph, fixed) { nodes.append(sliced) } else { nodes += part.nodes }
            part = Part(wantedTraffic: wantedTraffic, leastTraffic: leastTraffic)
        }
        for node in graph.nodes {
            if !node.outputs.isEmpty && node.outputs.allSatisfy(fixed.contains) {
                nodes.append(node)
                continue
            }
            if part.takes(node, of: graph, fixed) { continue }
            close()
            if !part.takes(node, of: graph, fixed) { nodes.append(node) }
        }
        close()
        return graph.rebuilt(with: nodes)
    }

    private struct Part {
        let (wantedTraffic, leastTraffic): (Int, Int)
        var nodes: [Node] = []
        private var batch: Int?
        private var weights = 0
        /// Bytes of a sample that the nodes read and write.
        private var traffic = 0
        private var weightsRead: Set<Value> = []

        init(wantedTraffic: Int, leastTraffic: Int) {
            (self.wantedTraffic, self.leastTraffic) = (wantedTraffic, leastTraffic)
        }

        /// Puts a node behind the others, if it fits to them.
        mutating func takes(_ node: Node, of graph: Graph, _ fixed: Set<Value>) -> Bool {
            let infos = node.inputs.map(graph.info)
            guard node.op.isSampleWise(inputs: infos), let first = node.inputs.first, !fixed.contains(first),
                let samples = graph.info(first).shape[0], samples == batch ?? samples
            else { return false }
            var added = 0
            for (value, info) in zip(node.inputs, infos) {
                guard let shape = info.shape.concrete, info.dtype == .float32 else { return false }
                if fixed.contains(value) {
                    added += weightsRead.contains(value) ? 0 : shape.count * 4
                } else if shape.rank < 2 || shape[0] != samples {
                    return false
                }
            }
            for value in node.outputs {
                guard let shape = graph.info(value).shape.concrete, graph.info(value).dtype == .float32, shape.rank >= 2,
                    shape[0] == samples
                else { return false }
            }
            let moved = (node.inputs.filter { !fixed.contains($0) } + node.outputs).reduce(0) { sum, value in
                sum + (graph.info(value).shape.concrete?.count ?? 0) * 4 / max(1, samples)
            }
            let most =
                switch (traffic + moved) / max(1, weights + added) {
                case 8...: Slicing.mostWeightsOfBusiestParts
                case 2...: Slicing.mostWeightsOfBusyParts
                default: Slicing.mostWeights
                }
            guard weights + added <= most else { return false }
            weights += added
            traffic += moved
            weightsRead.formUnion(node.inputs.filter(fixed.contains))
            batch = samples
            nodes.append(node)
            return true
        }

        /// The part as one node; nil when it isn't worth it.
        func node(of graph: Graph, _ weights: Set<Value>) -> Node? {
            guard nodes.count > 1, let batch, batch >= Slicing.leastSlices else { return nil }
            func bytes(_ value: Value) -> Int { (graph.info(value).shape.concrete?.count ?? 0) * 4 }
            let traffic = nodes.map { node in
                (node.inputs.filter { !weights.contains($0) } + node.outputs).reduce(0) { $0 + bytes($1) }
            }
            guard let most = traffic.max(), most >= leastTraffic else { return nil }
            let wanted = max(1, min(batch / Slicing.leastSlices, wantedTraffic / max(1, most / batch)))
            guard let size = (1...wanted).last(where: { batch % $0 == 0 }) else { return nil }

            let made = Set(nodes.flatMap(\.outputs))
            let own = Set(nodes.indices.map { nodes[$0].outputs[0] })
            var read: [Value] = [], fixed: [Value] = []
            for value in nodes.flatMap(\.inputs) where !made.contains(value) {
                if weights.contains(value) {
                    if !fixed.contains(value) { fixed.append(value) }
                } else if !read.contains(value) {
                    read.append(value)
                }
            }
            let outside = Set(
                graph.nodes.filter { !own.contains($0.outputs[0]) }.flatMap(\.inputs) + graph.outputs + graph.updates.map(\.value))
            let handedOut = nodes.flatMap(\.outputs).filter(outside.contains)
            // Ops may rely on alignment.
            guard (read + handedOut).allSatisfy({ bytes($0) / batch * size % 64 == 0 }) else { return nil }
            guard let slice = slice(graph, size, read, fixed, handedOut), let plan = try? InferencePlan(graph: slice) else {
                return nil
            }
            let op = SampleSlices(plan: plan, slices: batch / size, results: handedOut.map(graph.info))
            let labels = nodes.map(\.label).filter { !$0.isEmpty }
            let label = labels.count > 1 ? "\(labels[0]) … \(labels[labels.count - 1])" : labels.first ?? ""
            return Node(op: op, inputs: read + fixed, outputs: handedOut, label: label)
        }

        /// The graph of one slice: weights are its parameters, numbered behind the inputs.
        private func slice(_ graph: Graph, _ size: Int, _ read: [Value], _ fixed: [Value], _ handedOut: [Value]) -> Graph? {
            var builder = GraphBuilder()
            var values: [Value: Value] = [:]
            func sliced(_ value: Value) -> ValueInfo {
                var info = graph.info(value)
                info.shape[0] = size
                return info
            }
            for value in read { values[value] = builder.input(sliced(value)) }
            for (index, value) in fixed.enumerated() {
                values[value] = builder.parameter(read.count + index, graph.info(value))
            }
            for node in nodes {
                let inputs = node.inputs.compactMap { values[$0] }
                guard inputs.count == node.inputs.count,
                    let outputs = try? builder.apply(node.op, to: inputs, label: node.label),
                    zip(outputs, node.outputs).allSatisfy({ builder.graph.info($0) == sliced($1) })
                else { return nil }
                for (own, other) in zip(node.outputs, outputs) { values[own] = other }
            }
            return builder.finish(outputs: handedOut.compactMap { values[$0] })
        }
    }
}
