package import Graphs
package import Tensors

/// How to run a graph forward: ops bound to shapes, memory laid out, steps in order. Immutable; any number of sessions on
/// any threads share it.
///
/// Nodes that depend on weights and constants alone run once for each version of the weights (`PreparedWeights`), not in
/// every run. Parameters in `Graph.updates` are state: each session keeps its own.
package final class InferencePlan: Sendable {
    package let inputs: [ConcreteInfo]
    package let outputs: [ConcreteInfo]
    /// The parameters that the graph reads or updates, by index in the model's table.
    package let parameters: [Int: ConcreteInfo]
    /// The parameters that runs update, in the order of `Graph.updates`.
    package let states: [Int]
    /// Bytes of a session's arena, and of what is prepared for a version of the weights.
    package let arenaByteCount: Int
    package let preparedByteCount: Int
    /// Floating-point operations of a run.
    package let cost: Double

    let nodes: [BoundNode]
    let layout: FrameLayout
    let constants: [Tensor]
    /// By node: whether it runs when weights are prepared.
    let isFolded: [Bool]
    let steps: [Step]
    /// Outputs that no node writes where the caller wants them, then states.
    let endSteps: [Step]
    let inputSlots: [[Int]]
    let outputSlots: [[Int]]
    let stateOffsets: [Int: Int]
    let stateByteCount: Int

    /// Throws when an extent is unknown or memory is beyond counting.
    ///
    /// - Parameter graph: run as it is: `Graph.optimized(for:)` comes before.
    package init(graph: Graph) throws(LocatedError) {
        let infos = try graph.concreteInfos()
        inputs = graph.inputs.map { infos[$0.id] }
        outputs = graph.outputs.map { infos[$0.id] }
        states = graph.updates.map(\.parameter)

        // Bind, and see what is the same in every run with the same weights.
        var isFixed = infos.indices.map { graph.isFixed(Value(id: $0)) }
        var nodes: [BoundNode] = []
        var isFolded: [Bool] = []
        for node in graph.nodes {
            let fixedInputs = node.inputs.map { isFixed[$0.id] }
            let site = Site(
                phase: .inference, inputs: node.inputs.map { infos[$0.id] }, outputs: node.outputs.map { infos[$0.id] },
                constantInputs: fixedInputs, wantsGradient: node.inputs.map { _ in false })
            let bound = BoundNode(node, site)
            let folds = bound.alias == nil && !fixedInputs.isEmpty && !fixedInputs.contains(false)
            if folds { for output in node.outputs { isFixed[output.id] = true } }
            if let alias = bound.alias { isFixed[node.outputs[0].id] = fixedInputs[alias] }
            nodes.append(bound)
            isFolded.append(folds)
        }
        self.nodes = nodes
        self.isFolded = isFolded
        cost = zip(nodes, isFolded).reduce(0) { $1.1 ? $0 : $0 + $1.0.cost }

        // Who shares memory with whom, and when.
        let end = nodes.count
        let handedOut = graph.outputs.map { ($0.id, end) } + graph.updates.map { ($0.value.id, end) }
        let liveness = Liveness(nodes, infos, owned: isFixed.map { !$0 }, extraReads: handedOut)
        var pieces = liveness.storages

        // Outputs are written where the caller wants them when they have memory of their own size to themselves.
        var locations = [Location?](repeating: nil, count: infos.count)
        var storageLocations = [Location?](repeating: nil, count: pieces.count)
        for (index, output) in graph.outputs.enumerated() {
            guard let storage = liveness.storage[output.id], storageLocations[storage] == nil,
                pieces[storage].byteCount == infos[output.id].byteCount
            else { continue }
            storageLocations[storage] = .output(index)
            pieces[storage].byteCount = 0
        }

        let scratch = nodes.indices.map { node in
            let areas = [nodes[node].memory.forwardScratch, nodes[node].memory.saved]
            return areas.map { size in
                pieces.append(Piece(size, Interval(node, node)))
                return pieces.count - 1
            }
        }
        var updates = Updates(graph, liveness, infos)
        updates.reserveStaging(in: &pieces, at: end)
        let arena = try ArenaLayout(pieces)
        arenaByteCount = arena.byteCount

        var prepared = Stack()
        var stateStack = Stack()
        var stateOffsets: [Int: Int] = [:]
        var parameters: [Int: ConcreteInfo] = [:]
        for update in graph.updates where stateOffsets[update.parameter] == nil {
            stateOffsets[update.parameter] = try stateStack.push(infos[update.value.id].byteCount)
            parameters[update.parameter] = infos[update.value.id]
        }
        var constants: [Tensor] = []
        for (id, origin) in graph.origins.enumerated() {
            switch origin {
            case .input(let index): locations[id] = .input(index)
            case .parameter(let index):
                locations[id] = stateOffsets[index].map(Location.state) ?? .parameter(index)
                parameters[index] = infos[id]
            case .constant(let tensor):
                locations[id] = .constant(constants.count)
                constants.append(tensor)
            case .node(let node, _):
                if isFolded[node] {
                    locations[id] = .prepared(try prepared.push(infos[id].byteCount))
                } else if let storage = liveness.storage[id] {
                    locations[id] = storageLocations[storage] ?? .arena(arena.offsets[storage])
                }
            }
        }
        for (id, root) in liveness.root.enumerated() where root != id { locations[id] = locations[root] }
        self.constants = constants
        self.parameters = parameters
        self.stateOffsets = stateOffsets
        stateByteCount = stateStack.byteCount

        // Pointers and steps.
        var layout = FrameLayout()
        let nowhere = layout.list([Location?](repeating: nil, count: nodes.map { max($0.inputs.count, $0.outputs.count) }.max() ?? 0))
        let never = layout.flagList([Bool](repeating: false, count: nodes.map(\.inputs.count).max() ?? 0))
        var steps: [Step] = []
        for (index, node) in nodes.enumerated() {
            var slots = NodeSlots(inputGradients: nowhere, outputGradients: nowhere, accumulates: never)
            slots.inputs = layout.list(node.inputs.map { locations[$0] })
            slots.outputs = layout.list(node.outputs.map { locations[$0] })
            slots.forwardScratch = layout.slot(.arena(arena.offsets[scratch[index][0]]))
            slots.saved = layout.slot(.arena(arena.offsets[scratch[index][1]]))
            slots.backwardScratch = slots.forwardScratch
            slots.prepared = layout.slot(.prepared(try prepared.push(node.memory.prepared)))
            slots.forwardAreas = [
                Area(slot: slots.forwardScratch, byteCount: node.memory.forwardScratch),
                Area(slot: slots.saved, byteCount: node.memory.saved),
            ]
            for (place, output) in node.outputs.enumerated() where liveness.isFresh(output, at: index) {
                slots.forwardAreas.append(Area(slot: slots.outputs + place, byteCount: infos[output].byteCount))
            }
            layout.nodes.append(slots)
            if !isFolded[index] { steps += node.forwardSteps(as: index) }
        }
        self.steps = steps
        preparedByteCount = prepared.byteCount

        var endSteps: [Step] = []
        for (index, output) in graph.outputs.enumerated() where locations[output.id] != .output(index) {
            endSteps.append(
                .copy(
                    from: layout.slot(locations[output.id]), to: layout.slot(.output(index)),
                    byteCount: infos[output.id].byteCount))
        }
        endSteps += updates.steps(&layout, locations, arena) { .state(stateOffsets[$0]!) }
        self.endSteps = endSteps
        inputSlots = layout.slots(count: inputs.count) { if case .input(let index) = $0 { index } else { nil } }
        outputSlots = layout.slots(count: outputs.count) { if case .output(let index) = $0 { index } else { nil } }
        self.layout = layout
    }
}
