public import KerasOps
package import KerasSpec
import OrderedCollections
public import Tensors

/// What training makes small, for one output of a model.
///
/// `.categoricalCrossentropy`, `.binaryCrossentropy(fromLogits: true)`, `.huber(delta: 0.5)`, or `Loss(named: "mse")`. What each
/// computes from true values t and predictions p is told in terms of the last axis; Keras's own words are in
/// keras/src/losses/losses.py (3.15), and older generations' rules are followed where they train.
public struct Loss: Hashable, Sendable {
    /// How the losses of a batch become one number.
    public enum Reduction: String, Hashable, Sendable, CaseIterable {
        /// Their mean.
        case sumOverBatchSize = "sum_over_batch_size"
        case sum
        /// Their mean.
        case mean
        /// Their sum, divided by that of the sample weights.
        case meanWithSampleWeight = "mean_with_sample_weight"
        /// Not at all. tf.keras and Keras 3 then make their sum small, for so a gradient of several numbers is taken, and report
        /// their mean; Keras 2.3 takes the mean for both.
        case unreduced = "none"
    }

    package var kind: Kind
    /// Whether predictions are logits rather than probabilities.
    public var fromLogits: Bool
    /// The share of each target that is spread over all classes.
    public var labelSmoothing: Double
    /// Further settings by Keras's words, all told: `delta` of Huber.
    package var settings: ConfigObject
    public var reduction: Reduction
    /// As it was called: `mse`.
    public let name: String
    /// A user's own function; `kind` says nothing then.
    let custom: CustomMeasure?

    package init(
        _ kind: Kind, fromLogits: Bool = false, labelSmoothing: Double = 0, settings: ConfigObject = [:],
        reduction: Reduction = .sumOverBatchSize, name: String? = nil
    ) {
        self.kind = kind
        self.fromLogits = fromLogits
        self.labelSmoothing = labelSmoothing
        self.settings = kind.settings.merging(settings) { $1 }
        self.reduction = reduction
        self.name = name ?? kind.rawValue
        custom = nil
    }

    init(custom: CustomMeasure, name: String, reduction: Reduction = .sumOverBatchSize) {
        // Targets are like predictions, and nothing is known of what the numbers mean.
        kind = .meanSquaredError
        fromLogits = false
        labelSmoothing = 0
        settings = [:]
        self.reduction = reduction
        self.name = name
        self.custom = custom
    }

    /// A loss of one's own, written in terms of `ops`: of true and predicted values (both like the output), one number a sample
    /// and place, whose mean training makes small. Files call it by its name: register it for reading them.
    public static func custom(
        _ name: String, _ function: @escaping @Sendable (_ yTrue: Symbol, _ yPred: Symbol) throws(LocatedError) -> Symbol
    ) -> Loss {
        Loss(custom: CustomMeasure(config: .string(name), function: function), name: name)
    }

