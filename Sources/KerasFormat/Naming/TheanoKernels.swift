import KerasSpec
import Tensors

/// Kernels of the Theano backend, which convolves where TensorFlow correlates: turned by 180° over all spatial axes.
///
/// Source: `_need_convert_kernel` and `convert_kernel` of `keras/engine/saving.py`, `keras/utils/conv_utils.py` 2.3.1, which
/// turn these classes and no others.
enum TheanoKernels {
    private static let classes: Set<String> = ["Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"]

    /// Whether Keras turns a weight when it loads a file of Theano's. Within wrappers, the wrapped layer decides.
    static func isTurned(_ slot: PlacedSlot, in layer: LayerSpec?) -> Bool {
        guard let name = slot.slot.path.last, name == "kernel" || name == "recurrent_kernel" else { return false }
        var owner = layer
        for name in slot.layerPath.dropFirst() { owner = owner?.model?.value.layers.first { $0.name == name } }
        guard let owner else { return false }
        var className = owner.className
        var config = owner.config
        while className == "TimeDistributed" || className == "Bidirectional", let inner = config["layer"]?.object {
            className = inner["class_name"]?.string ?? ""
            config = inner["config"]?.object ?? [:]
        }
        return classes.contains(className) && (name == "kernel" || className == "ConvLSTM2D")
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
