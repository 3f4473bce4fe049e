import KerasSpec
import Tensors

/// Arrays of one owner from what an older Keras, or another backend, made of them to what today's Keras means, and back.
///
/// Source: `preprocess_weights_for_loading` of `keras/engine/saving.py` 2.3.1.
enum LegacyConversion {
    /// - Parameters:
    ///   - arrays: in the order of the owner's variables as `origin` has them.
    ///   - owner: with Keras 3's variables.
    /// - Returns: arrays in the order of the owner's variables.
    static func upgraded(
        _ arrays: [LazyTensor], of owner: WeightOwner, from origin: WeightOrigin
    ) throws(LocatedError) -> [LazyTensor] {
        guard origin.backend == "theano" else { return arrays }
        return zip(arrays, owner.variables).map { TheanoKernels.isTurned($1.name, of: owner) ? TheanoKernels.turned($0) : $0 }
    }

    /// - Parameters:
    ///   - arrays: in the order of the owner's variables.
    ///   - owner: with Keras 3's variables.
    /// - Returns: arrays in the order of the owner's variables as the dialect has them.
    static func downgraded(
        _ arrays: [LazyTensor], of owner: WeightOwner, for dialect: Dialect
    ) throws(LocatedError) -> [LazyTensor] { arrays }
}
