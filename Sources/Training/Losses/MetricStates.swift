import KerasSpec
import OrderedCollections

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// States of counting metrics. Sums are kept in double precision; Keras's float32 sums depart from them by rounding.

private func ratio(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a / b }

/// True and false positives and negatives by threshold, in evenly distributed buckets or by comparison.
private struct ThresholdCounts {
    private let thresholds: [Float]
    private let isEven: Bool
    /// Weights of what lies in each bucket: true, then false.
    private var buckets: [(positive: Double, negative: Double)]
    private let column: Int?

    /// - Parameters:
    ///   - inner: between the ends; nil: `count` evenly distributed.
    ///   - ends: the first and the last threshold.
    init(count: Int, inner: [Double]?, ends: (Float, Float), column: Int?) {
        let isEven = inner == nil
        let inner = inner?.sorted() ?? (0..<max(count - 2, 0)).map { Double($0 + 1) / Double(count - 1) }
        thresholds = count == 1 && isEven ? [0.5] : [ends.0] + inner.map { Float($0) } + [ends.1]
        self.isEven = isEven && count > 1
        buckets = Array(repeating: (0, 0), count: thresholds.count)
        self.column = column
    }

    mutating func add(_ batch: MetricBatch, fromLogits: Bool = false) {
        for row in 0..<batch.rows {
            let weight = batch.weight(row)
            for place in column.map({ $0..<$0 + 1 }) ?? 0..<batch.columns where place < batch.columns {
                var value = batch.predictions[row * batch.columns + place]
                if fromLogits { value = 1 / (1 + expf(-value)) }
                let bucket = bucket(value)
                guard bucket >= 0 else { continue }
                if batch.truth(row, place) != 0 { buckets[bucket].positive += weight } else { buckets[bucket].negative += weight }
            }
        }
    }

