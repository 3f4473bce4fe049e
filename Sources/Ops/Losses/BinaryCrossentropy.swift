package import Graphs
package import Kernels
package import Tensors

/// −t·log p − (1 − t)·log(1 − p), the mean over the last axis, in one of Keras's ways.
///
/// Inputs: predictions (…, n), targets (…, n); output (…).
package struct BinaryCrossentropy: Op {
    package var kind: BinaryEntropy
    package var smoothing: Smoothing

    package init(_ kind: BinaryEntropy, smoothing: Smoothing = .none) {
        self.kind = kind
        self.smoothing = smoothing
    }

    package var name: String { "binary_crossentropy" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try lossOutputs(name, inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundRowLoss(Rows(kind: kind, smoothing: smoothing), site) }
}

private struct Rows: RowLoss {
    let kind: BinaryEntropy
    let smoothing: Smoothing
    var nanoseconds: Double { 1 }
    var statistics: Int { 0 }

    func forward(_ rows: LossRows) {
        binaryCrossEntropy(
            kind, rows.predictions, rows.floats, smoothing, epsilon: kerasEpsilon, loss: rows.losses, rows: rows.count,
            columns: rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        binaryCrossEntropyGradient(
            kind, rows.predictions, rows.floats, smoothing, epsilon: kerasEpsilon, arriving, gradient, rows: rows.count,
            columns: rows.columns, accumulate: rows.accumulates)
    }
}
