package import KerasSpec
package import Tensors

/// What an optimizer remembers between steps: hangs on the weights' paths, so that it can move between dialects.
package struct OptimizerState: Sendable {
    /// Steps made.
    package var iterations: Int
    /// By kind, then by `PlacedSlot.path` of the weight. An array that is missing is zero.
    package var slots: [OptimizerSlot: [String: Tensor]]

    package init(iterations: Int = 0, slots: [OptimizerSlot: [String: Tensor]] = [:]) {
        self.iterations = iterations
        self.slots = slots
    }
}

extension OptimizerState {
    /// What a file tells; slots that no optimizer here has are passed over.
    package init(_ record: OptimizerRecord) throws(LocatedError) {
        self.init(iterations: record.iterations ?? 0)
        for slot in OptimizerSlot.allCases {
            guard let arrays = record.slots[slot.rawValue] else { continue }
            var loaded: [String: Tensor] = [:]
            for (path, array) in arrays { loaded[path] = try array.load().asType(.float32) }
            slots[slot] = loaded
        }
    }
}
