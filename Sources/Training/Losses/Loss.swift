public import KerasOps
package import KerasSpec
public import Tensors

/// What training makes small, for one output of a model.
///
/// `.categoricalCrossentropy`, `.binaryCrossentropy(fromLogits: true)`, or `Loss(named: "mse")`.
public struct Loss: Hashable, Sendable {
    /// How the losses of a batch become one number.
    public enum Reduction: String, Hashable, Sendable, CaseIterable {
        /// Their mean.
        case sumOverBatchSize = "sum_over_batch_size"
        case sum
    }

    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case categoricalCrossentropy = "categorical_crossentropy"
        case sparseCategoricalCrossentropy = "sparse_categorical_crossentropy"
        case binaryCrossentropy = "binary_crossentropy"
        case meanSquaredError = "mean_squared_error"
        case meanAbsoluteError = "mean_absolute_error"

        /// `CategoricalCrossentropy`.
        package var className: String {
            rawValue.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        }

        var takesLogits: Bool {
            switch self {
            case .categoricalCrossentropy, .sparseCategoricalCrossentropy, .binaryCrossentropy: true
            case .meanSquaredError, .meanAbsoluteError: false
            }
        }
        var takesSmoothing: Bool { self == .categoricalCrossentropy || self == .binaryCrossentropy }
    }

    package var kind: Kind
    /// Whether predictions are logits rather than probabilities.
    public var fromLogits: Bool
    /// The share of each target that is spread over all classes.
    public var labelSmoothing: Double
    public var reduction: Reduction
    /// As it was called: `mse`.
    public let name: String
    /// A user's own function; `kind` says nothing then.
    let custom: CustomMeasure?

    package init(
        _ kind: Kind, fromLogits: Bool = false, labelSmoothing: Double = 0, reduction: Reduction = .sumOverBatchSize,
        name: String? = nil
    ) {
        self.kind = kind
        self.fromLogits = fromLogits
        self.labelSmoothing = labelSmoothing
        self.reduction = reduction
        self.name = name ?? kind.rawValue
        custom = nil
    }

    init(custom: CustomMeasure, name: String, reduction: Reduction = .sumOverBatchSize) {
        // Targets are like predictions, and nothing is known of what the numbers mean.
        kind = .meanSquaredError
        fromLogits = false
        labelSmoothing = 0
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

    public static func categoricalCrossentropy(
        fromLogits: Bool = false, labelSmoothing: Double = 0, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(.categoricalCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing, reduction: reduction)
    }

    public static func sparseCategoricalCrossentropy(
        fromLogits: Bool = false, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(.sparseCategoricalCrossentropy, fromLogits: fromLogits, reduction: reduction)
    }

    public static func binaryCrossentropy(
        fromLogits: Bool = false, labelSmoothing: Double = 0, reduction: Reduction = .sumOverBatchSize
    ) -> Loss {
        Loss(.binaryCrossentropy, fromLogits: fromLogits, labelSmoothing: labelSmoothing, reduction: reduction)
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

    private static let aliases: [String: Kind] = {
        var aliases: [String: Kind] = [
            "mse": .meanSquaredError, "MSE": .meanSquaredError, "mae": .meanAbsoluteError, "MAE": .meanAbsoluteError,
            "bce": .binaryCrossentropy, "BCE": .binaryCrossentropy,
        ]
        for kind in Kind.allCases {
            aliases[kind.rawValue] = kind
            aliases[kind.className] = kind
        }
        return aliases
    }()

    private static let unsupported: Set<String> = [
        "mean_absolute_percentage_error", "mape", "MAPE", "mean_squared_logarithmic_error", "msle", "MSLE", "squared_hinge",
        "hinge", "categorical_hinge", "logcosh", "log_cosh", "huber", "huber_loss", "kullback_leibler_divergence",
        "kl_divergence", "kld", "KLD", "poisson", "cosine_proximity", "cosine_similarity", "cosine", "ctc", "dice", "tversky",
        "circle", "binary_focal_crossentropy", "categorical_focal_crossentropy", "categorical_generalized_cross_entropy",
        "MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "SquaredHinge", "Hinge", "CategoricalHinge", "LogCosh",
        "Huber", "KLDivergence", "Poisson", "CosineSimilarity", "CTC", "Dice", "Tversky", "Circle", "BinaryFocalCrossentropy",
        "CategoricalFocalCrossentropy", "CategoricalGeneralizedCrossEntropy",
    ]

    static func kind(named name: String) throws(LocatedError) -> Kind {
        if let kind = aliases[name] { return kind }
        let known = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        if unsupported.contains(name) {
            throw LocatedError(.unsupported, "loss.unsupported", "expected one of \(known), got \"\(name)\"")
        }
        throw LocatedError(.usage, "loss.unknown", "expected one of \(known), got \"\(name)\"")
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
                custom: custom, name: CustomMeasure.names(of: value).last ?? className, reduction: reduction == "sum" ? .sum : .sumOverBatchSize)
            return
        }
        if className == "function", let name = object["config"]?.string {
            try self.init(named: name)
            return
        }
        let kind = try Loss.kind(named: className)
        guard let settings = object["config"]?.object else {
            self.init(kind)
            return
        }
        var reader = ConfigReader(settings)
        let name = try reader.optionalString("name")
        let reduction = try reader.optionalString("reduction") ?? "sum_over_batch_size"
        let fromLogits = kind.takesLogits ? try reader.bool("from_logits", default: false) : false
        let smoothing = kind.takesSmoothing ? try reader.number("label_smoothing", default: 0, in: 0...1) : 0
        if let axis = try reader.optionalInteger("axis"), axis != -1 {
            throw LocatedError(.unsupported, "loss.axis", "expected the last axis (-1), got \(axis)", at: ["config/axis"])
        }
        if let ignored = reader.value("ignore_class"), !ignored.isNull {
            throw LocatedError(
                .unsupported, "loss.ignore_class", "expected no class to ignore, got \(ignored.summary)",
                at: ["config/ignore_class"])
        }
        // The policy of Keras 3; losses are float32 here.
        reader.ignore("dtype", "fn")
        try reader.finish()
        // `auto` is TensorFlow's word for the default.
        guard let known = reduction == "auto" ? .sumOverBatchSize : Reduction(rawValue: reduction) else {
            throw LocatedError(
                .unsupported, "loss.reduction", "expected \"sum_over_batch_size\" or \"sum\", got \"\(reduction)\"",
                at: ["config/reduction"])
        }
        self.init(kind, fromLogits: fromLogits, labelSmoothing: smoothing, reduction: known, name: name)
    }

    /// As Keras writes it in compile settings: a name where the name says all.
    package var config: ConfigValue {
        if let custom { return custom.config }
        if self == Loss(kind, name: name), (try? Loss.kind(named: name)) == kind { return .string(name) }
        var config: ConfigObject = ["reduction": .string(reduction.rawValue), "name": .string(name)]
        if kind.takesLogits { config["from_logits"] = .bool(fromLogits) }
        if kind.takesSmoothing { config["label_smoothing"] = labelSmoothing == 0 ? .integer(0) : .float(labelSmoothing) }
        return ["class_name": .string(kind.className), "config": .object(config)]
    }
}
