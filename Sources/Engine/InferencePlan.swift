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
    /// By node: whether it runs when weights are prepared.
    let isFolded: [Bool]
    let layout: FrameLayout
    let constants: [Tensor]
    let steps: [Step]
    /// Outputs that no node writes where the caller wants them, then states.
    let endSteps: [Step]
    let inputSlots: [[Int]]
    let outputSlots: [[Int]]
    /// By parameter, in the session's block of states.
    let stateOffsets: [Int: Int]
    let stateByteCount: Int

    /// Throws when an extent is unknown or memory is beyond counting.
    ///
    /// - Parameter graph: run as it is: `Graph.optimized(for:)` comes before.
    package init(graph: Graph) throws(LocatedError) {
        let infos = try graph.concreteInfos()
        let bound = BoundForInference(graph, infos)
        let memory = try InferenceMemory(graph, infos, bound)
        inputs = graph.inputs.map { infos[$0.id] }
        outputs = graph.outputs.map { infos[$0.id] }
        states = graph.updates.map(\.parameter)
        nodes = bound.nodes
        isFolded = bound.isFolded
        cost = zip(nodes, isFolded).reduce(0) { $1.1 ? $0 : $0 + $1.0.cost }
        arenaByteCount = memory.arena.byteCount
        preparedByteCount = memory.prepared.byteCount
        parameters = memory.leaves.parameters
        constants = memory.leaves.constants
        stateOffsets = memory.stateOffsets
        stateByteCount = memory.states.byteCount

        var layout = FrameLayout()
        let most = nodes.map { max($0.inputs.count, $0.outputs.count) }.max() ?? 0
        let noGradients = layout.list([Location?](repeating: nil, count: most))
        let noFlags = layout.flagList([Bool](repeating: false, count: most))
        var steps: [Step] = []
        for (index, node) in nodes.enumerated() {
            var slots = NodeSlots(
                inputGradients: noGradients, outputGradients: noGradients, accumulates: noFlags)
            slots.inputs = layout.list(node.inputs.map { memory.locations[$0] })
            slots.outputs = layout.list(node.outputs.map { memory.locations[$0] })
            slots.forwardScratch = layout.slot(.arena(memory.arena.offsets[memory.scratch[index]]))
            slots.backwardScratch = slots.forwardScratch
            slots.saved = layout.slot(.arena(memory.arena.offsets[memory.saved[index]]))
            slots.prepared = layout.slot(.prepared(memory.preparedOffsets[index]))
            slots.forwardAreas = [
                Area(slot: slots.forwardScratch, byteCount: node.memory.forwardScratch),
                Area(slot: slots.saved, byteCount: node.memory.saved),
            ]
            for (place, output) in node.outputs.enumerated() where memory.liveness.isFresh(output, at: index) {
                slots.forwardAreas.append(Area(slot: slots.outputs + place, byteCount: infos[output].byteCount))
            }
            layout.nodes.append(slots)
            if !isFolded[index] { steps += node.forwardSteps(as: index) }
        }
        self.steps = steps

        var endSteps: [Step] = []
        for (index, output) in graph.outputs.enumerated() where memory.locations[output.id] != .output(index) {
            endSteps.append(
                .copy(
                    from: layout.slot(memory.locations[output.id]), to: layout.slot(.output(index)),
                    byteCount: infos[output.id].byteCount))
        }
        endSteps += memory.updates.steps(&layout, memory.locations, memory.arena) { .state(memory.stateOffsets[$0]!) }
        self.endSteps = endSteps
        inputSlots = layout.slots(count: inputs.count, where: \.input)
        outputSlots = layout.slots(count: outputs.count, where: \.output)
        self.layout = layout
    }
}

/// Ops bound for inference, and what is the same in every run with the same weights.
private struct BoundForInference {
    var nodes: [BoundNode] = []
    var isFolded: [Bool] = []
    /// By value.
    var isFixed: [Bool]

    init(_ graph: Graph, _ infos: [ConcreteInfo]) {
        isFixed = infos.indices.map { graph.isFixed(Value(id: $0)) }
        for node in graph.nodes {
            let fixedInputs = node.inputs.map { isFixed[$0.id] }
            let site = Site(
                phase: .inference, inputs: node.inputs.map { infos[$0.id] }, outputs: node.outputs.map { infos[$0.id] },
                constantInputs: fixedInputs, wantsGradient: node.inputs.map { _ in false })
            let bound = BoundNode(node, site)
            // A node without inputs may draw random numbers.
            let folds = bound.alias == nil && !fixedInputs.isEmpty && !fixedInputs.contains(false)
            if folds { for output in node.outputs { isFixed[output.id] = true } }
            if let alias = bound.alias { isFixed[node.outputs[0].id] = fixedInputs[alias] }
            nodes.append(bound)
            isFolded.append(folds)
        }
    }
}

/// Where everything lies in inference.
private struct InferenceMemory {
    let liveness: Liveness
    let leaves: PlanLeaves
    /// By value.
    var locations: [Location?]
    let arena: ArenaLayout
    /// Pieces by node.
    var scratch: [Int] = []
    var saved: [Int] = []
    var updates: Updates
    var prepared = Stack()
    /// By node.
    var preparedOffsets: [Int] = []
    var states = Stack()
    var stateOffsets: [Int: Int] = [:]

    init(_ graph: Graph, _ infos: [ConcreteInfo], _ bound: BoundForInference) throws(LocatedError) {
        let end = bound.nodes.count
        let handedOut = graph.outputs.map { ($0.id, end) } + graph.updates.map { ($0.value.id, end) }
        liveness = Liveness(bound.nodes, infos, owned: bound.isFixed.map { !$0 }, extraReads: handedOut)
        var pieces = liveness.storages

        // Outputs are written where the caller wants them when they have memory of their own size to themselves.
        var storageLocations = [Location?](repeating: nil, count: pieces.count)
        for (index, output) in graph.outputs.enumerated() {
            guard let storage = liveness.storage[output.id], storageLocations[storage] == nil,
                pieces[storage].byteCount == infos[output.id].byteCount
            else { continue }
            storageLocations[storage] = .output(index)
            pieces[storage].byteCount = 0
        }
        for (index, node) in bound.nodes.enumerated() {
            scratch.append(pieces.append(node.memory.forwardScratch, Interval(index, index)))
            saved.append(pieces.append(node.memory.saved, Interval(index, index)))
            preparedOffsets.append(try prepared.push(node.memory.prepared))
        }
        updates = Updates(graph, liveness, infos)
        updates.reserveStaging(in: &pieces, at: end)
        arena = try ArenaLayout(pieces)

        for update in graph.updates where stateOffsets[update.parameter] == nil {
            stateOffsets[update.parameter] = try states.push(infos[update.value.id].byteCount)
        }
        leaves = PlanLeaves(graph, infos, states: stateOffsets)
        locations = leaves.locations
        for (id, origin) in graph.origins.enumerated() {
            guard case .node(let node, _) = origin else { continue }
            if bound.isFolded[node] {
                locations[id] = .prepared(try prepared.push(infos[id].byteCount))
            } else if let storage = liveness.storage[id] {
                locations[id] = storageLocations[storage] ?? .arena(arena.offsets[storage])
            }
        }
        for (id, root) in liveness.root.enumerated() where root != id { locations[id] = locations[root] }
    }
}
