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