    /// The last threshold that a value is above.
    private func bucket(_ value: Float) -> Int {
        if isEven {
            let place = (value * Float(thresholds.count - 1)).rounded(.up) - 1
            return place.isFinite ? min(max(Int(place), 0), thresholds.count - 1) : 0
        }
        var (low, high) = (0, thresholds.count)
        while low < high {
            let middle = (low + high) / 2
            if value > thresholds[middle] { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    var sums: [Double] {
        get { buckets.flatMap { [$0.positive, $0.negative] } }
        set {
            guard newValue.count == 2 * buckets.count else { return }
            for place in buckets.indices { buckets[place] = (newValue[2 * place], newValue[2 * place + 1]) }
        }
    }

    struct Counts {
        var tp: [Double], fp: [Double], tn: [Double], fn: [Double]
    }

    /// By threshold.
    var counts: Counts {
        var (tp, fp) = ([Double](repeating: 0, count: buckets.count), [Double](repeating: 0, count: buckets.count))
        var (positive, negative) = (0.0, 0.0)
        for place in buckets.indices.reversed() {
            positive += buckets[place].positive
            negative += buckets[place].negative
            (tp[place], fp[place]) = (positive, negative)
        }
        return Counts(tp: tp, fp: fp, tn: fp.map { negative - $0 }, fn: tp.map { positive - $0 })
    }
}

/// The area under the curve of true over false positives (ROC), or of precision over recall (PR); with several labels the mean
/// of each one's.
struct AreaUnderCurve: MetricState {
    private let metric: CountingMetric
    /// One, or with several labels one for each column, made when the first batch tells how many there are.
    private var thresholds: [ThresholdCounts]

    init(_ metric: CountingMetric) {
        self.metric = metric
        thresholds = metric.isSet("multi_label") ? [] : [Self.counts(metric, column: nil)]
    }

    private static func counts(_ metric: CountingMetric, column: Int?) -> ThresholdCounts {
        ThresholdCounts(
            count: max(metric.integer("num_thresholds") ?? 200, 2), inner: metric.settings["thresholds"]?.array?.compactMap(\.number),
            ends: (-1e-7, 1 + 1e-7), column: column)
    }

    var sums: [Double] {
        get { [Double(thresholds.count)] + thresholds.flatMap(\.sums) }
        set {
            guard let count = newValue.first.flatMap({ Int(exactly: $0) }), count > 0, (newValue.count - 1) % count == 0 else { return }
            if metric.isSet("multi_label") { thresholds = (0..<count).map { Self.counts(metric, column: $0) } }
            let length = (newValue.count - 1) / count
            for place in thresholds.indices where place < count {
                thresholds[place].sums = Array(newValue[1 + place * length..<1 + (place + 1) * length])
            }
        }
    }

    mutating func add(_ batch: MetricBatch) {
        if thresholds.isEmpty { thresholds = (0..<batch.columns).map { Self.counts(metric, column: $0) } }
        for place in thresholds.indices { thresholds[place].add(batch, fromLogits: metric.isSet("from_logits")) }
    }

    var result: Double {
        let areas = thresholds.map { area($0.counts) }
        let weights = metric.settings["label_weights"]?.array?.compactMap(\.number) ?? areas.map { _ in 1 }
        let sum = zip(areas, weights).reduce((0.0, 0.0)) { ($0.0 + $1.0 * $1.1, $0.1 + $1.1) }
        return ratio(sum.0, sum.1)
    }

    private func area(_ counts: ThresholdCounts.Counts) -> Double {
        let isROC = metric.settings["curve"]?.string?.uppercased() == "ROC"
        let method = metric.settings["summation_method"]?.string?.lowercased()
        if !isROC, method == "interpolation" { return interpolated(counts) }
        let recall = zip(counts.tp, counts.fn).map { ratio($0, $0 + $1) }
        let x = isROC ? zip(counts.fp, counts.tn).map { ratio($0, $0 + $1) } : recall
        let y = isROC ? recall : zip(counts.tp, counts.fp).map { ratio($0, $0 + $1) }
        var area = 0.0
        for place in 0..<x.count - 1 {
            let height =
                switch method {
                case "minoring": min(y[place], y[place + 1])
                case "majoring": max(y[place], y[place + 1])
                default: (y[place] + y[place + 1]) / 2
                }
            area += (x[place] - x[place + 1]) * height
        }
        return area
    }

    /// Precision isn't linear between two thresholds: Davis and Goadrich, 2006.
    private func interpolated(_ counts: ThresholdCounts.Counts) -> Double {
        var area = 0.0
        let positives = zip(counts.tp, counts.fp).map(+)
        for place in 0..<counts.tp.count - 1 {
            let (p, next) = (positives[place], positives[place + 1])
            let gained = counts.tp[place] - counts.tp[place + 1]
            let slope = ratio(gained, max(p - next, 0))
            let intercept = counts.tp[place + 1] - slope * next
            let share = p > 0 && next > 0 ? p / next : 1
            area += ratio(slope * (gained + intercept * log(share)), max(counts.tp[place + 1] + counts.fn[place + 1], 0))
        }
        return area
    }
}

/// The best of one rate where another is high enough.
struct BestUnderConstraint: MetricState {
    private let metric: CountingMetric
    private var thresholds: ThresholdCounts

    init(_ metric: CountingMetric) {
        self.metric = metric
        thresholds = ThresholdCounts(
            count: metric.integer("num_thresholds") ?? 200, inner: nil, ends: (0, 1), column: metric.integer("class_id"))
    }

    var sums: [Double] {
        get { thresholds.sums }
        set { thresholds.sums = newValue }
    }

    mutating func add(_ batch: MetricBatch) { thresholds.add(batch) }

    var result: Double {
        let counts = thresholds.counts
        let recall = zip(counts.tp, counts.fn).map { ratio($0, $0 + $1) }
        let precision = zip(counts.tp, counts.fp).map { ratio($0, $0 + $1) }
        let specificity = zip(counts.tn, counts.fp).map { ratio($0, $0 + $1) }
        let (bound, constrained, wanted) =
            switch metric.kind {
            case .precisionAtRecall: (metric.number("recall"), recall, precision)
            case .recallAtPrecision: (metric.number("precision"), precision, recall)
            case .sensitivityAtSpecificity: (metric.number("specificity"), specificity, recall)
            default: (metric.number("sensitivity"), recall, specificity)
            }
        return zip(constrained, wanted).filter { $0.0 >= bound ?? 0 }.map(\.1).max() ?? 0
    }
}

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
            case .precision: ratio(own.tp, own.tp + own.fp)
            case .recall: ratio(own.tp, own.tp + own.fn)
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
        return ratio(sum, count)
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
            let (precision, recall) = (ratio(tp[place], tp[place] + fp[place]), ratio(tp[place], tp[place] + fn[place]))
            return ratio(precision * recall, square * precision + recall) * (1 + square)
        }
    }

    var result: Double {
        let scores = scores
        guard metric.settings["average"] == "weighted" else { return ratio(scores.reduce(0, +), Double(scores.count)) }
        let total = truths.reduce(0, +)
        return zip(scores, truths).reduce(0) { $0 + $1.0 * ratio($1.1, total) }
    }
}

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

    private func variance(_ column: Int) -> Double { squares[column] - totals[column] * ratio(totals[column], weights) }

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
            return adjusted(ratio(zip(scores, variances).reduce(0) { $0 + $1.0 * $1.1 }, variances.reduce(0, +)))
        }
        return adjusted(ratio(scores.reduce(0, +), Double(scores.count)))
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
        let mean = ratio(sum, weights)
        return metric.kind == .rootMeanSquaredError ? mean.squareRoot() : mean
    }
}
