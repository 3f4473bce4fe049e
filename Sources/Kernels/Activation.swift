/// An elementwise activation function. The raw meaning of Keras's names, both eras of `hard_sigmoid` apart.
package enum Activation: Hashable, Sendable {
    case linear
    /// 0 below `threshold` plus `negativeSlope`·(x − threshold), x above, at most `maxValue`.
    case relu(negativeSlope: Float = 0, maxValue: Float = .infinity, threshold: Float = 0)
    case elu(alpha: Float = 1)
    case selu
    case softplus
    case softsign
    case tanh
    case sigmoid
    /// Keras 3: relu6(x + 3) / 6.
    case hardSigmoid
    /// Keras 1 and 2: clip(0.2·x + 0.5, 0, 1).
    case legacyHardSigmoid
    case exponential

    /// Plain rectification.
    package static let rectifier = Activation.relu()
}
