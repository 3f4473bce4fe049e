import CKernels

// Losses of rows and their derivatives, one number a row; see ck_loss.h.

/// Floats that are read.
package typealias Floats = UnsafePointer<Float>
/// Floats that are written.
package typealias MutableFloats = UnsafeMutablePointer<Float>

/// Targets t are used as scale·t + shift.
package struct Smoothing: Hashable, Sendable {
    package var scale: Float
    package var shift: Float

    /// Targets as they are.
    package static let none = Smoothing(scale: 1, shift: 0)

    package init(scale: Float, shift: Float) {
        self.scale = scale
        self.shift = shift
    }

    var code: ck_smoothing { ck_smoothing(scale: scale, shift: shift) }
}

/// Floats a row that `softmaxCrossEntropy` leaves for its gradient.
package let softmaxCrossEntropyStatistics = 2

package func softmaxCrossEntropy(
    _ x: Floats, _ t: Floats, _ smoothing: Smoothing, loss: MutableFloats, statistics: MutableFloats, rows: Int,
    columns: Int
) {
    ck_softmax_cross_entropy(x, t, smoothing.code, loss, statistics, rows, columns)
}

package func softmaxCrossEntropyGradient(
    _ x: Floats, _ t: Floats, _ smoothing: Smoothing, statistics: Floats, _ dy: Floats, _ dx: MutableFloats, rows: Int,
    columns: Int, accumulate: Bool
) {
    ck_softmax_cross_entropy_gradient(x, t, smoothing.code, statistics, dy, dx, rows, columns, accumulate)
}

package func sparseSoftmaxCrossEntropy(
    _ x: Floats, _ labels: UnsafePointer<Int32>, loss: MutableFloats, statistics: MutableFloats, rows: Int, columns: Int
) {
    ck_sparse_softmax_cross_entropy(x, labels, loss, statistics, rows, columns)
}

package func sparseSoftmaxCrossEntropyGradient(
    _ x: Floats, _ labels: UnsafePointer<Int32>, statistics: Floats, _ dy: Floats, _ dx: MutableFloats, rows: Int,
    columns: Int, accumulate: Bool
) {
    ck_sparse_softmax_cross_entropy_gradient(x, labels, statistics, dy, dx, rows, columns, accumulate)
}

package func crossEntropy(
    _ x: Floats, _ t: Floats, _ smoothing: Smoothing, epsilon: Float, loss: MutableFloats, rows: Int, columns: Int
) {
    ck_cross_entropy(x, t, smoothing.code, epsilon, loss, rows, columns)
}

package func crossEntropyGradient(
    _ x: Floats, _ t: Floats, _ smoothing: Smoothing, epsilon: Float, _ dy: Floats, _ dx: MutableFloats, rows: Int,
    columns: Int, accumulate: Bool
) {
    ck_cross_entropy_gradient(x, t, smoothing.code, epsilon, dy, dx, rows, columns, accumulate)
}

package func sparseCrossEntropy(
    _ x: Floats, _ labels: UnsafePointer<Int32>, epsilon: Float, loss: MutableFloats, rows: Int, columns: Int
) {
    ck_sparse_cross_entropy(x, labels, epsilon, loss, rows, columns)
}

package func sparseCrossEntropyGradient(
    _ x: Floats, _ labels: UnsafePointer<Int32>, epsilon: Float, _ dy: Floats, _ dx: MutableFloats, rows: Int,
    columns: Int, accumulate: Bool
) {
    ck_sparse_cross_entropy_gradient(x, labels, epsilon, dy, dx, rows, columns, accumulate)
}

