package import KerasSpec
package import Tensors

/// The weights of a model by path, in the order in which they were declared. The index of a slot is what a graph calls a
/// parameter.
package struct ParameterTable: Sendable {
    package private(set) var slots: [PlacedSlot] = []
    private var indices: [String: Int] = [:]

    /// Elements of all weights together.
    private var total = 0

    package init() {}

    package func index(of path: String) -> Int? { indices[path] }

    /// Throws 69 `memory.size` unless `copies` float32 copies of all weights can be had.
    package func requireMemory(copies: Int) throws(LocatedError) {
        try Memory.require([copies, total], for: copies == 1 ? "the weights" : "\(copies) copies of the weights")
    }

    /// Adds a slot, or checks that a later call of the layer wants the same one.
    mutating func declare(_ slot: PlacedSlot) throws(LocatedError) {
        guard let index = indices[slot.path] else {
            // So that counting the model's parameters can't overflow. Memory is asked for later.
            guard let count = slot.slot.shape.checkedCount, case (let sum, false) = total.addingReportingOverflow(count)
            else {
                throw LocatedError(
                    .invalid, "weights.size", "expected a weight that fits in memory, got one of shape \(slot.slot.shape)",
                    at: [slot.path])
            }
            total = sum
            indices[slot.path] = slots.count
            slots.append(slot)
            return
        }
        guard slots[index].slot.shape == slot.slot.shape else {
            throw LocatedError(
                .mismatch, "layer.inputShape",
                "expected an input for which \(slot.slot.path.joined(separator: "/")) has the shape "
                    + "\(slots[index].slot.shape), as in the layer's first call, got one that needs \(slot.slot.shape)",
                at: slot.layerPath)
        }
    }
}
