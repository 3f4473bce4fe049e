package import KerasSpec
package import Tensors

/// What an optimizer remembers between steps: hangs on the weights' paths, so that it can move between dialects.
package struct OptimizerState: Sendable {
    /// Of `LossScaleOptimizer`.
    package struct Scaling: Hashable, Sendable {
        package var scale: Double
        /// Steps since it changed.
        package var goodSteps: Int

        package init(scale: Double, goodSteps: Int) {
            self.scale = scale
            self.goodSteps = goodSteps
        }
    }

    /// Steps made.
    package var iterations: Int
    /// By kind, then by `PlacedSlot.path` of the weight. An array that is missing begins anew.
    package var slots: [OptimizerSlot: [String: Tensor]]
    /// Nadam's; nil: 1.
    package var momentumProduct: Float?
    package var scaling: Scaling?
    /// Whether tf-keras traces its step once, as it does for a model of a whole `.h5`, and not twice: what Nadam's product depends on.
    package var isTracedOnce = false

    package init(iterations: Int = 0, slots: [OptimizerSlot: [String: Tensor]] = [:]) {
        self.iterations = iterations
        self.slots = slots
    }

    /// The name of Nadam's product among `OptimizerRecord.scalars`.
    private static let momentumProduct = "u_product"

    /// What a file tells; slots that no optimizer here has are passed over.
    package init(_ record: OptimizerRecord) throws(LocatedError) {
        self.init(iterations: record.iterations ?? 0)
        for slot in OptimizerSlot.allCases {
            guard let arrays = record.slots[slot.rawValue] else { continue }
            var loaded: [String: Tensor] = [:]
            for (path, array) in arrays { loaded[path] = try array.load().asType(.float32) }
            slots[slot] = loaded
        }
        if let product = record.scalars[Self.momentumProduct], product.shape.count == 1 {
            momentumProduct = try product.load().asType(.float32).array(as: Float.self)[0]
        }
        if let scaling = record.lossScaling, let scale = scaling.scale {
            self.scaling = Scaling(scale: scale, goodSteps: scaling.goodSteps ?? 0)
        }
    }

    /// Puts the state into a record of the optimizer's settings.
    package func write(into record: inout OptimizerRecord) {
        record.hasState = true
        record.iterations = iterations
        for (slot, arrays) in slots { record.slots[slot.rawValue] = arrays.mapValues { LazyTensor($0) } }
        if let momentumProduct { record.scalars[Self.momentumProduct] = LazyTensor(Tensor(scalar: momentumProduct)) }
        record.lossScaling?.scale = scaling?.scale
        record.lossScaling?.goodSteps = scaling?.goodSteps
    }
}
