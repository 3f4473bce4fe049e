internal import Engine
internal import Layers
internal import Synchronization
internal import Tensors

// What stateful recurrent layers carry from one batch to the next. Training keeps it among the weights, which it starts from and
// leaves behind; predictions keep it beside them, so that they don't make new weights.
extension Model {
    /// Lets stateful recurrent layers begin with zeros again: Keras's `reset_states`.
    public func resetStates() {
        state.withLock { state in
            state.carried = [:]
            guard let weights = state.weights else { return }
            var tensors = weights.tensors, isChanged = false
            for (index, slot) in weights.table.slots.enumerated() where !slot.slot.isSaved {
                let zeros = Tensor(zeros: slot.slot.shape)
                guard tensors[index] != zeros else { continue }
                tensors[index] = zeros
                isChanged = true
            }
            if isChanged { state.weights = WeightValues(table: weights.table, tensors: tensors) }
        }
    }

    /// Runs a session with the states that the model's last prediction left, and keeps those that this one leaves.
    func run(_ session: Session, on inputs: [Tensor]) throws(LocatedError) -> [Tensor] {
        let states = session.plan.states
        guard !states.isEmpty, let weights = state.withLock({ $0.weights }) else { return try session.run(inputs) }
        let carried = state.withLock { $0.carried }
        for parameter in states where weights.table.slots.indices.contains(parameter) {
            try session.setState(of: parameter, to: carried[parameter] ?? weights.tensors[parameter])
        }
        let outputs = try session.run(inputs)
        let left = states.map { ($0, session.state(of: $0)) }
        state.withLock { state in for (parameter, value) in left { state.carried[parameter] = value } }
        return outputs
    }

    /// The weights, with the states that predictions have made.
    func weightsWithStates() throws(LocatedError) -> WeightValues {
        let weights = try weights()
        let carried = state.withLock { $0.carried }
        guard !carried.isEmpty else { return weights }
        var tensors = weights.tensors
        for (parameter, value) in carried where tensors.indices.contains(parameter) { tensors[parameter] = value }
        return WeightValues(table: weights.table, tensors: tensors)
    }
}
