import Graphs
package import Tensors

/// The memory in which a plan runs: arena, frames, states. For one thread at a time; plans and weights are shared.
///
/// Inputs are not copied and outputs are written where the caller wants them. After `init`, running allocates only the
/// tensors that it returns.
package final class Session {
    package let plan: InferencePlan
    package private(set) var weights: PreparedWeights
    private let arena: Block
    private let states: Block
    /// Inputs, then outputs.
    private let staging: Staging
    private let runner: Runner
    private let poisons: Bool

    /// Throws when there is no memory.
    ///
    /// - Parameter poisons: fills memory with NaN before it is written, so that what was not written shows.
    package init(
        weights: PreparedWeights, pool: ThreadPool = .shared, poisons: Bool = isDebug
    ) throws(LocatedError) {
        plan = weights.plan
        self.weights = weights
        self.poisons = poisons
        arena = try Block(byteCount: plan.arenaByteCount, for: "the arena of a session")
        states = try Block(byteCount: plan.stateByteCount, for: "the states of a session")
        staging = try Staging(plan.inputs + plan.outputs)
        runner = try Runner(plan.nodes, plan.layout, pool: pool, poisons: poisons)
        if poisons { arena.fill(with: UnsafeMutableRawPointer.poison) }
        use(weights)
        resetStates()
    }

    /// Runs with another version of the weights from now on; states stay.
    package func use(_ weights: PreparedWeights) {
        precondition(weights.plan === plan, "weights prepared for another plan")
        self.weights = weights
        runner.resolve { [plan, arena, states] location in
            switch location {
            case .arena(let offset): arena.start + offset
            case .parameter(let index): UnsafeMutableRawPointer(mutating: weights.parameters[index].address)
            case .constant(let index): UnsafeMutableRawPointer(mutating: plan.constants[index].address)
            case .prepared(let offset): weights.prepared.start + offset
            case .state(let offset): states.start + offset
            // Set by every run.
            case .input, .output: arena.start
            case .gradient, .cotangent: preconditionFailure("no gradients in inference")
            }
        }
    }

    /// Runs once.
    ///
    /// Throws `plan.input_count` or `plan.input` when the inputs are not what the plan is for.
    package func run(_ inputs: [Tensor], seed: UInt64 = 0, step: UInt64 = 0) throws(LocatedError) -> [Tensor] {
        try run(inputs, seed: seed, step: step, times: nil)
    }

    /// Runs once and adds what each node took.
    package func run(
        _ inputs: [Tensor], seed: UInt64 = 0, step: UInt64 = 0, profile: inout Profile
    ) throws(LocatedError) -> [Tensor] {
        var times = [UInt64](repeating: 0, count: plan.nodes.count)
        let outputs = try times.withUnsafeMutableBufferPointer { times throws(LocatedError) in
            try run(inputs, seed: seed, step: step, times: times.baseAddress)
        }
        profile.add(plan.nodes, forward: times)
        return outputs
    }

    private func run(
        _ inputs: [Tensor], seed: UInt64, step: UInt64, times: UnsafeMutablePointer<UInt64>?
    ) throws(LocatedError) -> [Tensor] {
        try plan.inputs.require(inputs)
        var outputs = plan.outputs.map { Tensor(uninitialized: $0.shape, dtype: $0.dtype) }
        let targets = outputs.indices.map { outputs[$0].mutableAddress() }
        withExtendedLifetime(inputs) {
            run(inputs: inputs.map(\.address), outputs: targets, seed: seed, step: step, times: times)
            // Strings belong to the inputs and the plan; what is handed out has its own.
            for index in outputs.indices where outputs[index].dtype == .string { outputs[index].ownStrings() }
        }
        return outputs
    }

    /// Runs once without allocating anything.
    ///
    /// - Parameters:
    ///   - inputs: as many bytes each as `plan.inputs` says. Copied only when they are not aligned to 64 bytes.
    ///   - outputs: likewise; they must not overlap inputs or each other.
    package func run(
        inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer], seed: UInt64 = 0, step: UInt64 = 0
    ) {
        run(inputs: inputs, outputs: outputs, seed: seed, step: step, times: nil)
    }

    private func run(
        inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer], seed: UInt64, step: UInt64,
        times: UnsafeMutablePointer<UInt64>?
    ) {
        precondition(inputs.count == plan.inputs.count && outputs.count == plan.outputs.count)
        for index in 0..<inputs.count {
            runner.patch(plan.inputSlots[index], staging.read(index, at: inputs[index]))
        }
        for index in 0..<outputs.count {
            runner.patch(plan.outputSlots[index], staging.write(inputs.count + index, for: outputs[index]))
        }
        runner.setKey(seed: seed, step: step)
        runner.forward(plan.steps, times: times)
        runner.forward(plan.endSteps)
        for index in 0..<outputs.count { staging.deliver(inputs.count + index, to: outputs[index]) }
    }

    /// What runs have made of a parameter of `plan.states`.
    package func state(of parameter: Int) -> Tensor {
        Tensor(copying: address(of: parameter), plan.parameters[parameter]!)
    }

    /// Throws `plan.state` when the tensor has another shape or type than the parameter.
    package func setState(of parameter: Int, to tensor: Tensor) throws(LocatedError) {
        try plan.parameters[parameter]!.require(tensor, "plan.state", at: "parameter \(parameter)")
        tensor.copyBytes(to: address(of: parameter))
    }

    /// States become what the weights have.
    package func resetStates() {
        for parameter in plan.states { weights.parameters[parameter].copyBytes(to: address(of: parameter)) }
    }

    private func address(of parameter: Int) -> UnsafeMutableRawPointer {
        guard let offset = plan.stateOffsets[parameter] else { preconditionFailure("parameter \(parameter) is no state") }
        return states.start + offset
    }
}

/// Whether this is a debug build: there, memory is poisoned unless the caller says otherwise.
package var isDebug: Bool {
    #if DEBUG
    true
    #else
    false
    #endif
}

extension [ConcreteInfo] {
    /// Throws `plan.input_count` or `plan.input` when tensors are not what a plan is for.
    func require(_ inputs: [Tensor]) throws(LocatedError) {
        guard inputs.count == count else {
            throw LocatedError(.mismatch, "plan.input_count", "expected \(count) inputs, got \(inputs.count)")
        }
        for (index, (expected, input)) in zip(self, inputs).enumerated() {
            try expected.require(input, "plan.input", at: "input \(index)")
        }
    }
}
