import Graphs
package import Tensors

/// The memory in which a training plan runs. For one thread at a time.
///
/// A step is `forward`, then `backward`: neither allocates or throws when given pointers. Between steps the caller changes
/// the parameters where they lie.
package final class TrainingSession {
    package let plan: TrainingPlan
    package let parameters: ParameterBuffers
    /// Gradients by place in `plan.differentiatedParameters`: written by every `backward`.
    package let parameterGradients: [UnsafeMutableRawPointer]
    /// Gradients by place in `plan.differentiatedInputs`.
    package let inputGradients: [UnsafeMutableRawPointer]
    private let arena: Block
    private let gradients: Block
    /// Inputs, then gradients of outputs.
    private let staging: Staging
    private let runner: Runner
    private let poisons: Bool
    /// Backward reads inputs, so they are kept from forward on.
    private var keptInputs: [Tensor] = []
    private var awaitsBackward = false

    /// Throws `plan.parameter` when the buffers don't have what the plan reads, `plan.memory` when there is none.
    ///
    /// - Parameter poisons: fills memory with NaN before it is written, so that what was not written shows.
    package init(
        plan: TrainingPlan, parameters: ParameterBuffers, pool: ThreadPool = .shared, poisons: Bool = isDebug
    ) throws(LocatedError) {
        for (index, expected) in plan.parameters.sorted(by: { $0.key < $1.key }) {
            guard parameters.infos.indices.contains(index), parameters.infos[index] == expected else {
                let got = parameters.infos.indices.contains(index) ? "\(parameters.infos[index].shape)" : "none"
                throw LocatedError(
                    .mismatch, "plan.parameter", "expected \(expected.dtype.rawValue) of shape \(expected.shape), got \(got)",
                    at: ["parameter \(index)"])
            }
        }
        self.plan = plan
        self.parameters = parameters
        self.poisons = poisons
        let arena = try Block(byteCount: plan.arenaByteCount, for: "the arena of a training session")
        let gradients = try Block(byteCount: plan.gradientByteCount, for: "gradients")
        self.arena = arena
        self.gradients = gradients
        gradients.fill(with: 0)
        if poisons { arena.fill(with: UnsafeMutableRawPointer.poison) }
        let pointers = plan.gradientOffsets.map { gradients.start + $0 }
        parameterGradients = Array(pointers.prefix(plan.differentiatedParameters.count))
        inputGradients = Array(pointers.dropFirst(plan.differentiatedParameters.count))

        staging = try Staging(plan.inputs + plan.differentiatedOutputs.map { plan.outputs[$0] })
        runner = try Runner(plan.nodes, plan.layout, pool: pool, poisons: poisons)
        runner.resolve { location in
            switch location {
            case .arena(let offset): arena.start + offset
            case .parameter(let index): parameters.pointers[index]
            case .constant(let index): UnsafeMutableRawPointer(mutating: plan.constants[index].address)
            case .gradient(let offset): gradients.start + offset
            // Set by every step.
            case .input, .cotangent: arena.start
            case .output, .state, .prepared: preconditionFailure("nothing of the kind in training")
            }
        }
    }

    /// Runs forward without allocating anything.
    ///
    /// - Parameters:
    ///   - inputs: as many bytes each as `plan.inputs` says; they stay as they are until `backward` is done. Copied only when
    ///     they are not aligned to 64 bytes.
    ///   - seed, step: the key of random numbers.
    package func forward(inputs: [UnsafeRawPointer], seed: UInt64, step: UInt64) {
        forward(inputs: inputs, seed: seed, step: step, times: nil)
    }

    private func forward(
        inputs: [UnsafeRawPointer], seed: UInt64, step: UInt64, times: UnsafeMutablePointer<UInt64>?
    ) {
        precondition(inputs.count == plan.inputs.count)
        for index in 0..<inputs.count {
            runner.patch(plan.inputSlots[index], staging.read(index, at: inputs[index]))
        }
        runner.setKey(seed: seed, step: step)
        runner.forward(plan.forwardSteps, times: times)
        awaitsBackward = true
    }

    /// Where an output lies from `forward` until the next one.
    package func output(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(runner[plan.outputSlots[index]]) }

    /// Runs backward without allocating anything; then parameters that the graph updates take their new values. Once for
    /// each `forward`.
    ///
    /// - Parameter outputGradients: in the order of `plan.differentiatedOutputs`.
    package func backward(outputGradients: [UnsafeRawPointer]) {
        backward(outputGradients: outputGradients, times: nil)
    }

    private func backward(outputGradients: [UnsafeRawPointer], times: UnsafeMutablePointer<UInt64>?) {
        precondition(awaitsBackward, "backward without forward")
        precondition(outputGradients.count == plan.differentiatedOutputs.count)
        awaitsBackward = false
        for place in 0..<outputGradients.count {
            let address = staging.read(plan.inputs.count + place, at: outputGradients[place])
            runner.patch(plan.cotangentSlots[place], address)
        }
        runner.backward(plan.backwardSteps, times: times)
        runner.backward(plan.updateSteps)
    }
}

