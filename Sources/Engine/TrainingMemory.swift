import Graphs
import Tensors

/// Where everything lies in training: values until backward has read them, gradients from the first that writes them to the
/// maker of the value, both in one arena; gradients of leaves in memory that lasts.
struct TrainingMemory {
    let liveness: Liveness
    let leaves: PlanLeaves
    /// By value.
    let locations: [Location?]
    let arena: ArenaLayout
    let updates: Updates
    let gradients: Stack
    /// By leaf whose gradient is wanted.
    let gradientOffsets: [Int: Int]
    /// By root of gradients: its piece of the arena.
    private let gradientPieces: [Int?]
    private let areas: [NodeAreas]

    init(
        _ graph: Graph, _ infos: [ConcreteInfo], _ reverse: Differentiation, leaves wanted: [Value]
    ) throws(LocatedError) {
        let count = reverse.nodes.count
        let end = 2 * count
        let handedOut = graph.outputs.map { ($0.id, end) } + graph.updates.map { ($0.value.id, end) }
        liveness = Liveness(
            reverse.nodes, infos, owned: [Bool](repeating: true, count: infos.count),
            extraReads: handedOut + reverse.retainedReads)
        var pieces = liveness.storages

        var gradients = Stack()
        var offsets: [Int: Int] = [:]
        for leaf in wanted where offsets[leaf.id] == nil {
            offsets[leaf.id] = try gradients.push(infos[leaf.id].byteCount)
        }
        self.gradients = gradients
        gradientOffsets = offsets
        gradientPieces = infos.indices.map { id in
            guard reverse.root[id] == id, reverse.onlyCotangent(of: id) == nil, let first = reverse.firstWrite[id],
                case .node(let maker, _) = graph.origins[id]
            else { return nil }
            let last = Differentiation.time(ofBackward: maker, of: count)
            return pieces.append(infos[id].byteCount, Interval(first, last))
        }
        areas = reverse.nodes.indices.map { NodeAreas($0, reverse, infos, &pieces) }
        var updates = Updates(graph, liveness, infos)
        updates.reserveStaging(in: &pieces, at: end)
        self.updates = updates
        arena = try ArenaLayout(pieces)

        leaves = PlanLeaves(graph, infos)
        var locations = leaves.locations
        for (id, origin) in graph.origins.enumerated() {
            guard case .node = origin, let storage = liveness.storage[id] else { continue }
            locations[id] = .arena(arena.offsets[storage])
        }
        for (id, root) in liveness.root.enumerated() where root != id { locations[id] = locations[root] }
        self.locations = locations
    }

    /// Where the gradient of a value is; nil when it is zero or nobody wants it.
    private func gradient(_ reverse: Differentiation, _ value: Int) -> Location? {
        guard reverse.hasGradient(value) else { return nil }
        let root = reverse.root[value]
        if let offset = gradientOffsets[root] { return .gradient(offset) }
        if let place = reverse.onlyCotangent(of: root) { return .cotangent(place) }
        return gradientPieces[root].map(place)
    }

    private func place(_ piece: Int) -> Location { .arena(arena.offsets[piece]) }

    /// The pointers of a node.
    func slots(
        of index: Int, _ reverse: Differentiation, _ infos: [ConcreteInfo], _ layout: inout FrameLayout
    ) -> NodeSlots {
        let (node, areas) = (reverse.nodes[index], areas[index])
        var slots = NodeSlots()
        slots.inputs = layout.list(node.inputs.map { locations[$0] })
        slots.outputs = layout.list(node.outputs.map { locations[$0] })
        slots.saved = layout.slot(place(areas.saved))
        slots.prepared = layout.slot(place(areas.prepared))
        slots.forwardScratch = layout.slot(place(areas.forwardScratch))
        slots.backwardScratch = layout.slot(place(areas.backwardScratch))
        slots.outputGradients = layout.list(node.outputs.map { gradient(reverse, $0) })
        slots.inputGradients = layout.list(
            node.inputs.enumerated().map { position, input in
                guard reverse.runs[index], reverse.wants[index][position] else { return nil }
                return areas.aside[position].map(place) ?? gradient(reverse, input)
            })
        slots.accumulates = layout.flagList(reverse.accumulates[index])

        slots.forwardAreas = [
            Area(slot: slots.saved, byteCount: node.memory.saved),
            Area(slot: slots.forwardScratch, byteCount: node.memory.forwardScratch),
        ]
        for (position, output) in node.outputs.enumerated() where liveness.isFresh(output, at: index) {
            slots.forwardAreas.append(Area(slot: slots.outputs + position, byteCount: infos[output].byteCount))
        }
        guard reverse.runs[index] else { return slots }
        slots.backwardAreas = [Area(slot: slots.backwardScratch, byteCount: node.memory.backwardScratch)]
        for (position, input) in node.inputs.enumerated()
        where reverse.wants[index][position] && !reverse.accumulates[index][position] {
            slots.backwardAreas.append(Area(slot: slots.inputGradients + position, byteCount: infos[input].byteCount))
        }
        return slots
    }

    /// Gradients from outside that don't stay alone, then nodes in reverse, each with what it put aside.
    func backwardSteps(
        _ reverse: Differentiation, _ infos: [ConcreteInfo], _ layout: inout FrameLayout
    ) -> [Step] {
        var steps: [Step] = []
        for (id, places) in reverse.cotangents.enumerated()
        where !places.isEmpty && reverse.onlyCotangent(of: id) == nil {
            let target = layout.slot(gradient(reverse, id))
            for (number, place) in places.enumerated() {
                let source = layout.slot(.cotangent(place))
                steps.append(
                    number == 0
                        ? .copy(from: source, to: target, byteCount: infos[id].byteCount)
                        : .add(from: source, to: target, count: infos[id].shape.count))
            }
        }
        for (index, node) in reverse.nodes.enumerated().reversed() where reverse.runs[index] {
            steps += node.backwardSteps(as: index)
            for (position, input) in node.inputs.enumerated() where reverse.isRepeated[index][position] {
                steps.append(
                    .add(
                        from: layout.nodes[index].inputGradients + position, to: layout.slot(gradient(reverse, input)),
                        count: infos[input].shape.count))
            }
        }
        return steps
    }
}

/// The pieces that a node has besides inputs and outputs.
private struct NodeAreas {
    let saved: Int
    let prepared: Int
    let forwardScratch: Int
    let backwardScratch: Int
    /// By input: what takes a gradient that is added to another of the same node.
    let aside: [Int?]

    init(_ index: Int, _ reverse: Differentiation, _ infos: [ConcreteInfo], _ pieces: inout [Piece]) {
        let node = reverse.nodes[index]
        let runs = reverse.runs[index]
        let time = Differentiation.time(ofBackward: index, of: reverse.nodes.count)
        let (forward, backward) = (Interval(index, index), Interval(time, time))
        let whole = runs ? Interval(index, time) : forward
        saved = pieces.append(node.memory.saved, whole)
        prepared = pieces.append(node.memory.prepared, whole)
        forwardScratch = pieces.append(node.memory.forwardScratch, forward)
        backwardScratch = pieces.append(runs ? node.memory.backwardScratch : 0, backward)
        var aside: [Int?] = []
        for (position, input) in node.inputs.enumerated() {
            aside.append(reverse.isRepeated[index][position] ? pieces.append(infos[input].byteCount, backward) : nil)
        }
        self.aside = aside
    }
}
