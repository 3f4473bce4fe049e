import KerasSpec

/// What losses are called from generation to generation.
///
/// Source: `keras/objectives.py` 1.2.2, `keras/losses.py` 2.3.1, `tf_keras/src/losses.py` 2.21,
/// `keras/src/losses/__init__.py` 3.15.
struct LossNames: Sendable {
    /// Keras 3's function and class.
    let function: String
    let className: String
    /// Keras 1's and 2.3's function; nil: they have none.
    let keras1: String?
    let keras2: String?
    /// Whether tf-keras has it, too.
    let isInTfKeras: Bool
    /// Whether standalone Keras 2.3 has the class.
    let hasKeras2Class: Bool
    let aliases: [String]

    private static func loss(
        _ function: String, _ className: String, keras1: String?, keras2: String?, tfKeras: Bool = true,
        keras2Class: Bool = true, _ aliases: String...
    ) -> LossNames {
        LossNames(
            function: function, className: className, keras1: keras1, keras2: keras2, isInTfKeras: tfKeras,
            hasKeras2Class: keras2Class, aliases: aliases)
    }

    private static func same(_ function: String, _ className: String, _ aliases: String...) -> LossNames {
        LossNames(
            function: function, className: className, keras1: function, keras2: function, isInTfKeras: true,
            hasKeras2Class: true, aliases: aliases)
    }

    private static let all: [LossNames] = [
        same("mean_squared_error", "MeanSquaredError", "mse", "MSE"),
        same("mean_absolute_error", "MeanAbsoluteError", "mae", "MAE"),
        same("mean_absolute_percentage_error", "MeanAbsolutePercentageError", "mape", "MAPE"),
        same("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", "msle", "MSLE"),
        same("squared_hinge", "SquaredHinge"), same("hinge", "Hinge"), same("poisson", "Poisson"),
        same("binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"),
        same("categorical_crossentropy", "CategoricalCrossentropy"),
        same("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"),
        loss("categorical_hinge", "CategoricalHinge", keras1: nil, keras2: "categorical_hinge"),
        loss(
            "kl_divergence", "KLDivergence", keras1: "kullback_leibler_divergence", keras2: "kullback_leibler_divergence",
            "kullback_leibler_divergence", "kld", "KLD"),
        loss(
            "cosine_similarity", "CosineSimilarity", keras1: "cosine_proximity", keras2: "cosine_proximity",
            keras2Class: false, "cosine_proximity", "cosine"),
        loss("log_cosh", "LogCosh", keras1: nil, keras2: "logcosh", "logcosh"),
        loss("huber", "Huber", keras1: nil, keras2: "huber_loss", "huber_loss"),
        loss("binary_focal_crossentropy", "BinaryFocalCrossentropy", keras1: nil, keras2: nil),
        loss("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", keras1: nil, keras2: nil),
        loss("dice", "Dice", keras1: nil, keras2: nil, tfKeras: false),
        loss("tversky", "Tversky", keras1: nil, keras2: nil, tfKeras: false),
        loss("circle", "Circle", keras1: nil, keras2: nil, tfKeras: false),
        loss("ctc", "CTC", keras1: nil, keras2: nil, tfKeras: false),
        loss(
            "categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", keras1: nil, keras2: nil,
            tfKeras: false),
    ]

    /// By a function's name or alias, or a class's name, of any generation.
    static func known(as name: String) -> LossNames? {
        all.first { $0.function == name || $0.className == name || $0.aliases.contains(name) }
    }

    /// The function's name in a dialect; nil: it has none.
    func function(in dialect: Dialect) -> String? {
        switch dialect {
        case .keras1: keras1
        case .keras2: keras2
        case .tfKeras: isInTfKeras ? function : nil
        case .keras3: function
        }
    }

    /// Whether a name that somebody gave is known to the dialect as it stands.
    func knows(_ name: String, in dialect: Dialect) -> Bool {
        if name == function(in: dialect) { return true }
        switch name {
        case "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "kld", "KLD": return true
        case "bce", "BCE": return dialect == .tfKeras || dialect == .keras3
        case "cosine", "cosine_proximity": return dialect == .keras1 || dialect == .keras2
        default: return false
        }
    }

    /// Whether the dialect has the class, with settings of its own.
    func hasClass(in dialect: Dialect) -> Bool {
        switch dialect {
        case .keras1: false
        case .keras2: keras2 != nil && hasKeras2Class
        case .tfKeras: isInTfKeras
        case .keras3: true
        }
    }
}

extension TrainingConversion {
    /// The function's name that Keras 3 has for a loss of any generation, `mean_squared_error` for `mse`; others as they are.
    package static func lossName(_ name: String) -> String { LossNames.known(as: name)?.function ?? name }
}
