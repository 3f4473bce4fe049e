package import Graphs
package import Tensors

/// A model's parameters as memory that is written in place: by an optimizer between steps, and by updates (moving
/// statistics, states) at the end of each. The training sessions of a model share one.
///
/// Not safe to use from several threads at a time.
package final class ParameterBuffers {
    /// By index in the model's table.
    package let infos: [ConcreteInfo]
    /// Where each parameter lies, for good; aligned to 64 bytes.
    package let pointers: [UnsafeMutableRawPointer]
    private let block: Block

    /// Copies the tensors. Throws when there is no memory.
    package init(_ tensors: [Tensor]) throws(LocatedError) {
        infos = tensors.map { ConcreteInfo($0.shape, $0.dtype) }
        var stack = Stack()
        var offsets: [Int] = []
        for info in infos { offsets.append(try stack.push(info.byteCount)) }
        let block = try Block(byteCount: stack.byteCount, for: "parameters")
        self.block = block
        pointers = offsets.map { block.start + $0 }
        for (tensor, pointer) in zip(tensors, pointers) { tensor.copyBytes(to: pointer) }
    }

    /// The parameters as they are now, copied.
    package var tensors: [Tensor] { zip(pointers, infos).map { Tensor(copying: $0, $1) } }

    /// Throws `plan.parameter` when the tensor has another shape or type than the parameter.
    package func set(_ index: Int, to tensor: Tensor) throws(LocatedError) {
        try infos[index].require(tensor, "plan.parameter", at: "parameter \(index)")
        tensor.copyBytes(to: pointers[index])
    }
}
