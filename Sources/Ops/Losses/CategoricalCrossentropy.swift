package import Graphs
package import Kernels
package import Tensors

/// −Σ t·log p over the last axis.
///
/// Inputs: predictions (…, n), targets (…, n); output (…).
/// From logits: the fused softmax cross entropy, whose derivative is softmax(x) − t. From probabilities, as every Keras does it:
/// p = clip(x / Σx, ε, 1 − ε), and no derivative where it is clipped.
package struct CategoricalCrossentropy: Op {
    package var fromLogits: Bool
    package var smoothing: Smoothing

    package init(fromLogits: Bool, smoothing: Smoothing = .none) {
        self.fromLogits = fromLogits
        self.smoothing = smoothing
    }

    package var name: String { "categorical_crossentropy" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try lossOutputs(name, inputs) }

    package func bound(to site: Site) -> any BoundOp {
        fromLogits ? BoundRowLoss(OfLogits(smoothing: smoothing), site) : BoundRowLoss(OfProbabilities(smoothing: smoothing), site)
    }
}

private struct OfLogits: RowLoss {
    let smoothing: Smoothing
    var nanoseconds: Double { 1 }
    var statistics: Int { softmaxCrossEntropyStatistics }

    func forward(_ rows: LossRows) {
        softmaxCrossEntropy(
            rows.predictions, rows.floats, smoothing, loss: rows.losses, statistics: rows.statistics, rows: rows.count,
            columns: rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        softmaxCrossEntropyGradient(
            rows.predictions, rows.floats, smoothing, statistics: rows.statistics, arriving, gradient, rows: rows.count,
            columns: rows.columns, accumulate: rows.accumulates)
    }
}

private struct OfProbabilities: RowLoss {
    let smoothing: Smoothing
    var nanoseconds: Double { 1 }
    var statistics: Int { 0 }

    func forward(_ rows: LossRows) {
        crossEntropy(
            rows.predictions, rows.floats, smoothing, epsilon: kerasEpsilon, loss: rows.losses, rows: rows.count,
            columns: rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        crossEntropyGradient(
            rows.predictions, rows.floats, smoothing, epsilon: kerasEpsilon, arriving, gradient, rows: rows.count,
            columns: rows.columns, accumulate: rows.accumulates)
    }
}
