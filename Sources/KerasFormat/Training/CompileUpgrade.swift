import KerasSpec
import Tensors

/// Compile settings apart from the optimizer, from any generation's words to a target's.
struct CompileUpgrade {
    let source: Dialect
    let target: Dialect
    let form: TrainingConversion.Form
    /// Names of the model's outputs, for what older files say of each.
    let outputs: [String]
    var refusals: [String] = []
    var notes: [String] = []

    init(from source: Dialect, to target: Dialect, form: TrainingConversion.Form, outputs: [String]) {
        self.source = source
        self.target = target
        self.form = form
        self.outputs = outputs
    }

    // MARK: Losses

    /// A loss, a list of them, or losses by the outputs' names.
    mutating func losses(_ value: ConfigValue) -> ConfigValue {
        if let items = value.array { return .array(items.map { losses($0) }) }
        if let object = value.object, object["class_name"] == nil { return .object(object.mapValues { losses($0) }) }
        return value.isNull ? .null : loss(value)
    }

    private mutating func loss(_ value: ConfigValue) -> ConfigValue {
        if let name = value.string ?? Self.function(value) { return named(name) }
        guard let className = value.object?["class_name"]?.string else { return value }
        var config = value.object?["config"]?.object ?? [:]
        guard let known = LossNames.known(as: className) else {
            notes.append("the loss \(className) isn't one of Keras's; it was written as it is")
            return serialized("keras.losses", className, config)
        }
        // A function's name, and the float type of Keras 3's policy.
        config["fn"] = nil
        config["dtype"] = nil
        if let reduction = config["reduction"]?.string {
            if reduction == "auto", target == .keras2 || target == .keras3 { config["reduction"] = "sum_over_batch_size" }
            if reduction.hasPrefix("mean"), target != .keras3 { refusals.append("the reduction \(reduction) of \(className)") }
        }
        let isPlain = config.allSatisfy { key, value in Self.isPlain(key, value, className) }
        guard known.hasClass(in: target) else {
            guard let function = known.function(in: target), isPlain else {
                refusals.append("the loss \(className)\(isPlain ? "" : " with these settings")")
                return .null
            }
            return .string(function)
        }
        if target == .keras2 {
            if let axis = config.removeValue(forKey: "axis"), axis != -1, !axis.isNull { refusals.append("\(className)'s axis") }
            if let ignored = config.removeValue(forKey: "ignore_class"), !ignored.isNull {
                refusals.append("\(className)'s ignore_class")
            }
        }
        return serialized("keras.losses", known.className, config)
    }

    /// Whether a setting is what the function alone means.
    private static func isPlain(_ key: String, _ value: ConfigValue, _ className: String) -> Bool {
        switch key {
        case "name", "fn", "dtype": true
        case "reduction": value == "auto" || value == "sum_over_batch_size"
        case "from_logits": value == false
        case "label_smoothing": value.number == 0
        case "axis": value == -1
        case "ignore_class": value.isNull
        case "delta": value.number == 1
        default: value.isNull
        }
    }

    private mutating func named(_ name: String) -> ConfigValue {
        guard let known = LossNames.known(as: name) else {
            notes.append("the loss \(name) isn't one of Keras's; it was written by its name")
            return .string(name)
        }
        if known.className == "CosineSimilarity", (source == .keras1) != (target == .keras1) {
            notes.append("cosine_proximity is a mean over the last axis in Keras 1, a sum later: the loss is scaled")
        }
        if known.knows(name, in: target) { return .string(name) }
        guard let function = known.function(in: target) else {
            refusals.append("the loss \(name)")
            return .null
        }
        return .string(function)
    }

    /// The name of a serialized function, `{"class_name": "function", "config": "mean_absolute_error"}`.
    private static func function(_ value: ConfigValue) -> String? {
        guard let object = value.object, object["class_name"] == "function" else { return nil }
        return object["config"]?.string
    }

    private func serialized(_ module: String, _ className: String, _ config: ConfigObject) -> ConfigValue {
        form == .compileConfig
            ? Serialized.keras3(module, className, config) : ["class_name": .string(className), "config": .object(config)]
    }

    // MARK: Metrics

