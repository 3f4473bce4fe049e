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
        inputs = graph.inputs.map { infos[$0.id] }
        outputs = graph.outputs.map { infos[$0.id] }
        let outputPlaces = differentiated ?? graph.outputs.indices.filter { infos[graph.outputs[$0].id].dtype == .float32 }
        var parameterValues: [Int: Value] = [:]
        for (id, origin) in graph.origins.enumerated() {
            if case .parameter(let index) = origin { parameterValues[index] = Value(id: id) }
        }
        differentiatedParameters = wanted.filter { parameterValues[$0] != nil }
        differentiatedInputs = wantedInputs
        differentiatedOutputs = outputPlaces
        let leaves = wanted.compactMap { parameterValues[$0] } + wantedInputs.map { graph.inputs[$0] }
        let roots = outputPlaces.map { graph.outputs[$0] }
        for value in leaves + roots where infos[value.id].dtype != .float32 {
            throw LocatedError(
                .unsupported, "plan.gradient_type", "expected float32 to differentiate, got \(infos[value.id].dtype.rawValue)")
        }

        let reverse = Differentiation(graph, infos, leaves: leaves, differentiated: roots)
        let memory = try TrainingMemory(graph, infos, reverse, leaves: leaves)
        nodes = reverse.nodes
        cost = nodes.reduce(0) { $0 + $1.cost }
        arenaByteCount = memory.arena.byteCount
        gradientByteCount = memory.gradients.byteCount
        gradientOffsets = leaves.map { memory.gradientOffsets[$0.id]! }
        parameters = memory.leaves.parameters
        constants = memory.leaves.constants

        var layout = FrameLayout()
        for index in nodes.indices { layout.nodes.append(memory.slots(of: index, reverse, infos, &layout)) }
        forwardSteps = nodes.enumerated().flatMap { $1.forwardSteps(as: $0) }
        backwardSteps = memory.backwardSteps(reverse, infos, &layout)
        updateSteps = memory.updates.steps(&layout, memory.locations, memory.arena) { .parameter($0) }
        outputSlots = graph.outputs.map { layout.slot(memory.locations[$0.id]) }
        inputSlots = layout.slots(count: inputs.count, where: \.input)
        cotangentSlots = layout.slots(count: outputPlaces.count, where: \.cotangent)
        self.layout = layout
    }
}