    /// For targets that are distributions (one-hot): −Σ t·log p.
    public static let categoricalCrossentropy = Loss(.categoricalCrossentropy)
    /// For targets that are class numbers: −log p of the class.
    public static let sparseCategoricalCrossentropy = Loss(.sparseCategoricalCrossentropy)
    /// For targets that are 0 or 1: −t·log p − (1 − t)·log(1 − p), the mean over the last axis.
    public static let binaryCrossentropy = Loss(.binaryCrossentropy)
    /// (p − t)², the mean over the last axis.
    public static let meanSquaredError = Loss(.meanSquaredError)
    /// |p − t|, the mean over the last axis.
    public static let meanAbsoluteError = Loss(.meanAbsoluteError)
    /// 100·|t − p| / |t|, the mean over the last axis.
    public static let meanAbsolutePercentageError = Loss(.meanAbsolutePercentageError)
    /// (log(1 + t) − log(1 + p))², the mean over the last axis.
    public static let meanSquaredLogarithmicError = Loss(.meanSquaredLogarithmicError)
    /// max(1 − t·p, 0), the mean over the last axis. Targets of a batch that are all 0 or 1 count as −1 and 1.
    public static let hinge = Loss(.hinge)
    /// The square of `hinge`'s terms.
    public static let squaredHinge = Loss(.squaredHinge)
    /// max(max((1 − t)·p) − Σ t·p + 1, 0).
    public static let categoricalHinge = Loss(.categoricalHinge)
    /// log cosh(p − t), the mean over the last axis.
    public static let logCosh = Loss(.logCosh)
    /// Σ t·log(t / p).
    public static let klDivergence = Loss(.klDivergence)
    /// p − t·log p, the mean over the last axis.
    public static let poisson = Loss(.poisson)
    /// −cos of the angle between t and p.
    public static let cosineSimilarity = Loss(.cosineSimilarity)
    /// (p − t)²/2 to the distance `delta`, from there on a straight line; the mean over the last axis.
    public static func huber(delta: Double = 1, reduction: Reduction = .sumOverBatchSize) -> Loss {
        Loss(.huber, settings: ["delta": .float(delta)], reduction: reduction)
    }
    /// −cos of the angle between t and p along an axis.
    public static func cosineSimilarity(axis: Int, reduction: Reduction = .sumOverBatchSize) -> Loss {
        Loss(.cosineSimilarity, settings: ["axis": .integer(axis)], reduction: reduction)
    }
    /// Binary cross entropy, each term multiplied by (1 − p_t)^γ, p_t being the probability of what is true.
    ///
    /// - Parameter applyClassBalancing: whether ones count α and zeros 1 − α.
    public static func binaryFocalCrossentropy(
        applyClassBalancing: Bool = false, alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false,
        labelSmoothing: Double = 0, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .binaryFocalCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing,
            settings: ["apply_class_balancing": .bool(applyClassBalancing), "alpha": .float(alpha), "gamma": .float(gamma)],
            reduction: reduction)
    }
    /// −Σ α·(1 − p)^γ·t·log p.
    public static func categoricalFocalCrossentropy(
        alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false, labelSmoothing: Double = 0,
        reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .categoricalFocalCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing,
            settings: ["alpha": .float(alpha), "gamma": .float(gamma)], reduction: reduction)
    }
    /// (1 − p^q) / q of the class's probability, for targets that are class numbers.
    public static func categoricalGeneralizedCrossEntropy(q: Double = 0.5, reduction: Reduction = .sumOverBatchSize) -> Loss {
        Loss(.categoricalGeneralizedCrossEntropy, settings: ["q": .float(q)], reduction: reduction)
    }
    /// 1 − 2·Σ t·p / (Σ t + Σ p).
    ///
    /// - Parameter axis: along which sums are taken; nil: one number for the whole batch.
    public static func dice(axis: [Int]? = nil, reduction: Reduction = .sumOverBatchSize) -> Loss {
        Loss(.dice, settings: ["axis": axes(axis)], reduction: reduction)
    }
    /// 1 − Σ t·p / (Σ t·p + α·Σ t·(1 − p) + β·Σ (1 − t)·p).
    ///
    /// - Parameter axis: along which sums are taken; nil: one number for the whole batch.
    public static func tversky(
        alpha: Double = 0.5, beta: Double = 0.5, axis: [Int]? = nil, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .tversky, settings: ["alpha": .float(alpha), "beta": .float(beta), "axis": axes(axis)], reduction: reduction)
    }
    /// Draws embeddings (of length 1) of one class together and pushes those of others apart; targets are class numbers.
    public static func circle(
        gamma: Double = 80, margin: Double = 0.4, removeDiagonal: Bool = true, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .circle,
            settings: ["gamma": .float(gamma), "margin": .float(margin), "remove_diagonal": .bool(removeDiagonal)],
            reduction: reduction)
    }

    /// Connectionist temporal classification of logits (batch, steps, classes): class 0 is the blank, and pads labels (batch,
    /// places) to one length.
    public static let ctc = Loss(.ctc)

    private static func axes(_ axes: [Int]?) -> ConfigValue { axes.map { .array($0.map(ConfigValue.integer)) } ?? .null }

    public static func categoricalCrossentropy(
        fromLogits: Bool = false, labelSmoothing: Double = 0, axis: Int = -1, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .categoricalCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing, settings: ["axis": .integer(axis)],
            reduction: reduction)
    }

    /// - Parameter ignoreClass: places of this class have no loss and don't count.
    public static func sparseCategoricalCrossentropy(
        fromLogits: Bool = false, ignoreClass: Int? = nil, axis: Int = -1, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .sparseCategoricalCrossentropy, fromLogits: fromLogits,
            settings: ["ignore_class": ignoreClass.map(ConfigValue.integer) ?? .null, "axis": .integer(axis)], reduction: reduction)
    }

    public static func binaryCrossentropy(
        fromLogits: Bool = false, labelSmoothing: Double = 0, axis: Int = -1, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(
            .binaryCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing, settings: ["axis": .integer(axis)],
            reduction: reduction)
    }

    /// By Keras's name or alias: `categorical_crossentropy`, `mse`, `BinaryCrossentropy`.
    ///
    /// - Throws: `.unsupported` for Keras's other losses, `.usage` for words that Keras doesn't know either.
    public init(named name: String) throws(LocatedError) {
        if let custom = CustomMeasure(named: .string(name)) {
            self.init(custom: custom, name: name)
            return
        }
        self.init(try Loss.kind(named: name), name: name)
    }

    static func kind(named name: String) throws(LocatedError) -> Kind {
        if let kind = Kind.named[name] { return kind }
        if ["Loss", "LossFunctionWrapper"].contains(name) {
            throw LocatedError(
                .unsupported, "loss.unsupported", "expected a loss, got \"\(name)\", the class that losses are made from",
                hint: "A loss of one's own is Loss.custom.")
        }
        let known = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        throw LocatedError(.usage, "loss.unknown", "expected one of \(known), got \"\(name)\"", hint: NearestName.hint(for: name, in: Kind.allCases.map(\.rawValue) + Kind.named.keys.sorted()))
    }
}

