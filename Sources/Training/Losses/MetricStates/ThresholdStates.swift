import KerasSpec
import OrderedCollections

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// States of metrics that compare predictions with thresholds. Sums are kept in double precision; Keras's float32 sums depart from them by rounding.

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
        return divideNoNaN(sum.0, sum.1)
    }

    private func area(_ counts: ThresholdCounts.Counts) -> Double {
        let isROC = metric.settings["curve"]?.string?.uppercased() == "ROC"
        let method = metric.settings["summation_method"]?.string?.lowercased()
        if !isROC, method == "interpolation" { return interpolated(counts) }
        let recall = zip(counts.tp, counts.fn).map { divideNoNaN($0, $0 + $1) }
        let x = isROC ? zip(counts.fp, counts.tn).map { divideNoNaN($0, $0 + $1) } : recall
        let y = isROC ? recall : zip(counts.tp, counts.fp).map { divideNoNaN($0, $0 + $1) }
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
            let slope = divideNoNaN(gained, max(p - next, 0))
            let intercept = counts.tp[place + 1] - slope * next
            let share = p > 0 && next > 0 ? p / next : 1
            area += divideNoNaN(slope * (gained + intercept * log(share)), max(counts.tp[place + 1] + counts.fn[place + 1], 0))
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
        let recall = zip(counts.tp, counts.fn).map { divideNoNaN($0, $0 + $1) }
        let precision = zip(counts.tp, counts.fp).map { divideNoNaN($0, $0 + $1) }
        let specificity = zip(counts.tn, counts.fp).map { divideNoNaN($0, $0 + $1) }
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
