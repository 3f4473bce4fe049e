import KerasSpec
import Tensors

/// Kernels of the Theano backend, which convolves where TensorFlow correlates: turned by 180° over all spatial axes.
///
/// Source: `_need_convert_kernel` and `convert_kernel` of `keras/engine/saving.py`, `keras/utils/conv_utils.py` 2.3.1, which
/// turn these classes and no others.
enum TheanoKernels {
    private static let classes: Set<String> = ["Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose"]

    /// Whether Keras turns a variable when it loads a file of Theano's.
    static func isTurned(_ variable: String, of owner: WeightOwner) -> Bool {
        if owner.className == "ConvLSTM2DCell" { return variable == "kernel" || variable == "recurrent_kernel" }
        return classes.contains(owner.className) && variable == "kernel"
    }

    /// The kernel with all axes but the last two reversed, once it is loaded.
    static func turned(_ kernel: LazyTensor) -> LazyTensor {
        kernel.map(shape: kernel.shape, dtype: kernel.dtype) { (kernel) throws(LocatedError) in turned(kernel) }
    }

    /// The kernel with all axes but the last two reversed.
    static func turned(_ kernel: Tensor) -> Tensor {
        let dims = kernel.shape.dims
        guard dims.count > 2 else { return kernel }
        let spatial = dims.dropLast(2).reduce(1, *)
        let blockBytes = dims.suffix(2).reduce(1, *) * kernel.dtype.byteCount
        var result = Tensor(uninitialized: kernel.shape, dtype: kernel.dtype)
        result.withUnsafeMutableBytes { target in
            kernel.withUnsafeBytes { source in
                // Reversing every spatial axis reverses the blocks in row-major order.
                for index in 0..<spatial {
                    let from = source[index * blockBytes..<(index + 1) * blockBytes]
                    let to = target[(spatial - 1 - index) * blockBytes..<(spatial - index) * blockBytes]
                    UnsafeMutableRawBufferPointer(rebasing: to).copyMemory(from: UnsafeRawBufferPointer(rebasing: from))
                }
            }
        }
        return result
    }
}
