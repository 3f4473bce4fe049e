package import Graphs
package import Tensors

/// How to run a graph forward and then backward. The reverse schedule is fixed here: nothing is recorded while running.
/// Immutable; any number of sessions share it.
///
/// Values that backward reads stay where they are until then; gradients have places in the same arena, by the same rules.
/// Gradients of parameters and inputs have memory of their own, which lasts.
package final class TrainingPlan: Sendable {
    package let inputs: [ConcreteInfo]
    package let outputs: [ConcreteInfo]
    /// The parameters that the graph reads or updates, by index in the model's table.
    package let parameters: [Int: ConcreteInfo]
    /// The parameters that get a gradient: those asked for that the graph reads, in the order asked for. Zero where no
    /// differentiated output depends on one.
    package let differentiatedParameters: [Int]
    /// The inputs that get a gradient, as asked for.
    package let differentiatedInputs: [Int]
    /// The outputs whose gradients backward takes, in this order.
    package let differentiatedOutputs: [Int]
    /// Bytes of a session's arena, and of the gradients of parameters and inputs.
    package let arenaByteCount: Int
    package let gradientByteCount: Int
    /// Floating-point operations of a forward.
    package let cost: Double

    let nodes: [BoundNode]
    let layout: FrameLayout
    let constants: [Tensor]
    let forwardSteps: [Step]
    let backwardSteps: [Step]
    /// New values of parameters, after backward.
    let updateSteps: [Step]
    let inputSlots: [[Int]]
    let cotangentSlots: [[Int]]
    /// Where each output is to be found.
    let outputSlots: [Int]
    /// In the order of `differentiatedParameters`, then of `differentiatedInputs`.
    let gradientOffsets: [Int]

    /// Throws when an extent is unknown, memory is beyond counting, or a gradient is asked of something that is not float32.
    ///
    /// - Parameters:
    ///   - graph: run as it is: `Graph.optimized(for:)` comes before.
    ///   - wanted: parameters to differentiate by, as indices in the model's table.
    ///   - wantedInputs: inputs to differentiate by.
    ///   - differentiated: outputs to differentiate; default: all that are float32.
    package init(
        graph: Graph, parameters wanted: [Int], inputs wantedInputs: [Int] = [], outputs differentiated: [Int]? = nil
    ) throws(LocatedError) {
        let infos = try graph.concreteInfos()
        let count = graph.nodes.count
        let end = 2 * count
        func backwardTime(_ node: Int) -> Int { Differentiation.time(ofBackward: node, of: count) }

        inputs = graph.inputs.map { infos[$0.id] }
        outputs = graph.outputs.map { infos[$0.id] }
        let outputPlaces = differentiated ?? outputs.indices.filter { [outputs] in outputs[$0].dtype == .float32 }
        var parameterValues: [Int: Value] = [:]
        for (id, origin) in graph.origins.enumerated() {
            if case .parameter(let index) = origin { parameterValues[index] = Value(id: id) }
        }
        let wantedParameters = wanted.filter { parameterValues[$0] != nil }
        let leaves = wantedParameters.map { parameterValues[$0]! } + wantedInputs.map { graph.inputs[$0] }
        for value in leaves + outputPlaces.map({ graph.outputs[$0] }) where infos[value.id].dtype != .float32 {
            throw LocatedError(
                .unsupported, "plan.gradient_type", "expected float32 to differentiate, got \(infos[value.id].dtype.rawValue)")
        }
        differentiatedParameters = wantedParameters
        differentiatedInputs = wantedInputs
        differentiatedOutputs = outputPlaces

        let reverse = Differentiation(
            graph, infos, leaves: leaves, differentiated: outputPlaces.map { graph.outputs[$0] })
        let nodes = reverse.nodes
        self.nodes = nodes
        cost = nodes.reduce(0) { $0 + $1.cost }

        // Memory of values: until backward has read them.
        let handedOut = graph.outputs.map { ($0.id, end) } + graph.updates.map { ($0.value.id, end) }
        let liveness = Liveness(
            nodes, infos, owned: [Bool](repeating: true, count: infos.count), extraReads: handedOut + reverse.retainedReads)
        var pieces = liveness.storages

        // Memory of gradients: from the first that writes to the maker of the value. Those of leaves last.
        var gradients = Stack()
        var leafOffsets: [Int: Int] = [:]
        for leaf in leaves where leafOffsets[leaf.id] == nil {
            leafOffsets[leaf.id] = try gradients.push(infos[leaf.id].byteCount)
        }
        gradientOffsets = leaves.map { leafOffsets[$0.id]! }
        gradientByteCount = gradients.byteCount
        var gradientPieces = [Int?](repeating: nil, count: infos.count)
        for id in infos.indices {
            guard reverse.root[id] == id, leafOffsets[id] == nil, reverse.onlyCotangent(of: id) == nil,
                let first = reverse.firstWrite[id], case .node(let maker, _) = graph.origins[id]
            else { continue }
            gradientPieces[id] = pieces.count
            pieces.append(Piece(infos[id].byteCount, Interval(first, backwardTime(maker))))
        }

        var areas = NodeAreas()
        for (index, node) in nodes.enumerated() {
            let whole = Interval(index, reverse.runs[index] ? backwardTime(index) : index)
            areas.saved.append(pieces.append(node.memory.saved, whole))
            areas.prepared.append(pieces.append(node.memory.prepared, whole))
            areas.forward.append(pieces.append(node.memory.forwardScratch, Interval(index, index)))
            let backward = Interval(backwardTime(index), backwardTime(index))
            areas.backward.append(pieces.append(reverse.runs[index] ? node.memory.backwardScratch : 0, backward))
            areas.aside.append(
                node.inputs.enumerated().map { place, input in
                    reverse.isRepeated[index][place] ? pieces.append(infos[input].byteCount, backward) : nil
                })
        }
        var updates = Updates(graph, liveness, infos)
        updates.reserveStaging(in: &pieces, at: end)
        let arena = try ArenaLayout(pieces)
        arenaByteCount = arena.byteCount

        // Locations of values and gradients.
        var locations = [Location?](repeating: nil, count: infos.count)
        var parameters: [Int: ConcreteInfo] = [:]
        for update in graph.updates { parameters[update.parameter] = infos[update.value.id] }
        var constants: [Tensor] = []
        for (id, origin) in graph.origins.enumerated() {
            switch origin {
            case .input(let index): locations[id] = .input(index)
            case .parameter(let index):
                locations[id] = .parameter(index)
                parameters[index] = infos[id]
            case .constant(let tensor):
                locations[id] = .constant(constants.count)
                constants.append(tensor)
            case .node: locations[id] = liveness.storage[id].map { .arena(arena.offsets[$0]) }
            }
        }
        for (id, root) in liveness.root.enumerated() where root != id { locations[id] = locations[root] }
        self.constants = constants
        self.parameters = parameters

        func gradient(_ value: Int) -> Location? {
            guard reverse.hasGradient(value) else { return nil }
            let root = reverse.root[value]
            if let offset = leafOffsets[root] { return .gradient(offset) }
            if let place = reverse.onlyCotangent(of: root) { return .cotangent(place) }
            return gradientPieces[root].map { .arena(arena.offsets[$0]) }
        }

        // Pointers and steps.
        var layout = FrameLayout()
        var forwardSteps: [Step] = []
        for (index, node) in nodes.enumerated() {
            var slots = NodeSlots()
            slots.inputs = layout.list(node.inputs.map { locations[$0] })
            slots.outputs = layout.list(node.outputs.map { locations[$0] })
            slots.saved = layout.slot(.arena(arena.offsets[areas.saved[index]]))
            slots.prepared = layout.slot(.arena(arena.offsets[areas.prepared[index]]))
            slots.forwardScratch = layout.slot(.arena(arena.offsets[areas.forward[index]]))
            slots.backwardScratch = layout.slot(.arena(arena.offsets[areas.backward[index]]))
            slots.outputGradients = layout.list(node.outputs.map(gradient))
            slots.inputGradients = layout.list(
                node.inputs.enumerated().map { place, input in
                    guard reverse.runs[index], reverse.wants[index][place] else { return nil }
                    return areas.aside[index][place].map { .arena(arena.offsets[$0]) } ?? gradient(input)
                })
            slots.accumulates = layout.flagList(reverse.accumulates[index])

            slots.forwardAreas = [
                Area(slot: slots.saved, byteCount: node.memory.saved),
                Area(slot: slots.forwardScratch, byteCount: node.memory.forwardScratch),
            ]
            for (place, output) in node.outputs.enumerated() where liveness.isFresh(output, at: index) {
                slots.forwardAreas.append(Area(slot: slots.outputs + place, byteCount: infos[output].byteCount))
            }
            if reverse.runs[index] {
                slots.backwardAreas = [Area(slot: slots.backwardScratch, byteCount: node.memory.backwardScratch)]
                for (place, input) in node.inputs.enumerated()
                where reverse.wants[index][place] && !reverse.accumulates[index][place] {
                    slots.backwardAreas.append(
                        Area(slot: slots.inputGradients + place, byteCount: infos[input].byteCount))
                }
            }
            layout.nodes.append(slots)
            forwardSteps += node.forwardSteps(as: index)
        }
        self.forwardSteps = forwardSteps

        var backwardSteps: [Step] = []
        for (id, places) in reverse.cotangents.enumerated()
        where !places.isEmpty && reverse.onlyCotangent(of: id) == nil {
            let target = layout.slot(gradient(id))
            for (number, place) in places.enumerated() {
                let source = layout.slot(.cotangent(place))
                backwardSteps.append(
                    number == 0
                        ? .copy(from: source, to: target, byteCount: infos[id].byteCount)
                        : .add(from: source, to: target, count: infos[id].shape.count))
            }
        }
        for (index, node) in nodes.enumerated().reversed() where reverse.runs[index] {
            backwardSteps += node.backwardSteps(as: index)
            for (place, input) in node.inputs.enumerated() where reverse.isRepeated[index][place] {
                backwardSteps.append(
                    .add(
                        from: layout.nodes[index].inputGradients + place, to: layout.slot(gradient(input)),
                        count: infos[input].shape.count))
            }
        }
        self.backwardSteps = backwardSteps
        updateSteps = updates.steps(&layout, locations, arena) { .parameter($0) }
        outputSlots = graph.outputs.map { layout.slot(locations[$0.id]) }
        inputSlots = layout.slots(count: inputs.count) { if case .input(let index) = $0 { index } else { nil } }
        cotangentSlots = layout.slots(count: outputPlaces.count) {
            if case .cotangent(let place) = $0 { place } else { nil }
        }
        self.layout = layout
    }
}

/// The pieces that nodes have besides inputs and outputs, by node.
private struct NodeAreas {
    var saved: [Int] = []
    var prepared: [Int] = []
    var forward: [Int] = []
    var backward: [Int] = []
    /// By input: the piece that takes a gradient aside.
    var aside: [[Int?]] = []
}

extension [Piece] {
    /// Appends a piece and returns its index.
    fileprivate mutating func append(_ byteCount: Int, _ interval: Interval) -> Int {
        append(Piece(byteCount, interval))
        return count - 1
    }
}
