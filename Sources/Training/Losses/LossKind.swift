package import KerasSpec

extension Loss {
    /// Keras's losses, by the names of their functions in Keras 3.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case meanSquaredError = "mean_squared_error"
        case meanAbsoluteError = "mean_absolute_error"
        case meanAbsolutePercentageError = "mean_absolute_percentage_error"
        case meanSquaredLogarithmicError = "mean_squared_logarithmic_error"
        case squaredHinge = "squared_hinge"
        case hinge
        case categoricalHinge = "categorical_hinge"
        case logCosh = "log_cosh"
        case huber
        case klDivergence = "kl_divergence"
        case poisson
        case cosineSimilarity = "cosine_similarity"
        case binaryCrossentropy = "binary_crossentropy"
        case categoricalCrossentropy = "categorical_crossentropy"
        case sparseCategoricalCrossentropy = "sparse_categorical_crossentropy"
        case binaryFocalCrossentropy = "binary_focal_crossentropy"
        case categoricalFocalCrossentropy = "categorical_focal_crossentropy"
        case categoricalGeneralizedCrossEntropy = "categorical_generalized_cross_entropy"
        case dice
        case tversky
        case circle
        case ctc

        /// `CategoricalCrossentropy`.
        package var className: String {
            switch self {
            case .klDivergence: "KLDivergence"
            case .ctc: "CTC"
            default: rawValue.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
            }
        }

        /// Names of other generations, and short ones.
        var aliases: [String] {
            switch self {
            case .meanSquaredError: ["mse", "MSE"]
            case .meanAbsoluteError: ["mae", "MAE"]
            case .meanAbsolutePercentageError: ["mape", "MAPE"]
            case .meanSquaredLogarithmicError: ["msle", "MSLE"]
            case .binaryCrossentropy: ["bce", "BCE"]
            case .klDivergence: ["kullback_leibler_divergence", "kld", "KLD"]
            case .cosineSimilarity: ["cosine_proximity", "CosineProximity", "cosine"]
            case .logCosh: ["logcosh"]
            case .huber: ["huber_loss"]
            default: []
            }
        }

        var takesLogits: Bool {
            switch self {
            case .categoricalCrossentropy, .sparseCategoricalCrossentropy, .binaryCrossentropy, .binaryFocalCrossentropy,
                .categoricalFocalCrossentropy:
                true
            default: false
            }
        }

        var takesSmoothing: Bool { takesLogits && self != .sparseCategoricalCrossentropy }

        /// Whether targets are class numbers: one axis less than predictions, but for CTC.
        var takesLabels: Bool {
            switch self {
            case .sparseCategoricalCrossentropy, .categoricalGeneralizedCrossEntropy, .circle, .ctc: true
            default: false
            }
        }

        /// Settings beside `from_logits` and `label_smoothing`, with their defaults, in Keras's order.
        var settings: ConfigObject {
            switch self {
            case .huber: ["delta": 1.0]
            case .cosineSimilarity, .categoricalCrossentropy, .binaryCrossentropy: ["axis": -1]
            case .sparseCategoricalCrossentropy: ["ignore_class": .null, "axis": -1]
            case .binaryFocalCrossentropy: ["apply_class_balancing": false, "alpha": 0.25, "gamma": 2.0, "axis": -1]
            case .categoricalFocalCrossentropy: ["alpha": 0.25, "gamma": 2.0, "axis": -1]
            case .categoricalGeneralizedCrossEntropy: ["q": 0.5]
            case .dice: ["axis": .null]
            case .tversky: ["alpha": 0.5, "beta": 0.5, "axis": .null]
            case .circle: ["gamma": 80.0, "margin": 0.4, "remove_diagonal": true]
            default: [:]
            }
        }

        /// By Keras's name, alias or class, of any generation.
        static let named: [String: Kind] = {
            var named: [String: Kind] = [:]
            for kind in Kind.allCases { for name in kind.aliases + [kind.rawValue, kind.className] { named[name] = kind } }
            return named
        }()
    }
}
