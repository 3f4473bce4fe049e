package import Graphs
package import Tensors

/// Runs a graph node by node, each through `OpRunner` with memory of its own: the slow truth about plans.
package enum GraphInterpreter {
    /// What a run of a graph gave.
    package struct Result {
        package var outputs: [Tensor]
        /// New values in the order of `Graph.updates`.
        package var updates: [Tensor]
        /// By parameter, where one was wanted.
        package var parameterGradients: [Int: Tensor]
        package var inputGradients: [Tensor]
    }

    /// - Parameter outputGradients: runs backward too when given, for every parameter and input.
    package static func run(
        _ graph: Graph, inputs: [Tensor], parameters: [Tensor] = [], outputGradients: [Tensor]? = nil,
        seed: UInt64 = 0, step: UInt64 = 0
    ) throws -> Result {
        let phase: Phase = outputGradients == nil ? .inference : .training
        var values = graph.origins.map { origin -> Tensor? in
            switch origin {
            case .input(let index): inputs[index]
            case .parameter(let index): parameters[index]
            case .constant(let tensor): tensor
            case .node: nil
            }
        }
        for node in graph.nodes {
            let run = try OpRunner.run(
                node.op, node.inputs.map { values[$0.id]! }, phase: phase,
                constantInputs: node.inputs.map { phase == .inference && graph.isFixed($0) },
                wantsGradient: node.inputs.map { _ in false }, seed: seed, step: step)
            for (output, tensor) in zip(node.outputs, run.outputs) { values[output.id] = tensor }
        }
        var result = Result(
            outputs: graph.outputs.map { values[$0.id]! }, updates: graph.updates.map { values[$0.value.id]! },
            parameterGradients: [:], inputGradients: [])
        guard let outputGradients else { return result }

        var gradients = [Tensor?](repeating: nil, count: values.count)
        func add(_ tensor: Tensor, to value: Value) {
            guard let old = gradients[value.id] else { return gradients[value.id] = tensor }
            gradients[value.id] = Tensor(zip(old.floats, tensor.floats).map(+), shape: tensor.shape)
        }
        for (output, gradient) in zip(graph.outputs, outputGradients) { add(gradient, to: output) }
        for node in graph.nodes.reversed() where node.outputs.contains(where: { gradients[$0.id] != nil }) {
            let run = try OpRunner.run(
                node.op, node.inputs.map { values[$0.id]! },
                outputGradients: node.outputs.map { gradients[$0.id] }, seed: seed, step: step)
            for (input, gradient) in zip(node.inputs, run.inputGradients) {
                if let gradient { add(gradient, to: input) }
            }
        }
        func gradient(_ value: Value) -> Tensor { gradients[value.id] ?? Tensor(zeros: values[value.id]!.shape) }
        for (id, origin) in graph.origins.enumerated() {
            if case .parameter(let index) = origin { result.parameterGradients[index] = gradient(Value(id: id)) }
        }
        result.inputGradients = graph.inputs.map(gradient)
        return result
    }
}
