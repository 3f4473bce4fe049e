import KerasSpec
import Tensors

/// Arrays of one owner from what an older Keras, or another backend, made of them to what today's Keras means, and back.
///
/// Source: `preprocess_weights_for_loading` of `keras/engine/saving.py` 2.3.1.
enum LegacyConversion {
    /// - Parameters:
    ///   - arrays: in the order of the owner's variables as `origin` has them.
    ///   - owner: with Keras 3's variables.
    /// - Returns: arrays in the order of the owner's variables. Throws 67 `weights.shape` for shapes that no Keras gives them.
    static func upgraded(
        _ arrays: [LazyTensor], of owner: WeightOwner, from origin: WeightOrigin
    ) throws(LocatedError) -> [LazyTensor] {
        for (array, variable) in zip(arrays, owner.variables) where array.shape.dims.contains(where: { $0 > Self.largestExtent }) || array.shape.checkedCount == nil {
            throw Keras1Weights.wrong(array, variable.name, "an array that a machine could hold", of: owner)
        }
        var arrays = arrays
        if origin.dialect == .keras1 { arrays = try Keras1Weights.upgraded(arrays, of: owner) }
        for (index, variable) in owner.variables.enumerated() where index < arrays.count {
            guard TheanoKernels.isTurned(variable.name, of: owner) else { continue }
            if origin.backend == "theano" { arrays[index] = TheanoKernels.turned(arrays[index]) }
            arrays[index] = rearranged(arrays[index], variable.name, of: owner)
        }
        return try CuDNNWeights.upgraded(arrays, of: owner)
    }

    /// Keeps small multiples of an extent in `Int`.
    private static let largestExtent = 1 << 40

    /// - Parameters:
    ///   - arrays: in the order of the owner's variables.
    ///   - owner: with Keras 3's variables.
    /// - Returns: arrays in the order of the owner's variables as the dialect has them, for TensorFlow.
    static func downgraded(
        _ arrays: [LazyTensor], of owner: WeightOwner, for dialect: Dialect
    ) throws(LocatedError) -> [LazyTensor] {
        dialect == .keras1 ? try Keras1Weights.downgraded(arrays, of: owner) : arrays
    }

    /// A kernel of four axes that isn't the configuration's as it stands, but is with its axes in the order 3, 2, 0, 1: so Keras
    /// reads those that were saved before it settled on an order.
    private static func rearranged(_ kernel: LazyTensor, _ variable: String, of owner: WeightOwner) -> LazyTensor {
        guard kernel.shape.rank == 4 else { return kernel }
        let turned = [3, 2, 0, 1]
        let dims = kernel.shape.dims
        return !fits(dims, variable, owner) && fits(turned.map { dims[$0] }, variable, owner) ? kernel.transposed(turned) : kernel
    }

    private static func fits(_ dims: [Int], _ variable: String, _ owner: WeightOwner) -> Bool {
        guard let filters = owner.config["filters"]?.integer, let size = owner.config["kernel_size"]?.array?.compactMap(\.integer),
            size.count == 2
        else { return true }
        let isGated = owner.className == "ConvLSTM2DCell"
        let outputs = owner.className == "Conv2DTranspose" ? dims[2] : dims[3]
        guard Array(dims[..<2]) == size, outputs == (isGated ? filters.multipliedReportingOverflow(by: 4).partialValue : filters) else { return false }
        return variable == "recurrent_kernel" ? dims[2] == filters : true
    }
}
