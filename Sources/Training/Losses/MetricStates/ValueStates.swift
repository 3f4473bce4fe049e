import KerasSpec
import OrderedCollections

// States of metrics of numbers. Sums are kept in double precision; Keras's float32 sums depart from them by rounding.

/// The share of the targets' variance that predictions explain.
struct DeterminationSums: MetricState {
    private let metric: CountingMetric
    /// By column.
    private var (squares, totals, residuals): ([Double], [Double], [Double]) = ([], [], [])
    private var (weights, samples) = (0.0, 0.0)

    init(_ metric: CountingMetric) { self.metric = metric }

    var sums: [Double] {
        get { squares + totals + residuals + [weights, samples] }
        set {
            guard newValue.count >= 2 else { return }
            let count = (newValue.count - 2) / 3
            func part(_ number: Int) -> [Double] { Array(newValue[number * count..<(number + 1) * count]) }
            (squares, totals, residuals) = (part(0), part(1), part(2))
            (weights, samples) = (newValue[3 * count], newValue[3 * count + 1])
        }
    }

    mutating func add(_ batch: MetricBatch) {
        if totals.isEmpty {
            totals = [Double](repeating: 0, count: batch.columns)
            (squares, residuals) = (totals, totals)
        }
        for row in 0..<batch.rows {
            let weight = batch.weight(row)
            weights += weight
            samples += Double(batch.columns)
            for column in 0..<batch.columns {
                let (truth, value) = (Double(batch.truth(row, column)), Double(batch.predictions[row * batch.columns + column]))
                totals[column] += weight * truth
                squares[column] += weight * truth * truth
                residuals[column] += weight * (truth - value) * (truth - value)
            }
        }
    }

    var results: [Double] {
        guard metric.settings["class_aggregation"]?.isNull ?? true else { return [result] }
        return totals.indices.map { adjusted(score($0)) }
    }

    private func variance(_ column: Int) -> Double { squares[column] - totals[column] * divideNoNaN(totals[column], weights) }

    private func score(_ column: Int) -> Double {
        let score = 1 - residuals[column] / variance(column)
        return score.isInfinite ? 0 : score
    }

    /// For the number of regressors, if one is told.
    private func adjusted(_ score: Double) -> Double {
        let regressors = metric.number("num_regressors") ?? 0
        return regressors > 0 && regressors < samples - 1 ? 1 - (1 - score) * (samples - 1) / (samples - regressors - 1) : score
    }

    var result: Double {
        let (scores, variances) = (totals.indices.map(score), totals.indices.map(variance))
        if metric.settings["class_aggregation"] == "variance_weighted_average" {
            return adjusted(divideNoNaN(zip(scores, variances).reduce(0) { $0 + $1.0 * $1.1 }, variances.reduce(0, +)))
        }
        return adjusted(divideNoNaN(scores.reduce(0, +), Double(scores.count)))
    }
}

/// Means of a number of each row or element, which no op computes.
struct SampleMean: MetricState {
    private let metric: CountingMetric
    private var (sum, weights) = (0.0, 0.0)

    init(_ metric: CountingMetric) { self.metric = metric }

    var sums: [Double] {
        get { [sum, weights] }
        set { if newValue.count == 2 { (sum, weights) = (newValue[0], newValue[1]) } }
    }

    mutating func add(_ batch: MetricBatch) {
        for row in 0..<batch.rows {
            let weight = batch.weight(row)
            switch metric.kind {
            case .rootMeanSquaredError, .equality:
                for column in 0..<batch.columns {
                    let error = Double(batch.predictions[row * batch.columns + column]) - Double(batch.truth(row, column))
                    sum += weight * (metric.kind == .equality ? (error == 0 ? 1 : 0) : error * error)
                    weights += weight
                }
            case .topKCategoricalAccuracy, .sparseTopKCategoricalAccuracy:
                sum += weight * (isAmongLargest(batch, row) ? 1 : 0)
                weights += weight
            default:
                sum += weight * correlation(batch, row)
                weights += weight
            }
        }
    }

    /// Whether fewer than k predictions are above the true class's.
    private func isAmongLargest(_ batch: MetricBatch, _ row: Int) -> Bool {
        let (values, label) = (batch.predictions + row * batch.columns, batch.label(row))
        if metric.isSet("from_sorted_ids") {
            // Predictions are the classes themselves, the best first.
            let count = min(max(metric.integer("k") ?? 5, 0), batch.columns)
            return (0..<count).contains { values[$0] == Float(label) }
        }
        guard (0..<batch.columns).contains(label), values[label].isFinite else { return false }
        var above = 0
        for place in 0..<batch.columns where values[place] > values[label] { above += 1 }
        return above < metric.integer("k") ?? 5
    }

    private func correlation(_ batch: MetricBatch, _ row: Int) -> Double {
        let count = Double(batch.columns)
        let a = (0..<batch.columns).map { Double(batch.truth(row, $0)) }
        let b = (0..<batch.columns).map { Double(batch.predictions[row * batch.columns + $0]) }
        let (meanA, meanB) = (a.reduce(0, +) / count, b.reduce(0, +) / count)
        var (aa, bb, ab) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            aa += (x - meanA) * (x - meanA)
            bb += (y - meanB) * (y - meanB)
            ab += (x - meanA) * (y - meanB)
        }
        if metric.kind == .pearsonCorrelation { return ab / (aa.squareRoot() * bb.squareRoot()) }
        let distance = (meanA - meanB) * (meanA - meanB)
        return 2 * ab / count / (distance + aa / count + bb / count + 1e-7)
    }

    var result: Double {
        let mean = divideNoNaN(sum, weights)
        return metric.kind == .rootMeanSquaredError ? mean.squareRoot() : mean
    }
}
