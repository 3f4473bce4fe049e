public import Tensors

/// Samples and what they are samples of, as Keras's data sets give them: `(x_train, y_train)`.
public struct LabeledSamples: Sendable, Equatable {
    /// Shape (samples, …).
    public var x: Tensor
    /// Shape (samples, …).
    public var y: Tensor

    public init(x: Tensor, y: Tensor) {
        self.x = x
        self.y = y
    }
}
