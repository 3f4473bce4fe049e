package import KerasSpec
internal import Tensors

/// What to tell of files of Keras 1 with convolutions: which backend trained them, they don't say, and Theano's kernels are another's
/// turned by 180°, of the same shape. Taken for TensorFlow's they run, and compute something else.
package enum UntoldBackend {
    /// Nil where the file or the user told, where nothing would be turned, and for later Keras, whose files tell.
    ///
    /// - Parameters:
    ///   - weights: as they were read, with what the user told for the file that didn't.
    ///   - dialect: of the architecture, or of the weights where there is none.
    package static func note(_ weights: StoredWeights?, _ dialect: Dialect?) -> UpgradeNote? {
        guard let weights, dialect == .keras1, weights.backend == nil else { return nil }
        // Kernels of Keras 1 that are turned have four axes or more, one-dimensional ones too.
        guard weights.layers.contains(where: { $0.weights.contains { $0.tensor.shape.rank >= 4 } }) else { return nil }
        return UpgradeNote(
            layer: "",
            text: "the file doesn't tell whether TensorFlow or Theano trained it; kernels are taken for TensorFlow's, --backend theano turns them")
    }
}