    /// A metric, a list of them, lists in the outputs' order, or metrics by the outputs' names. What the target lacks is left
    /// out with a note: training goes on without.
    mutating func metrics(_ value: ConfigValue, isFor losses: ConfigValue) -> ConfigValue {
        if value.isNull { return target == .keras2 || target == .keras1 ? .array([]) : .null }
        if let items = value.array {
            if items.contains(where: { $0.array != nil || $0.isNull }) {
                let lists = items.enumerated().map { index, item in
                    ConfigValue.array(list(item, output: outputs.indices.contains(index) ? outputs[index] : nil, losses))
                }
                // tf.keras writes one list for each output, for a single output too.
                if lists.count == 1 { return lists[0] }
                if target == .keras1 || target == .keras2, outputs.count == lists.count {
                    return byOutput(ConfigObject(zip(outputs, lists), uniquingKeysWith: { first, _ in first }))
                }
                return .array(lists)
            }
            let flat = list(value, output: nil, losses)
            if flat.isEmpty, target == .keras3 { return .null }
            // Keras 3 wants a list for each output.
            return target == .keras3 && outputs.count > 1
                ? .array(outputs.map { _ in .array(flat) }) : .array(flat)
        }
        if let object = value.object, object["class_name"] == nil {
            var result: ConfigObject = [:]
            for (output, item) in object {
                let own = list(item, output: output, losses)
                result[output] = item.array == nil && own.count == 1 ? own[0] : .array(own)
            }
            return byOutput(result)
        }
        return .array(list(value, output: nil, losses))
    }

    /// Metrics by the outputs' names. Keras 1 writes lists there, and can't read them: one name for each output, or one list for
    /// all outputs, is what it takes.
    ///
    /// Source: `deserialize` in `load_model` of `keras/models.py` 1.2.2.
    private mutating func byOutput(_ metrics: ConfigObject) -> ConfigValue {
        guard target == .keras1 else { return .object(metrics) }
        let lists = outputs.map { metrics[$0]?.array ?? metrics[$0].map { [$0] } ?? [] }
        if let first = lists.first, Set(metrics.keys) == Set(outputs), lists.allSatisfy({ $0 == first }) { return .array(first) }
        var result: ConfigObject = [:]
        for (output, value) in metrics {
            let own = value.array ?? [value]
            if let first = own.first { result[output] = first }
            for other in own.dropFirst() {
                notes.append("the metric \(other.string ?? "") of \(output) was left out: Keras 1's files say one metric for an output")
            }
        }
        return .object(result)
    }

    private mutating func list(_ value: ConfigValue, output: String?, _ losses: ConfigValue) -> [ConfigValue] {
        if value.isNull { return [] }
        var result: [ConfigValue] = []
        for item in value.array ?? [value] where !item.isNull {
            if let metric = metric(item, output: output, losses) { result.append(metric) }
        }
        return result
    }

    private mutating func metric(_ value: ConfigValue, output: String?, _ losses: ConfigValue) -> ConfigValue? {
        if let name = value.string ?? Self.function(value) { return metric(named: name, losses, output: output) }
        guard let className = value.object?["class_name"]?.string else { return value }
        var config = value.object?["config"]?.object ?? [:]
        if className == "MeanMetricWrapper" || className == "SumOverBatchSizeMetricWrapper",
            let function = config["fn"]?.string ?? config["fn"].flatMap(Self.function)
        {
            // tf.keras writes the function that a word stood for, under the word, and the output's name before it.
            var word = config["name"]?.string ?? function
            if let output, word.hasPrefix(output + "_") { word = String(word.dropFirst(output.count + 1)) }
            let isWord = ["accuracy", "acc", "crossentropy", "ce"].contains(word)
            return metric(named: isWord ? word : function, losses, output: output)
        }
        guard Self.classes.contains(className) || LossNames.known(as: className) != nil else {
            notes.append("the metric \(className) isn't one of Keras's; it was written as it is")
            return serialized("keras.metrics", className, config)
        }
        if target == .keras1 {
            if let words = Self.words[className] ?? LossNames.known(as: className)?.keras1 { return .string(words) }
            return dropped(className)
        }
        if target == .keras2 || target == .tfKeras || target == .keras3, config["dtype"]?.object != nil {
            config["dtype"] = "float32"
        }
        if target == .keras2 {
            for key in ["multi_label", "num_labels", "label_weights", "from_logits", "ignore_class", "axis"] {
                if let value = config.removeValue(forKey: key), !value.isNull, value != false, value != -1 {
                    return dropped(className)
                }
            }
            // Keras 2.3 writes metrics as objects and can't read them: `metrics.get` takes names alone.
            if let words = Self.words[className] ?? LossNames.known(as: className)?.keras2 { return .string(words) }
            return dropped(className)
        }
        return serialized("keras.metrics", className, config)
    }

