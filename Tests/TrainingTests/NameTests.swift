import KerasSpec
import Tensors
import TestSupport
import Testing
@testable import Training

/// Every name of Keras 3.15's losses, metrics, optimizers and schedules means something here, or is refused with a reason.
@Suite struct NameTests {
    /// keras/src/losses/__init__.py, with the aliases of `ALL_OBJECTS_DICT`.
    static let losses = [
        "BinaryCrossentropy", "BinaryFocalCrossentropy", "CTC", "CategoricalCrossentropy", "CategoricalFocalCrossentropy",
        "CategoricalGeneralizedCrossEntropy", "CategoricalHinge", "Circle", "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence",
        "LogCosh", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
        "SparseCategoricalCrossentropy", "SquaredHinge", "Tversky", "kl_divergence", "mean_squared_error", "mean_absolute_error",
        "mean_absolute_percentage_error", "mean_squared_logarithmic_error", "cosine_similarity", "log_cosh", "huber", "hinge",
        "squared_hinge", "categorical_hinge", "poisson", "categorical_crossentropy", "sparse_categorical_crossentropy",
        "binary_crossentropy", "binary_focal_crossentropy", "categorical_focal_crossentropy", "categorical_generalized_cross_entropy",
        "ctc", "dice", "tversky", "circle", "bce", "BCE", "kld", "KLD", "mae", "MAE", "mse", "MSE", "mape", "MAPE", "msle", "MSLE",
        "logcosh", "kullback_leibler_divergence",
    ]

    /// keras/src/metrics/__init__.py, likewise.
    static let metrics = [
        "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "CategoricalAccuracy", "CategoricalCrossentropy",
        "CategoricalHinge", "ConcordanceCorrelation", "CosineSimilarity", "F1Score", "FBetaScore", "FalseNegatives", "FalsePositives",
        "Hinge", "IoU", "KLDivergence", "LogCoshError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanIoU",
        "MeanSquaredError", "MeanSquaredLogarithmicError", "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation", "Poisson", "Precision",
        "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision", "RootMeanSquaredError", "SensitivityAtSpecificity",
        "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy", "SpecificityAtSensitivity",
        "SquaredHinge", "TopKCategoricalAccuracy", "TrueNegatives", "TruePositives", "accuracy", "acc", "ce", "crossentropy",
        "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy",
        "sparse_top_k_categorical_accuracy", "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE",
        "cosine_similarity", "kl_divergence", "log_cosh", "poisson", "hinge", "squared_hinge", "categorical_hinge", "auc", "recall",
        "precision", "iou", "mean_iou", "binary_io_u", "true_positives", "root_mean_squared_error", "r2_score", "f1_score",
    ]

    static let optimizers = [
        "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl", "Lamb", "Lion", "Muon", "Nadam", "RMSprop", "SGD",
        "ScheduleFreeAdamW", "adam", "rmsprop", "sgd", "adamw",
    ]

    @Test(arguments: losses) func loss(_ name: String) throws {
        let loss = try Loss(named: name)
        // By its settings too, and back.
        let again = try Loss(config: ["class_name": .string(loss.kind.className), "config": [:]])
        #expect(again.kind == loss.kind)
        #expect(try Loss(config: loss.config) == loss)
    }

    /// What no default is known for.
    static let needed: [String: ConfigObject] = [
        "IoU": ["num_classes": 2, "target_class_ids": [0]], "MeanIoU": ["num_classes": 2], "OneHotIoU": ["num_classes": 2, "target_class_ids": [0]],
        "OneHotMeanIoU": ["num_classes": 2], "PrecisionAtRecall": ["recall": 0.5], "RecallAtPrecision": ["precision": 0.5],
        "SensitivityAtSpecificity": ["specificity": 0.5], "SpecificityAtSensitivity": ["sensitivity": 0.5],
    ]

    @Test(arguments: metrics) func metric(_ name: String) throws {
        if let settings = Self.needed[name] {
            let metric = try Metric(config: ["class_name": .string(name), "config": .object(settings)])
            #expect(try Metric(config: metric.config) == metric)
        } else if !["iou", "mean_iou", "binary_io_u"].contains(name) {
            _ = try Metric(named: name)
            if name.first?.isUppercase == true {
                let metric = try Metric(config: ["class_name": .string(name), "config": ["name": "own"]])
                #expect(metric.name == "own")
            }
        }
    }

    @Test(arguments: optimizers) func optimizer(_ name: String) throws { _ = try Optimizers.named(name) }

    /// They add up what a model's own code hands them: true and predicted values mean nothing to them.
    @Test(arguments: ["Mean", "Sum"]) func refused(_ name: String) {
        let error = #expect(throws: LocatedError.self) { try Metric(named: name) }
        #expect(error?.category == .unsupported)
    }

    /// The threshold is told again when the settings are written.
    @Test func thresholds() throws {
        let metric = try Metric(config: ["class_name": "BinaryAccuracy", "config": ["name": "above", "threshold": 0.3]])
        #expect(try Metric(config: metric.config) == metric && metric.kind == .binaryAccuracyAbove(0.3))
    }
}
