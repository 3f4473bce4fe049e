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
    /// x above 0, alpha·(exp(x / alpha) − 1) below; alpha above 0.
    case celu(alpha: Float = 1)
    /// x·Φ(x), with Φ the normal distribution function, or by tanh(√(2/π)·(x + 0.044715·x³)).
    case gelu(approximate: Bool = false)
    /// 0 within ±threshold, x outside.
    case hardShrink(threshold: Float = 0.5)
    /// x·relu6(x + 3) / 6.
    case hardSilu
    /// clip(x, −1, 1).
    case hardTanh
    /// −log(1 + exp(−x)).
    case logSigmoid
    /// x·tanh(softplus(x)).
    case mish
    /// x·sigmoid(x).
    case silu
    /// x moved towards 0 by threshold.
    case softShrink(threshold: Float = 0.5)
    /// 0 up to −1, (x + 1)² / 4 up to 1, x above.
    case sparsePlus
    /// clip((x + 1) / 2, 0, 1).
    case sparseSigmoid
    /// (x + √(x² + b)) / 2.
    case squareplus(b: Float = 4)
    /// x − tanh(x).
    case tanhShrink
    /// x above threshold, else value.
    case threshold(_ threshold: Float, value: Float)

    /// Plain rectification.
    package static let rectifier = Activation.relu()
}