// MARK: Serialized

extension Loss {
    /// From compile settings of any generation: a name, `{"class_name": …, "config": {…}}`, or Keras 3's function.
    package init(config value: ConfigValue) throws(LocatedError) {
        if let name = value.string {
            try self.init(named: name)
            return
        }
        guard let object = value.object, let className = object["class_name"]?.string else {
            throw LocatedError(.invalid, "loss.config", "expected a loss's name or its settings, got \(value.summary)")
        }
        if let custom = CustomMeasure(named: value) {
            let reduction = object["config"]?.object?["reduction"]?.string
            self.init(
                custom: custom, name: CustomMeasure.names(of: value).last ?? className,
                reduction: reduction.flatMap(Reduction.init(rawValue:)) ?? .sumOverBatchSize)
            return
        }
        if className == "function", let name = object["config"]?.string {
            try self.init(named: name)
            return
        }
        if let wrapped = object["config"]?.object?["fn"], className == "LossFunctionWrapper" {
            self.init(try Loss.kind(named: wrapped.string ?? wrapped.object?["config"]?.string ?? className))
            return
        }
        let kind = try Loss.kind(named: className)
        guard let settings = object["config"]?.object else {
            self.init(kind)
            return
        }
        var reader = ConfigReader(settings)
        let name = try reader.optionalString("name")
        // Keras 3 takes Python's None for the word.
        let isNone = settings["reduction"]?.isNull == true
        let reduction = try reader.optionalString("reduction") ?? (isNone ? Reduction.unreduced : .sumOverBatchSize).rawValue
        let fromLogits = kind.takesLogits ? try reader.bool("from_logits", default: false) : false
        let smoothing = kind.takesSmoothing ? try reader.number("label_smoothing", default: 0, in: 0...1) : 0
        var own: ConfigObject = [:]
        for (key, standard) in kind.settings {
            guard let value = reader.value(key), !value.isNull else { continue }
            own[key] = try kind.setting(key, value, like: standard)
        }
        // The policy of Keras 3; losses are float32 here.
        reader.ignore("dtype", "fn")
        try reader.finish()
        // `auto` is TensorFlow's word for the default.
        guard let known = reduction == "auto" ? .sumOverBatchSize : Reduction(rawValue: reduction) else {
            throw LocatedError(
                .unsupported, "loss.reduction", "expected one of \(Reduction.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")), got \"\(reduction)\"",
                at: ["config/reduction"])
        }
        self.init(
            kind, fromLogits: fromLogits, labelSmoothing: smoothing, settings: own, reduction: known, name: name)
    }

    /// As Keras writes it in compile settings: a name where the name says all.
    package var config: ConfigValue {
        if let custom { return custom.config }
        if self == Loss(kind, name: name), (try? Loss.kind(named: name)) == kind { return .string(name) }
        var config: ConfigObject = ["reduction": .string(reduction.rawValue), "name": .string(name)]
        if kind.takesLogits { config["from_logits"] = .bool(fromLogits) }
        if kind.takesSmoothing { config["label_smoothing"] = labelSmoothing == 0 ? .integer(0) : .float(labelSmoothing) }
        for (key, value) in settings where kind.settings[key] != value { config[key] = value }
        return ["class_name": .string(kind.className), "config": .object(config)]
    }
}

extension Loss.Kind {
    /// A setting's value, checked.
    fileprivate func setting(
        _ key: String, _ value: ConfigValue, like standard: ConfigValue
    ) throws(LocatedError) -> ConfigValue {
        func fail(_ expected: String) -> LocatedError {
            LocatedError(.invalid, "loss.setting", "expected \(expected), got \(value.summary)", at: [rawValue, "config/\(key)"])
        }
        switch key {
        case "axis" where self == .dice || self == .tversky:
            if let axis = value.integer { return [.integer(axis)] }
            guard let axes = value.array, axes.allSatisfy({ $0.integer != nil }) else { throw fail("axes") }
            return value
        case "axis":
            guard value.integer != nil else { throw fail("an axis") }
            return value
        case "ignore_class":
            guard let ignored = value.integer else { throw fail("a class's number or null") }
            return .integer(ignored)
        default:
            if case .bool = standard {
                guard case .bool = value else { throw fail("true or false") }
                return value
            }
            guard let number = value.number else { throw fail("a number") }
            return .float(number)
        }
    }
}
