package import Graphs
import Kernels
package import Tensors

/// −log p of the class that a number names, over the last axis.
///
/// Inputs: predictions (…, n), class numbers (…) or (…, 1) of type int32; output (…). A number that is no class gives NaN: whoever
/// has the data checks it first.
/// From logits: the fused softmax cross entropy. From probabilities, as every Keras does it: the softmax cross entropy of
/// log(clip(p, ε, 1 − ε)), and no derivative where it is clipped.
package struct SparseCategoricalCrossentropy: Op {
    package var fromLogits: Bool

    package init(fromLogits: Bool) { self.fromLogits = fromLogits }

    package var name: String { "sparse_categorical_crossentropy" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try sparseLossOutputs(name, inputs) }

    package func bound(to site: Site) -> any BoundOp {
        fromLogits ? BoundRowLoss(OfLogits(), site) : BoundRowLoss(OfProbabilities(), site)
    }
}

private struct OfLogits: RowLoss {
    var nanoseconds: Double { 1 }
    var statistics: Int { softmaxCrossEntropyStatistics }

    func forward(_ rows: LossRows) {
        sparseSoftmaxCrossEntropy(
            rows.predictions, rows.labels, loss: rows.losses, statistics: rows.statistics, rows: rows.count,
            columns: rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        sparseSoftmaxCrossEntropyGradient(
            rows.predictions, rows.labels, statistics: rows.statistics, arriving, gradient, rows: rows.count,
            columns: rows.columns, accumulate: rows.accumulates)
    }
}

private struct OfProbabilities: RowLoss {
    var nanoseconds: Double { 0.5 }
    var statistics: Int { 0 }

    func forward(_ rows: LossRows) {
        sparseCrossEntropy(
            rows.predictions, rows.labels, epsilon: kerasEpsilon, loss: rows.losses, rows: rows.count,
            columns: rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        sparseCrossEntropyGradient(
            rows.predictions, rows.labels, epsilon: kerasEpsilon, arriving, gradient, rows: rows.count,
            columns: rows.columns, accumulate: rows.accumulates)
    }
}