    private mutating func dropped(_ name: String) -> ConfigValue? {
        notes.append("the metric \(name) was left out: \(target.title) has none")
        return nil
    }

    private mutating func metric(named name: String, _ losses: ConfigValue, output: String?) -> ConfigValue? {
        switch name {
        case "accuracy", "acc":
            let isOld = { (dialect: Dialect) in dialect == .keras1 || dialect == .keras2 }
            // Older Keras takes binary accuracy wherever the loss is binary, newer where the output has one column.
            if isOld(source), !isOld(target), isBinary(losses, output) {
                return serialized(
                    "keras.metrics", "BinaryAccuracy", ["name": .string(name), "dtype": "float32", "threshold": 0.5])
            }
            return .string(name)
        case "crossentropy", "ce": return target == .keras1 ? dropped(name) : .string(name)
        case "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "top_k_categorical_accuracy":
            return .string(name)
        case "sparse_top_k_categorical_accuracy": return target == .keras1 ? dropped(name) : .string(name)
        case "matthews_correlation", "precision", "recall", "fbeta_score", "fmeasure":
            return target == .keras1 ? .string(name) : dropped(name)
        default: break
        }
        guard let known = LossNames.known(as: name) else {
            if Self.classes.contains(name) { return metric(["class_name": .string(name), "config": [:]], output: output, losses) }
            notes.append("the metric \(name) isn't one of Keras's; it was written by its name")
            return .string(name)
        }
        if known.className == "CosineSimilarity", source != target {
            notes.append("the metric \(name) changes its sign between generations of Keras")
        }
        if known.knows(name, in: target), !(target == .keras3 && name.lowercased() == "kld") { return .string(name) }
        guard let function = known.function(in: target) else { return dropped(name) }
        return .string(function == "log_cosh" && target == .keras3 ? "log_cosh_error" : function)
    }

    /// Whether the loss of an output, or of all, is binary cross entropy.
    private func isBinary(_ losses: ConfigValue, _ output: String?) -> Bool {
        let own: [ConfigValue] =
            if let items = losses.array {
                items
            } else if let object = losses.object, object["class_name"] == nil {
                output.map { [object[$0] ?? .null] } ?? Array(object.values)
            } else {
                [losses]
            }
        guard own.count == 1, let name = own[0].string ?? own[0].object?["class_name"]?.string else { return false }
        return LossNames.known(as: name)?.className == "BinaryCrossentropy"
    }

    /// Metrics that Keras has as classes, beside those that losses have, too.
    private static let keras2Classes: Set<String> = [
        "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "TopKCategoricalAccuracy",
        "SparseTopKCategoricalAccuracy", "LogCoshError", "RootMeanSquaredError", "FalsePositives", "TruePositives",
        "TrueNegatives", "FalseNegatives", "SensitivityAtSpecificity", "SpecificityAtSensitivity", "Precision", "Recall",
        "AUC", "MeanIoU", "Mean", "Sum", "CosineSimilarity",
    ]
    private static let classes = keras2Classes.union([
        "PrecisionAtRecall", "RecallAtPrecision", "FBetaScore", "F1Score", "IoU", "BinaryIoU", "OneHotIoU",
        "OneHotMeanIoU", "R2Score", "ConcordanceCorrelation", "PearsonCorrelation",
    ])
    /// What Keras 1 has for them.
    private static let words = [
        "BinaryAccuracy": "binary_accuracy", "CategoricalAccuracy": "categorical_accuracy",
        "SparseCategoricalAccuracy": "sparse_categorical_accuracy",
    ]
}