extension TrainingSession {
    /// Gradients of one step, copied.
    package struct Gradients: Sendable {
        /// By index in the model's table.
        package var parameters: [Int: Tensor]
        /// In the order of `TrainingPlan.differentiatedInputs`.
        package var inputs: [Tensor]
    }

    /// Runs forward. Throws `plan.input_count` or `plan.input` when the inputs are not what the plan is for.
    package func forward(_ inputs: [Tensor], seed: UInt64 = 0, step: UInt64 = 0) throws(LocatedError) -> [Tensor] {
        try plan.inputs.require(inputs)
        keptInputs = inputs
        forward(inputs: inputs.map(\.address), seed: seed, step: step)
        return plan.outputs.enumerated().map { index, info in
            var tensor = Tensor(copying: output(index), info)
            tensor.ownStrings()
            return tensor
        }
    }

    /// Runs backward. Throws `plan.gradient_count` or `plan.gradient` when a gradient is not like its output.
    ///
    /// - Parameter outputGradients: in the order of `TrainingPlan.differentiatedOutputs`; nil is zero.
    package func backward(_ outputGradients: [Tensor?]) throws(LocatedError) -> Gradients {
        guard outputGradients.count == plan.differentiatedOutputs.count else {
            throw LocatedError(
                .mismatch, "plan.gradient_count",
                "expected \(plan.differentiatedOutputs.count) gradients of outputs, got \(outputGradients.count)")
        }
        var given: [Tensor] = []
        for (output, gradient) in zip(plan.differentiatedOutputs, outputGradients) {
            let expected = plan.outputs[output]
            let tensor = gradient ?? Tensor(zeros: expected.shape)
            try expected.require(tensor, "plan.gradient", at: "output \(output)")
            given.append(tensor)
        }
        withExtendedLifetime(given) { backward(outputGradients: given.map(\.address)) }
        keptInputs = []
        var result = Gradients(parameters: [:], inputs: [])
        for (index, pointer) in zip(plan.differentiatedParameters, parameterGradients) {
            result.parameters[index] = Tensor(copying: pointer, plan.parameters[index]!)
        }
        for (index, pointer) in zip(plan.differentiatedInputs, inputGradients) {
            result.inputs.append(Tensor(copying: pointer, plan.inputs[index]))
        }
        return result
    }

    /// One step, whose time by node is added.
    package func step(
        inputs: [UnsafeRawPointer], outputGradients: [UnsafeRawPointer], seed: UInt64 = 0, step: UInt64 = 0,
        profile: inout Profile
    ) {
        var forwardTimes = [UInt64](repeating: 0, count: plan.nodes.count)
        var backwardTimes = forwardTimes
        forwardTimes.withUnsafeMutableBufferPointer {
            forward(inputs: inputs, seed: seed, step: step, times: $0.baseAddress)
        }
        backwardTimes.withUnsafeMutableBufferPointer {
            backward(outputGradients: outputGradients, times: $0.baseAddress)
        }
        profile.add(plan.nodes, forward: forwardTimes, backward: backwardTimes)
    }
}