/// The four ways in which Keras has computed a binary cross entropy, p being clipped to ε and 1 − ε.
package enum BinaryEntropy: String, Hashable, Sendable, CaseIterable {
    /// Of logits: max(x, 0) − x·t + log(1 + exp(−|x|)).
    case logits
    /// The same of log(p / (1 − p)): Keras 1, and Keras 2 to 2.2.
    case logitOfProbability
    /// −t·log(p + ε) − (1 − t)·log(1 − p + ε): Keras 2.3, tf.keras.
    case withEpsilon
    /// −t·log p − (1 − t)·log(1 − p): Keras 3.
    case plain

    var code: ck_binary_entropy {
        switch self {
        case .logits: CK_BINARY_LOGITS
        case .logitOfProbability: CK_BINARY_LOGIT_OF_PROBABILITY
        case .withEpsilon: CK_BINARY_WITH_EPSILON
        case .plain: CK_BINARY_PLAIN
        }
    }
}

package func binaryCrossEntropy(
    _ kind: BinaryEntropy, _ x: Floats, _ t: Floats, _ smoothing: Smoothing, epsilon: Float, loss: MutableFloats,
    rows: Int, columns: Int
) {
    ck_binary_cross_entropy(kind.code, x, t, smoothing.code, epsilon, loss, rows, columns)
}

package func binaryCrossEntropyGradient(
    _ kind: BinaryEntropy, _ x: Floats, _ t: Floats, _ smoothing: Smoothing, epsilon: Float, _ dy: Floats,
    _ dx: MutableFloats, rows: Int, columns: Int, accumulate: Bool
) {
    ck_binary_cross_entropy_gradient(kind.code, x, t, smoothing.code, epsilon, dy, dx, rows, columns, accumulate)
}

package func meanSquaredError(_ x: Floats, _ t: Floats, loss: MutableFloats, rows: Int, columns: Int) {
    ck_mean_squared_error(x, t, loss, rows, columns)
}

package func meanSquaredErrorGradient(
    _ x: Floats, _ t: Floats, _ dy: Floats, _ dx: MutableFloats, rows: Int, columns: Int, accumulate: Bool
) {
    ck_mean_squared_error_gradient(x, t, dy, dx, rows, columns, accumulate)
}

package func meanAbsoluteError(_ x: Floats, _ t: Floats, loss: MutableFloats, rows: Int, columns: Int) {
    ck_mean_absolute_error(x, t, loss, rows, columns)
}

package func meanAbsoluteErrorGradient(
    _ x: Floats, _ t: Floats, _ dy: Floats, _ dx: MutableFloats, rows: Int, columns: Int, accumulate: Bool
) {
    ck_mean_absolute_error_gradient(x, t, dy, dx, rows, columns, accumulate)
}

/// 1 where a row's largest elements are at the same place (the first of equals), else 0.
package func categoricalMatches(_ x: Floats, _ t: Floats, _ matches: MutableFloats, rows: Int, columns: Int) {
    ck_categorical_matches(x, t, matches, rows, columns)
}

/// 1 where a row's largest element is at its label, else 0.
package func sparseMatches(
    _ x: Floats, _ labels: UnsafePointer<Int32>, _ matches: MutableFloats, rows: Int, columns: Int
) {
    ck_sparse_matches(x, labels, matches, rows, columns)
}

/// The share of a row that equals its targets when rounded (halves to even), or when told apart at 1/2.
package func binaryMatches(
    _ x: Floats, _ t: Floats, threshold: Bool, _ matches: MutableFloats, rows: Int, columns: Int
) {
    ck_binary_matches(x, t, threshold, matches, rows, columns)
}

/// l1·Σ|x| + l2·Σx².
package func penalty(_ x: Floats, count: Int, l1: Float, l2: Float) -> Float { ck_penalty(x, count, l1, l2) }

package func penaltyGradient(
    _ x: Floats, _ dy: Float, _ dx: MutableFloats, count: Int, l1: Float, l2: Float, accumulate: Bool
) {
    ck_penalty_gradient(x, dy, dx, count, l1, l2, accumulate)
}

/// Σ w[i / repeats]·x[i].
package func weightedSum(_ x: Floats, weights: Floats, repeats: Int, count: Int) -> Float {
    ck_weighted_sum(x, weights, repeats, count)
}
