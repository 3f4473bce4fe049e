import Graphs
import KerasOps
package import KerasSpec
import Layers
import OrderedCollections
package import Tensors

/// A metric that isn't a mean over samples: counts and sums over all batches, and what becomes of them.
///
/// Source: keras/src/metrics/*.py (3.15).
package struct CountingMetric: Hashable, Sendable {
    /// Keras's classes.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case auc = "AUC"
        case precision = "Precision"
        case recall = "Recall"
        case truePositives = "TruePositives"
        case trueNegatives = "TrueNegatives"
        case falsePositives = "FalsePositives"
        case falseNegatives = "FalseNegatives"
        case precisionAtRecall = "PrecisionAtRecall"
        case recallAtPrecision = "RecallAtPrecision"
        case sensitivityAtSpecificity = "SensitivityAtSpecificity"
        case specificityAtSensitivity = "SpecificityAtSensitivity"
        case iou = "IoU"
        case binaryIoU = "BinaryIoU"
        case meanIoU = "MeanIoU"
        case oneHotIoU = "OneHotIoU"
        case oneHotMeanIoU = "OneHotMeanIoU"
        case f1Score = "F1Score"
        case fBetaScore = "FBetaScore"
        case r2Score = "R2Score"
        case rootMeanSquaredError = "RootMeanSquaredError"
        case pearsonCorrelation = "PearsonCorrelation"
        case concordanceCorrelation = "ConcordanceCorrelation"
        case topKCategoricalAccuracy = "TopKCategoricalAccuracy"
        case sparseTopKCategoricalAccuracy = "SparseTopKCategoricalAccuracy"
        case equality = "Accuracy"

        /// The name it has where none was given: `top_k_categorical_accuracy`.
        var standardName: String {
            if self == .fBetaScore { return "fbeta_score" }
            let letters = Array(rawValue)
            var name = ""
            for (place, letter) in letters.enumerated() {
                let beginsWord = letter.isUppercase && place + 1 < letters.count && letters[place + 1].isLowercase
                let endsWord = letter.isUppercase && place > 0 && letters[place - 1].isLowercase
                if place > 0, beginsWord || endsWord { name.append("_") }
                name += letter.lowercased()
            }
            return name
        }

        /// Settings with their defaults, in Keras's order.
        var settings: ConfigObject {
            switch self {
            case .auc:
                [
                    "num_thresholds": 200, "curve": "ROC", "summation_method": "interpolation", "multi_label": false,
                    "num_labels": .null, "label_weights": .null, "thresholds": .null, "from_logits": false,
                ]
            case .precision, .recall: ["thresholds": .null, "top_k": .null, "class_id": .null]
            case .truePositives, .trueNegatives, .falsePositives, .falseNegatives: ["thresholds": .null]
            case .precisionAtRecall: ["num_thresholds": 200, "recall": .null, "class_id": .null]
            case .recallAtPrecision: ["num_thresholds": 200, "precision": .null, "class_id": .null]
            case .sensitivityAtSpecificity: ["num_thresholds": 200, "specificity": .null, "class_id": .null]
            case .specificityAtSensitivity: ["num_thresholds": 200, "sensitivity": .null, "class_id": .null]
            case .iou:
                [
                    "num_classes": .null, "target_class_ids": .null, "ignore_class": .null, "sparse_y_true": true,
                    "sparse_y_pred": true, "axis": -1,
                ]
            case .binaryIoU: ["target_class_ids": [0, 1], "threshold": 0.5]
            case .meanIoU:
                ["num_classes": .null, "ignore_class": .null, "sparse_y_true": true, "sparse_y_pred": true, "axis": -1]
            case .oneHotIoU:
                [
                    "num_classes": .null, "target_class_ids": .null, "ignore_class": .null, "sparse_y_pred": false, "axis": -1,
                ]
            case .oneHotMeanIoU: ["num_classes": .null, "ignore_class": .null, "sparse_y_pred": false, "axis": -1]
            case .f1Score: ["average": .null, "threshold": .null]
            case .fBetaScore: ["average": .null, "beta": 1.0, "threshold": .null]
            case .r2Score: ["class_aggregation": "uniform_average", "num_regressors": 0]
            case .rootMeanSquaredError, .equality: [:]
            case .pearsonCorrelation, .concordanceCorrelation: ["axis": -1]
            case .topKCategoricalAccuracy: ["k": 5]
            case .sparseTopKCategoricalAccuracy: ["k": 5, "from_sorted_ids": false]
            }
        }

        /// Whether targets are class numbers where predictions have one number a class; nil: as the loss has them.
        var takesLabels: Bool? {
            switch self {
            case .sparseTopKCategoricalAccuracy: true
            case .iou, .meanIoU: nil
            default: false
            }
        }

        /// By Keras's class or function: `AUC`, `auc`.
        static let named: [String: Kind] = {
            var named: [String: Kind] = [:]
            for kind in allCases where kind != .equality { (named[kind.rawValue], named[kind.standardName]) = (kind, kind) }
            named["Accuracy"] = .equality
            // Keras 3's snakes have a word more.
            named["f_beta_score"] = .fBetaScore
            return named
        }()
    }

    package var kind: Kind
    /// All told.
    package let settings: ConfigObject

    /// Throws for settings that aren't Keras's.
    package init(_ kind: Kind, settings given: ConfigObject = [:]) throws(LocatedError) {
        self.kind = kind
        var settings = kind.settings
        for (key, value) in given where !["name", "dtype"].contains(key) {
            guard settings[key] != nil else {
                let known = settings.keys.joined(separator: ", ")
                throw LocatedError(
                    .unsupported, "metric.setting",
                    "expected \(known.isEmpty ? "no settings" : "one of the settings \(known)"), got \"\(key)\"", at: [kind.rawValue])
            }
            settings[key] = value
        }
        self.settings = settings
        try check()
    }

    private func check() throws(LocatedError) {
        func fail(_ key: String, _ expected: String, _ category: LocatedError.Category = .invalid) -> LocatedError {
            LocatedError(
                category, "metric.setting", "expected \(expected), got \(settings[key]?.summary ?? "nothing")",
                at: [kind.rawValue, "config/\(key)"])
        }
        func require(_ key: String, in range: ClosedRange<Double>, _ what: String) throws(LocatedError) {
            guard settings.keys.contains(key) else { return }
            guard let number = settings[key]?.number, range.contains(number) else { throw fail(key, what) }
        }
        for key in ["recall", "precision", "specificity", "sensitivity"] {
            try require(key, in: 0...1, "a number from 0 to 1")
        }
        try require("k", in: 1...1e9, "a number of places from 1 on")
        try require("num_thresholds", in: 1...1e6, "a number of thresholds from 1 to a million")
        try require("num_classes", in: 1...1e5, "a number of classes from 1 to 100,000")
        try require("beta", in: 1e-30...1e30, "a number above 0")
        switch kind {
        case .pearsonCorrelation, .concordanceCorrelation:
            guard axes?.isEmpty == false else { throw fail("axis", "an axis or a list of axes") }
        default:
            // Keras itself adds up its vector of classes along this axis, which has no other.
            if let axis = settings["axis"], axis != -1 { throw fail("axis", "the last axis (-1)", .unsupported) }
        }
        if kind == .f1Score || kind == .fBetaScore {
            guard settings["average"]?.isNull ?? true || ["micro", "macro", "weighted"].contains(settings["average"]?.string) else {
                throw fail("average", "one of micro, macro, weighted and null")
            }
        }
        if kind == .r2Score {
            guard
                settings["class_aggregation"]?.isNull ?? true
                    || ["uniform_average", "variance_weighted_average"].contains(settings["class_aggregation"]?.string)
            else { throw fail("class_aggregation", "uniform_average, variance_weighted_average or null") }
        }
        if kind == .auc {
            guard ["ROC", "PR"].contains(settings["curve"]?.string?.uppercased()) else { throw fail("curve", "ROC or PR") }
            guard ["interpolation", "minoring", "majoring"].contains(settings["summation_method"]?.string?.lowercased()) else {
                throw fail("summation_method", "interpolation, minoring or majoring")
            }
            if settings["multi_label"] == .bool(true), settings["from_logits"] == .bool(false), let weights = settings["label_weights"]?.array,
                !weights.allSatisfy({ ($0.number ?? -1) >= 0 })
            {
                throw fail("label_weights", "numbers of at least 0")
            }
        } else if let list = settings["thresholds"]?.array, list.isEmpty {
            throw fail("thresholds", "one threshold or more")
        }
        if let list = settings["thresholds"]?.array, !list.allSatisfy({ $0.number.map { (0...1).contains($0) } ?? false }) {
            throw fail("thresholds", "numbers from 0 to 1")
        }
    }

    /// Throws unless an output and its loss's targets are what this counts.
    func require(_ prediction: PartialShape, loss: Loss, _ name: String) throws(LocatedError) {
        if let wants = kind.takesLabels, wants != (loss.targetType == .int32), wants || kind != .equality {
            let has = loss.targetType == .int32 ? "class numbers" : "targets like the output"
            throw LocatedError(
                .mismatch, "metric.targets", "expected a metric for \(has), as the loss \(loss.name) has them, got \(kind.rawValue)",
                at: [name])
        }
        let ranked: Set<Kind> = [.f1Score, .fBetaScore, .r2Score]
        guard prediction.rank == 2 || !ranked.contains(kind) else {
            throw LocatedError(
                .mismatch, "metric.shape", "expected an output of two axes for \(kind.rawValue), got the shape \(prediction)", at: [name])
        }
    }

    // MARK: Correlations along other axes

    /// Axes of a correlation; nil for what is none.
    private var axes: [Int]? {
        guard let value = settings["axis"] else { return nil }
        if let axis = value.integer { return [axis] }
        guard let list = value.array else { return nil }
        let axes = list.compactMap(\.integer)
        return axes.count == list.count ? axes : nil
    }

    /// Whether it is computed in the graph: a correlation along other axes than the last one.
    var isFormula: Bool { (kind == .pearsonCorrelation || kind == .concordanceCorrelation) && axes != [-1] }

    /// Correlations along the first axis have no sample that a weight could be of.
    func requireUnweighted(_ isUnweighted: Bool, rank: Int, _ name: String) throws(LocatedError) {
        guard !isUnweighted, let axes, axes.contains(where: { $0 == 0 || $0 == -rank }) else { return }
        throw LocatedError(
            .mismatch, "metric.weights", "expected no weights or mask beside a correlation over samples, got some", at: [name])
    }

    /// Adds a correlation's nodes: a number for each place that its axes leave.
    ///
    /// Source: keras/src/metrics/correlation_metrics.py (3.15).
    func correlation(
        of prediction: Value, targets: Value, loss: Loss, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let shape = builder.graph.info(prediction).shape
        try require(shape, loss: loss, label)
        let axes = axes ?? [-1]
        for axis in axes where !(-shape.rank..<shape.rank).contains(axis) {
            throw LocatedError(
                .mismatch, "metric.axis", "expected one of the \(shape.rank) axes of the output, got \(axis)",
                at: [label, "config/axis"])
        }
        let scope = LoweringContext(continuing: builder, label: label)
        let (t, p) = (Symbol(targets, in: scope), Symbol(prediction, in: scope))
        let isPearson = kind == .pearsonCorrelation
        let value = try locating(label) { () throws(LocatedError) in
            func mean(_ x: Symbol) throws(LocatedError) -> Symbol { try ops.mean(x, axis: axes, keepdims: true) }
            let (meanT, meanP) = (try mean(t), try mean(p))
            let (a, b) = (try t - meanT, try p - meanP)
            let (varianceA, varianceB) = (try mean(ops.square(a)), try mean(ops.square(b)))
            let terms: Symbol
            if isPearson {
                terms = try a / ops.sqrt(varianceA) * (b / ops.sqrt(varianceB))
            } else {
                // Word for word, with the predictions' mean taken from the targets.
                let norm = try varianceA + varianceB + ops.square(meanT - meanP)
                terms = try 2 * ((t - meanP) * b) / (norm + 1e-7)
            }
            let value = try ops.mean(terms, axis: axes)
            return value.shape.rank == 0 ? try ops.reshape(value, [1]) : value
        }
        builder = scope.builder
        return value.value
    }

    // MARK: Settings by type

    func number(_ key: String) -> Double? { settings[key]?.number }
    func integer(_ key: String) -> Int? { settings[key]?.integer ?? settings[key]?.number.flatMap { Int(exactly: $0) } }
    func isSet(_ key: String) -> Bool { settings[key] == .bool(true) }
    /// One or more.
    func thresholds(_ standard: Double) -> [Float] {
        settings["thresholds"]?.array.map { $0.compactMap { $0.number.map { Float($0) } } } ?? [Float(number("thresholds") ?? standard)]
    }

    /// How many numbers it gives for an output of so many columns.
    func resultCount(columns: Int?) -> Int {
        switch kind {
        case .precision, .recall, .truePositives, .trueNegatives, .falsePositives, .falseNegatives: settings["thresholds"]?.array?.count ?? 1
        case .f1Score, .fBetaScore: settings["average"]?.isNull ?? true ? columns ?? 1 : 1
        case .r2Score: settings["class_aggregation"]?.isNull ?? true ? columns ?? 1 : 1
        default: 1
        }
    }

    /// What adds up batches.
    package func makeState(_ generation: TrainingGeneration) -> any MetricState {
        switch kind {
        case .auc: AreaUnderCurve(self)
        case .precisionAtRecall, .recallAtPrecision, .sensitivityAtSpecificity, .specificityAtSensitivity:
            BestUnderConstraint(self)
        case .precision, .recall, .truePositives, .trueNegatives, .falsePositives, .falseNegatives: ConfusionCounts(self)
        case .iou, .binaryIoU, .meanIoU, .oneHotIoU, .oneHotMeanIoU: 
            // Keras 3 counts in whole numbers.
            IntersectionOverUnion(self, truncatesWeights: generation == .keras3)
        case .f1Score, .fBetaScore: FBetaCounts(self)
        case .r2Score: DeterminationSums(self)
        case .rootMeanSquaredError, .pearsonCorrelation, .concordanceCorrelation, .topKCategoricalAccuracy,
            .sparseTopKCategoricalAccuracy, .equality:
            SampleMean(self)
        }
    }
}

