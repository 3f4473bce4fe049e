import KerasSpec
import OrderedCollections

// States of metrics that count which class was taken for which. Sums are kept in double precision; Keras's float32 sums depart from them by rounding.

/// Counts on both sides of thresholds.
struct ConfusionCounts: MetricState {
    private let metric: CountingMetric
    private let thresholds: [Float]
    private struct Counts { var (tp, fp, tn, fn) = (0.0, 0.0, 0.0, 0.0) }
    /// By threshold.
    private var counts: [Counts]

    init(_ metric: CountingMetric) {
        self.metric = metric
        thresholds = metric.thresholds(metric.integer("top_k") == nil ? 0.5 : -.infinity)
        counts = thresholds.map { _ in Counts() }
    }

    var sums: [Double] {
        get { counts.flatMap { [$0.tp, $0.fp, $0.tn, $0.fn] } }
        set {
            guard newValue.count == 4 * counts.count else { return }
            for place in counts.indices {
                counts[place].tp = newValue[4 * place]
                counts[place].fp = newValue[4 * place + 1]
                counts[place].tn = newValue[4 * place + 2]
                counts[place].fn = newValue[4 * place + 3]
            }
        }
    }

    mutating func add(_ batch: MetricBatch) {
        let column = metric.integer("class_id")
        for row in 0..<batch.rows {
            let (values, weight) = (batch.predictions + row * batch.columns, batch.weight(row))
            let least = metric.integer("top_k").map { Self.largest($0, of: values, batch.columns) }
            for place in column.map({ $0..<$0 + 1 }) ?? 0..<batch.columns where place < batch.columns {
                // What isn't among the largest counts as −10¹⁰.
                let value = least.map { values[place] >= $0 ? values[place] : -1e10 } ?? values[place]
                let isTrue = batch.truth(row, place) != 0
                for (number, threshold) in thresholds.enumerated() {
                    let isPositive = value > threshold && !(least != nil && value == -1e10)
                    switch (isTrue, isPositive) {
                    case (true, true): counts[number].tp += weight
                    case (true, false): counts[number].fn += weight
                    case (false, true): counts[number].fp += weight
                    case (false, false): counts[number].tn += weight
                    }
                }
            }
        }
    }

    private static func largest(_ count: Int, of values: UnsafePointer<Float>, _ columns: Int) -> Float {
        let sorted = UnsafeBufferPointer(start: values, count: columns).sorted(by: >)
        return sorted.isEmpty ? 0 : sorted[min(count, columns) - 1]
    }

    var result: Double { results.first ?? 0 }

    var results: [Double] {
        counts.map { own in
            switch metric.kind {
            case .precision: divideNoNaN(own.tp, own.tp + own.fp)
            case .recall: divideNoNaN(own.tp, own.tp + own.fn)
            case .truePositives: own.tp
            case .trueNegatives: own.tn
            case .falsePositives: own.fp
            default: own.fn
            }
        }
    }
}

/// How far true and predicted classes cover each other.
struct IntersectionOverUnion: MetricState {
    private let metric: CountingMetric
    private let classes: Int
    private let truncatesWeights: Bool
    /// True × predicted.
    private var matrix: [Double]

    init(_ metric: CountingMetric, truncatesWeights: Bool) {
        self.metric = metric
        self.truncatesWeights = truncatesWeights
        classes = metric.kind == .binaryIoU ? 2 : metric.integer("num_classes") ?? 1
        matrix = [Double](repeating: 0, count: classes * classes)
    }

    var sums: [Double] {
        get { matrix }
        set { if newValue.count == matrix.count { matrix = newValue } }
    }

    mutating func add(_ batch: MetricBatch) {
        let oneHotTruth = metric.kind == .oneHotIoU || metric.kind == .oneHotMeanIoU || metric.settings["sparse_y_true"] == .bool(false)
        let oneHotPrediction = metric.settings["sparse_y_pred"] == .bool(false)
        let threshold = metric.kind == .binaryIoU ? Float(metric.number("threshold") ?? 0.5) : nil
        for row in 0..<batch.rows {
            let values = batch.predictions + row * batch.columns
            if oneHotPrediction {
                count(batch.label(row), MetricBatch.largest(values, batch.columns), batch.weight(row))
                continue
            }
            for place in 0..<batch.columns {
                let truth: Int
                switch batch.targets {
                case .labels(let labels): truth = Int(labels[row])
                case .values(let targets): truth = oneHotTruth ? batch.label(row) : Self.whole(targets[row * batch.columns + place])
                }
                count(truth, threshold.map { values[place] >= $0 ? 1 : 0 } ?? Self.whole(values[place]), batch.weight(row))
            }
        }
    }

