import Graphs
import KerasOps
import KerasSpec
import Layers
import Tensors

/// Keras 1's metrics that are one number of a whole batch; an epoch's is their mean by samples, and not that of all samples.
///
/// Predictions and targets are rounded to 0 and 1, whatever they are of. Source: keras/metrics.py (1.2.2).
package enum BatchScore: String, Hashable, Sendable, CaseIterable {
    case matthewsCorrelation = "matthews_correlation"
    case precision
    case recall
    case fBetaScore = "fbeta_score"
    case fMeasure = "fmeasure"

    static let aliases: [String: BatchScore] = ["fscore": .fMeasure, "f1score": .fMeasure]

    /// Adds its nodes: the same number for each sample.
    func apply(
        to prediction: Value, targets: Value, loss: Loss, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        guard loss.targetType != .int32 else {
            throw LocatedError(
                .mismatch, "metric.targets", "expected a metric for class numbers, as the loss \(loss.name) has them, got \(rawValue)",
                at: [label])
        }
        let scope = LoweringContext(continuing: builder, label: label)
        let (t, p) = (Symbol(targets, in: scope), Symbol(prediction, in: scope))
        let value = try locating(label) { () throws(LocatedError) in
            let score = try ops.reshape(score(t, p), [1])
            guard let samples = p.shape.rank > 0 ? p.shape[0] : nil else { return score }
            return try ops.broadcastTo(score, [samples])
        }
        builder = scope.builder
        return value.value
    }

    private func score(_ t: Symbol, _ p: Symbol) throws(LocatedError) -> Symbol {
        let epsilon = 1e-7
        func bits(_ x: Symbol) throws(LocatedError) -> Symbol { try ops.round(ops.clip(x, 0, 1)) }
        let (positive, claimed) = (try bits(t), try bits(p))
        if self == .matthewsCorrelation {
            let (right, missed) = (try ops.sum(positive * claimed), try ops.sum(positive * (1 - claimed)))
            let (wrong, left) = (try ops.sum((1 - positive) * claimed), try ops.sum((1 - positive) * (1 - claimed)))
            let rows = try (right + wrong) * (right + missed)
            let columns = try (left + wrong) * (left + missed)
            return try (right * left - wrong * missed) / (ops.sqrt(rows * columns) + epsilon)
        }
        let right = try ops.sum(bits(t * p))
        let precision = try right / (ops.sum(claimed) + epsilon)
        let recall = try right / (ops.sum(positive) + epsilon)
        switch self {
        case .precision: return precision
        case .recall: return recall
        case .fBetaScore, .fMeasure, .matthewsCorrelation: return try 2 * (precision * recall) / (precision + recall + epsilon)
        }
    }
}