/// A metric on its way through the batches of an epoch.
package protocol MetricState {
    mutating func add(_ batch: MetricBatch)
    var result: Double { get }
    /// More than one where the settings ask for it: a number for each threshold, class or column.
    var results: [Double] { get }
    /// All that was added up, for a training that goes on later.
    var sums: [Double] { get set }
}

extension MetricState {
    package var results: [Double] { [result] }
}

/// A batch as counting metrics see it. Pointers are good while the batch is.
package struct MetricBatch {
    package enum Targets {
        /// Like the predictions.
        case values(UnsafePointer<Float>)
        /// Class numbers, one for each row.
        case labels(UnsafePointer<Int32>)
    }

    /// Rows × columns, the last axis being the columns.
    package var predictions: UnsafePointer<Float>
    package var rows: Int
    package var columns: Int
    package var targets: Targets
    /// Of samples or steps, and of a mask: `rows` in all.
    package var weights: [Float]?

    func weight(_ row: Int) -> Double { weights.map { Double($0[row]) } ?? 1 }

    /// What is true of an element: a label counts as one-hot.
    func truth(_ row: Int, _ column: Int) -> Float {
        switch targets {
        case .values(let values): values[row * columns + column]
        case .labels(let labels): Int(labels[row]) == column ? 1 : 0
        }
    }

    /// The class that is true, or the largest of a row's targets.
    func label(_ row: Int) -> Int {
        switch targets {
        case .values(let values): Self.largest(values + row * columns, columns)
        case .labels(let labels): Int(labels[row])
        }
    }

    /// The first place of the largest.
    static func largest(_ values: UnsafePointer<Float>, _ count: Int) -> Int {
        var best = 0
        for place in 1..<max(count, 1) where values[place] > values[best] { best = place }
        return best
    }
}

/// a / b; 0 where b is 0.
func divideNoNaN(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a / b }
