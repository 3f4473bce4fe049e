package import Layers
package import Tensors

/// One snapshot of a model's weights: what each slot is, and its value. `version` differs for every snapshot, so that what
/// was prepared from one is never used with another.
package struct WeightValues: Sendable {
    package let table: ParameterTable
    package let tensors: [Tensor]
    package let version: Serial

    package init(table: ParameterTable, tensors: [Tensor]) {
        precondition(table.slots.count == tensors.count)
        self.table = table
        self.tensors = tensors
        version = Serial()
    }

    /// Fresh values from the slots' initializers.
    init(initialising table: ParameterTable, seed: UInt64) throws(LocatedError) {
        try table.requireMemory(copies: 1)
        var tensors: [Tensor] = []
        for (index, slot) in table.slots.enumerated() {
            tensors.append(try locating(slot.path) { () throws(LocatedError) in
                try Initializer(config: slot.slot.initializer).sample(slot.slot.shape, seed: seed, stream: UInt64(index))
            })
        }
        self.init(table: table, tensors: tensors)
    }

    /// Values read from a file, each checked against its slot before it is read.
    init(loading stored: [String: LazyTensor], into table: ParameterTable) throws(LocatedError) {
        var tensors: [Tensor] = []
        for slot in table.slots {
            guard slot.slot.isSaved else {
                tensors.append(try Initializer(config: slot.slot.initializer).sample(slot.slot.shape, seed: 0))
                continue
            }
            guard let lazy = stored[slot.path] else {
                preconditionFailure("\(slot.path) was not bound")
            }
            tensors.append(try locating(slot.path) { () throws(LocatedError) in try lazy.load().asType(.float32) })
        }
        self.init(table: table, tensors: tensors)
    }

    package subscript(path: String) -> Tensor? { table.index(of: path).map { tensors[$0] } }
}