    /// NaN and what is beyond counting is no class.
    private static func whole(_ value: Float) -> Int { Int(exactly: value.rounded(.towardZero)) ?? -1 }

    private mutating func count(_ truth: Int, _ prediction: Int, _ weight: Double) {
        guard truth != metric.integer("ignore_class"), (0..<classes).contains(truth), (0..<classes).contains(prediction) else {
            return
        }
        matrix[truth * classes + prediction] += truncatesWeights ? weight.rounded(.towardZero) : weight
    }

    var result: Double {
        let wanted = metric.settings["target_class_ids"]?.array?.compactMap(\.integer) ?? Array(0..<classes)
        var (sum, count) = (0.0, 0.0)
        for place in wanted where (0..<classes).contains(place) {
            var union = -matrix[place * classes + place]
            for other in 0..<classes { union += matrix[place * classes + other] + matrix[other * classes + place] }
            guard union > 1e-9 else { continue }
            sum += matrix[place * classes + place] / union
            count += 1
        }
        return divideNoNaN(sum, count)
    }
}

/// The weighted harmonic mean of precision and recall.
struct FBetaCounts: MetricState {
    private let metric: CountingMetric
    /// By class; one with the average `micro`.
    private var (tp, fp, fn, truths): ([Double], [Double], [Double], [Double]) = ([], [], [], [])

    init(_ metric: CountingMetric) { self.metric = metric }

    var sums: [Double] {
        get { tp + fp + fn + truths }
        set {
            let count = newValue.count / 4
            func part(_ number: Int) -> [Double] { Array(newValue[number * count..<(number + 1) * count]) }
            (tp, fp, fn, truths) = (part(0), part(1), part(2), part(3))
        }
    }

    mutating func add(_ batch: MetricBatch) {
        let isMicro = metric.settings["average"] == "micro"
        if tp.isEmpty {
            tp = [Double](repeating: 0, count: isMicro ? 1 : batch.columns)
            (fp, fn, truths) = (tp, tp, tp)
        }
        for row in 0..<batch.rows {
            let (values, weight) = (batch.predictions + row * batch.columns, batch.weight(row))
            var largest = -Float.infinity
            for place in 0..<batch.columns { largest = max(largest, values[place]) }
            for place in 0..<batch.columns {
                let isPositive = metric.number("threshold").map { values[place] > Float($0) }
                    ?? (values[place] >= largest && abs(values[place]) > 1e-9)
                let (predicted, truth) = (isPositive ? 1.0 : 0.0, Double(batch.truth(row, place)))
                let own = isMicro ? 0 : place
                tp[own] += weight * predicted * truth
                fp[own] += weight * predicted * (1 - truth)
                fn[own] += weight * (1 - predicted) * truth
                truths[own] += weight * truth
            }
        }
    }

    var results: [Double] { metric.settings["average"]?.isNull ?? true ? scores : [result] }

    private var scores: [Double] {
        let square = metric.kind == .f1Score ? 1 : (metric.number("beta") ?? 1) * (metric.number("beta") ?? 1)
        return tp.indices.map { place in
            let (precision, recall) = (divideNoNaN(tp[place], tp[place] + fp[place]), divideNoNaN(tp[place], tp[place] + fn[place]))
            return divideNoNaN(precision * recall, square * precision + recall) * (1 + square)
        }
    }

    var result: Double {
        let scores = scores
        guard metric.settings["average"] == "weighted" else { return divideNoNaN(scores.reduce(0, +), Double(scores.count)) }
        let total = truths.reduce(0, +)
        return zip(scores, truths).reduce(0) { $0 + $1.0 * divideNoNaN($1.1, total) }
    }
}
