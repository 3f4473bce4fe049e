public import KerasOps
public import KerasSpec
internal import OrderedCollections
public import Tensors

/// What is measured beside the loss.
public struct Metric: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// Which accuracy, Keras decides from the output and the loss.
        case accuracy
        /// Which cross entropy, likewise.
        case crossentropy
        case categoricalAccuracy, sparseCategoricalAccuracy, binaryAccuracy
        /// Binary accuracy with a threshold other than 1/2.
        case binaryAccuracyAbove(Double)
        /// A loss, measured.
        case loss(Loss)
        /// Counts and sums that aren't means over samples.
        case counting(CountingMetric)
        /// Keras 1's scores of a batch.
        case batchScore(BatchScore)
        /// A user's own function.
        case custom(CustomMeasure)
    }

    package var kind: Kind
    /// What it is reported as: `accuracy`.
    public let name: String

    package init(_ kind: Kind, name: String) {
        self.kind = kind
        self.name = name
    }

    /// The share of right predictions: categorical, sparse or binary as output and loss tell.
    public static let accuracy = Metric(.accuracy, name: "accuracy")
    /// One-hot targets and predictions with their largest element at one place.
    public static let categoricalAccuracy = Metric(.categoricalAccuracy, name: "categorical_accuracy")
    /// Predictions with their largest element at the class's number.
    public static let sparseCategoricalAccuracy = Metric(.sparseCategoricalAccuracy, name: "sparse_categorical_accuracy")
    /// Predictions on the right side of 1/2.
    public static let binaryAccuracy = Metric(.binaryAccuracy, name: "binary_accuracy")
    /// A loss, measured without being made small.
    public static func loss(_ loss: Loss) -> Metric { Metric(.loss(loss), name: loss.name) }

    /// A metric of Keras's by its class and settings: `try Metric("AUC", ["curve": "PR"])`.
    ///
    /// - Parameters:
    ///   - className: AUC, Precision, Recall, TruePositives, TrueNegatives, FalsePositives, FalseNegatives, PrecisionAtRecall,
    ///     RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity, IoU, BinaryIoU, MeanIoU, OneHotIoU,
    ///     OneHotMeanIoU, F1Score, FBetaScore, R2Score, RootMeanSquaredError, PearsonCorrelation, ConcordanceCorrelation,
    ///     TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy, Accuracy, BinaryAccuracy, or a loss's class.
    ///   - settings: Keras's arguments.
    ///   - name: as it is reported; nil: Keras's name for the class.
    public init(_ className: String, _ settings: [String: ConfigValue], name: String? = nil) throws(LocatedError) {
        var config = ConfigObject(uniqueKeysWithValues: settings.sorted { $0.key < $1.key })
        if let name { config["name"] = .string(name) }
        try self.init(config: ["class_name": .string(className), "config": .object(config)])
    }

    /// By Keras's name or alias: `accuracy`, `acc`, `mse`. The metric is reported under this name.
    ///
    /// - Throws: `.unsupported` for Keras's other metrics, `.usage` for words that Keras doesn't know either.
    public init(named name: String) throws(LocatedError) {
        if let custom = CustomMeasure(named: .string(name)) {
            self.init(.custom(custom), name: name)
            return
        }
        let kind = try Metric.kind(named: name)
        if case .counting(let counting) = kind {
            self.init(kind, name: counting.kind.standardName)
        } else {
            self.init(kind, name: name)
        }
    }

    /// A metric of one's own, written in terms of `ops`: of true and predicted values (both like the output), one number a
    /// sample, of which the mean is reported. Files call it by its name: register it for reading them.
    public static func custom(
        _ name: String, _ function: @escaping @Sendable (_ yTrue: Symbol, _ yPred: Symbol) throws(LocatedError) -> Symbol
    ) -> Metric {
        Metric(.custom(CustomMeasure(config: .string(name), function: function)), name: name)
    }

    /// Keras's metrics that no model can be compiled with, and why.
    ///
    /// Measured: Keras 2.3.1, tf-keras 2.21 and Keras 3.15.1 end the first step of a model that was compiled with one of the
    /// first three with a TypeError.
    private static let unsupported: [String: String] = {
        let ofValues = "which adds up values that a model's own code gives it: in compile it fails in Keras, too"
        let base = "a class that metrics are made from"
        let relative = "which needs an array to divide by"
        return [
            "Mean": ofValues, "mean": ofValues, "Sum": ofValues, "sum": ofValues, "MeanTensor": ofValues, "Metric": base, "metric": base,
            "PyMetric": base, "Reduce": base, "SumOverBatchSize": ofValues, "SumOverBatchSizeMetricWrapper": base,
            "SensitivitySpecificityBase": base, "MeanMetricWrapper": base, "mean_metric_wrapper": base, "MeanRelativeError": relative,
        ]
    }()

    private static func kind(named name: String) throws(LocatedError) -> Kind {
        switch name {
        case "accuracy", "acc", "ACC": return .accuracy
        case "crossentropy", "ce": return .crossentropy
        case "categorical_accuracy", "CategoricalAccuracy": return .categoricalAccuracy
        case "sparse_categorical_accuracy", "SparseCategoricalAccuracy": return .sparseCategoricalAccuracy
        case "binary_accuracy", "BinaryAccuracy": return .binaryAccuracy
        case "LogCoshError", "log_cosh_error": return .loss(.logCosh)
        default: break
        }
        if let reason = unsupported[name] {
            throw LocatedError(
                .unsupported, "metric.unsupported", "expected a metric of true and predicted values, got \"\(name)\", \(reason)")
        }
        if let kind = CountingMetric.Kind.named[name] { return .counting(try CountingMetric(kind)) }
        if let score = BatchScore(rawValue: name) ?? BatchScore.aliases[name] { return .batchScore(score) }
        do throws(LocatedError) { return .loss(try Loss(named: name)) } catch {
            if error.category == .unsupported { throw error }
            throw LocatedError(.usage, "metric.unknown", "expected the name of a metric, such as \"accuracy\", got \"\(name)\"",
                hint: NearestName.hint(for: name, in: known))
        }
    }

    /// What suggestions are made from.
    private static var known: [String] {
        ["accuracy", "crossentropy", "categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy"]
            + CountingMetric.Kind.named.keys.filter { $0 == $0.lowercased() }.sorted() + BatchScore.allCases.map(\.rawValue)
            + Loss.Kind.allCases.map(\.rawValue) + Loss.Kind.named.keys.sorted()
    }

    /// From compile settings of any generation: a name, a metric's settings, or a wrapped function (tf.keras).
    package init(config value: ConfigValue) throws(LocatedError) {
        if let name = value.string {
            try self.init(named: name)
            return
        }
        guard let object = value.object, let className = object["class_name"]?.string else {
            throw LocatedError(.invalid, "metric.config", "expected a metric's name or its settings, got \(value.summary)")
        }
        if let custom = CustomMeasure(named: value) {
            self.init(.custom(custom), name: CustomMeasure.names(of: value).last ?? className)
            return
        }
        if className == "function", let name = object["config"]?.string {
            try self.init(named: name)
            return
        }
        let settings = object["config"]?.object ?? [:]
        let reported = settings["name"]?.string
        if className == "MeanMetricWrapper" || className == "SumOverBatchSizeMetricWrapper" {
            guard let function = settings["fn"]?.string ?? settings["fn"]?.object?["config"]?.string else {
                throw LocatedError(
                    .invalid, "metric.config", "expected a function's name, got \(settings["fn"]?.summary ?? "nothing")",
                    at: ["config/fn"])
            }
            if let fn = settings["fn"], let custom = CustomMeasure(named: fn) {
                self.init(.custom(custom), name: reported ?? function)
                return
            }
            self.init(try Metric.kind(named: function), name: reported ?? function)
            return
        }
        if let kind = CountingMetric.Kind.named[className] {
            let counting = try CountingMetric(kind, settings: settings)
            self.init(.counting(counting), name: reported ?? kind.standardName)
            return
        }
        var kind = try Metric.kind(named: className)
        if case .loss(let loss) = kind {
            var own = settings
            own["name"] = .string(loss.kind.rawValue)
            own["reduction"] = nil
            kind = .loss(try Loss(config: ["class_name": .string(loss.kind.className), "config": .object(own)]))
        }
        if kind == .binaryAccuracy, let threshold = settings["threshold"]?.number, threshold != 0.5 {
            kind = .binaryAccuracyAbove(threshold)
        }
        self.init(kind, name: reported ?? className)
    }

    /// The name that stands in compile settings: its own if it tells what it is, else the function's.
    package var config: ConfigValue {
        if let known = try? Metric.kind(named: name) {
            if known == kind || known == .accuracy && isAccuracy { return .string(name) }
        }
        switch kind {
        case .accuracy: return "accuracy"
        case .crossentropy: return "crossentropy"
        case .categoricalAccuracy: return "categorical_accuracy"
        case .sparseCategoricalAccuracy: return "sparse_categorical_accuracy"
        case .binaryAccuracy: return "binary_accuracy"
        case .binaryAccuracyAbove(let threshold):
            return ["class_name": "BinaryAccuracy", "config": ["name": .string(name), "threshold": .float(threshold)]]
        case .loss(let loss):
            guard let config = loss.config.object?["config"]?.object else { return loss.config }
            // Metrics have no reduction, and a name of their own.
            var own: ConfigObject = ["name": .string(name)]
            for (key, value) in config where key != "name" && key != "reduction" { own[key] = value }
            return ["class_name": .string(loss.kind == .logCosh ? "LogCoshError" : loss.kind.className), "config": .object(own)]
        case .batchScore(let score): return .string(score.rawValue)
        case .counting(let counting):
            var config: ConfigObject = ["name": .string(name)]
            for (key, value) in counting.settings where counting.kind.settings[key] != value { config[key] = value }
            return ["class_name": .string(counting.kind.rawValue), "config": .object(config)]
        case .custom(let measure): return measure.config
        }
    }

    /// Whether a class of Keras's has this name.
    static func isClass(_ name: String) throws(LocatedError) -> Bool {
        if CountingMetric.Kind(rawValue: name) != nil { return true }
        guard name.first?.isUppercase == true else { return false }
        _ = try kind(named: name)
        return true
    }

    private var isAccuracy: Bool {
        if case .binaryAccuracyAbove = kind { return false }
        return [.accuracy, .categoricalAccuracy, .sparseCategoricalAccuracy, .binaryAccuracy].contains(kind)
    }
}
