package import KerasSpec
package import Tensors

/// How a model is trained, from one generation's files to another's.
package enum TrainingConversion {
    /// Where settings stand in a file.
    package enum Form: Hashable, Sendable {
        /// `training_config` of a whole-model `.h5`.
        case trainingConfig
        /// `compile_config` of a `.keras` file.
        case compileConfig

        init(of settings: ConfigObject) { self = settings["optimizer_config"] != nil ? .trainingConfig : .compileConfig }
    }

    /// Compile settings and optimizer state in the target's words and order.
    ///
    /// Settings that are the target's already stay as they are, unless the kernels are Theano's, which are written turned. Throws 69 `training.inexpressible` with all that the target
    /// can't say.
    ///
    /// - Parameters:
    ///   - weights: of the model, for shapes and for averages that a file doesn't hold.
    ///   - notes: hears what was said by other means, and metrics that the target lacks.
    package static func converted(
        _ training: TrainingSpec, of spec: ModelSpec, weights: ModelWeights, to target: KerasTarget,
        as form: Form = .trainingConfig, notes: inout [UpgradeNote]
    ) throws(LocatedError) -> TrainingSpec {
        var record = try optimizer(of: training)
        if isNative(training, of: spec, to: target, as: form) {
            // Keras 1 refuses a file whose state isn't the model's, which it wrote itself where layers within models are frozen.
            guard target.dialect == .keras1, OptimizerClass.named(record.className) != nil else { return training }
            do throws(LocatedError) {
                try OptimizerArrays.decode(
                    training.optimizerWeights, into: &record, in: spec, weights: weights, dialect: training.dialect)
                return training
            } catch {
                guard error.code == "optimizer.weights" else { return training }
                notes.append(UpgradeNote(layer: "", text: "the optimizer's state was left out: \(error.message)"))
                var training = training
                training.optimizerWeights = []
                return training
            }
        }
        do throws(LocatedError) {
            try OptimizerArrays.decode(
                training.optimizerWeights, into: &record, in: spec, weights: weights, dialect: training.dialect)
        } catch {
            guard error.code == "optimizer.weights" else { throw error }
            record.hasState = false
            notes.append(UpgradeNote(layer: "", text: "the optimizer's state was left out: \(error.message)"))
        }
        let hadState = record.hasState
        if hadState, OptimizerClass.named(record.className) == nil {
            notes.append(UpgradeNote(layer: "", text: "the state of the optimizer \(record.className) was left out"))
        }

        let generation = generation(of: target, from: record.generation, as: form)
        // Sums begin with 0 in standalone Keras: those that would begin with more are told.
        if !record.hasState, record.className == "Adagrad", generation.isStandalone, !record.generation.isStandalone,
            (record.config["initial_accumulator_value"]?.number ?? 0) > 0
        {
            record.hasState = true
            record.iterations = 0
        }
        var refusals: [String] = []
        var texts: [String] = []
        let optimizer = OptimizerConfig.downgraded(
            record, for: generation, minor: target.minor, form: form, { refusals.append($0) }, { texts.append($0) })
        var upgrade = CompileUpgrade(
            from: training.dialect, to: target.dialect, form: form, outputs: spec.outputNames)
        let source = training.compileSettings
        let losses = upgrade.losses(source["loss"] ?? .null)
        let metrics = upgrade.metrics(source["metrics"] ?? .null, isFor: source["loss"] ?? .null)
        var weighted = source["weighted_metrics"] ?? .null
        if !weighted.isNull { weighted = upgrade.metrics(weighted, isFor: source["loss"] ?? .null) }
        refusals += upgrade.refusals
        texts += upgrade.notes
        let modes = source["sample_weight_mode"] ?? .null
        if !modes.isNull, target.dialect == .tfKeras || target.dialect == .keras3 {
            texts.append("sample_weight_mode was left out: \(target.dialect.title) goes by the weights' shape")
        }
        if target.dialect == .keras1, !weighted.isNull { texts.append("weighted metrics were left out: Keras 1 has none") }
        guard refusals.isEmpty else {
            throw LocatedError(
                .unsupported, "training.inexpressible",
                "expected training settings that \(target.title) can say, got \(refusals.joined(separator: "; "))",
                hint: "Write another target, or the architecture and the weights alone.")
        }
        let settings = listed(
            optimizer, losses, metrics, weighted, source["loss_weights"] ?? .null, modes, for: target.dialect, form)
        var result = TrainingSpec(compileSettings: settings, dialect: target.dialect)
        let own = optimizer.object?["config"]?.object ?? [:]
        result.optimizerWeights = try OptimizerArrays.encode(
            record, settings: own["inner_optimizer"]?.object?["config"]?.object ?? own, of: spec, weights: weights, for: target,
            generation: generation)
        if hadState, result.optimizerWeights.isEmpty == false, record.iterations == nil {
            texts.append("the file doesn't tell how many steps the optimizer made; 0 was written")
        }
        notes += texts.map { UpgradeNote(layer: "", text: $0) }
        for layer in OptimizerArrays.layersLeftOut(record, of: spec, weights: weights, for: target) {
            notes.append(UpgradeNote(layer: layer, text: "the optimizer's arrays of a frozen layer were left out, which Keras 3.0 alone keeps"))
        }
        return result
    }

    /// How a file's training settings and its optimizer's state are meant.
    ///
    /// Throws 67 `optimizer.weights` when the state isn't that of the model's weights.
    package static func record(
        of training: TrainingSpec, in spec: ModelSpec, weights: ModelWeights
    ) throws(LocatedError) -> OptimizerRecord {
        var record = try optimizer(of: training)
        try OptimizerArrays.decode(
            training.optimizerWeights, into: &record, in: spec, weights: weights, dialect: training.dialect)
        return record
    }

    /// Whether settings and arrays are the target's own already.
    static func isNative(
        _ training: TrainingSpec, of spec: ModelSpec, to target: KerasTarget, as form: Form
    ) -> Bool {
        guard training.dialect == target.dialect, Form(of: training.compileSettings) == form else { return false }
        if spec.provenance?.backend == "theano", !training.optimizerWeights.isEmpty { return false }
        // Keras 1 writes lists of metrics by output, and can't read them.
        if target.dialect == .keras1, let metrics = training.compileSettings["metrics"]?.object {
            return metrics.values.allSatisfy { $0.array == nil }
        }
        // It loads no state that leaves out what it trains all the same.
        if target.ignoresFrozen, !training.optimizerWeights.isEmpty, spec.holdsFrozen { return false }
        if target.dialect == .tfKeras, target.minor < TfKerasVersions.optimizers {
            return OptimizerGeneration(of: training) == .optimizerV2
        }
        if target.dialect == .tfKeras, target.minor < TfKerasVersions.oldOptimizersInArchives, form == .compileConfig {
            return OptimizerGeneration(of: training) != .optimizerV2
        }
        guard target.dialect == .keras3, let version = spec.provenance?.kerasVersion else { return true }
        // Keras 3.0 calls and orders arrays in its own way, and older versions lack optimizers.
        let minor = KerasTarget(.keras3, version: version).minor
        return minor == target.minor || (minor >= KerasTarget.respectsFrozen && minor < target.minor)
    }

    /// Compile settings and state of a model in the words of the Keras whose arithmetic its optimizer follows.
    ///
    /// - Parameters:
    ///   - settings: losses and metrics by Keras's keys, without the optimizer.
    ///   - weights: of the model, for shapes.
    package static func spec(
        _ settings: ConfigObject, _ record: OptimizerRecord, of spec: ModelSpec, weights: ModelWeights
    ) throws(LocatedError) -> TrainingSpec {
        let dialect = record.generation.dialect
        var target = KerasTarget(dialect)
        if let origin = spec.provenance, origin.dialect == dialect, let version = origin.kerasVersion {
            target = KerasTarget(dialect, version: version)
        }
        let form = dialect == .keras3 ? Form.compileConfig : .trainingConfig
        var refusals: [String] = []
        let optimizer = OptimizerConfig.downgraded(
            record, for: record.generation, minor: target.minor, form: form, { refusals.append($0) }, { _ in })
        guard refusals.isEmpty else {
            throw LocatedError(
                .unsupported, "training.inexpressible",
                "expected training settings that \(dialect.title) can say, got \(refusals.joined(separator: "; "))",
                hint: dialect == .keras3 ? nil : "Convert the model for keras-3 first, whose training has more; or write the architecture and the weights alone.")
        }
        func value(_ key: String) -> ConfigValue { settings[key] ?? .null }
        var result = TrainingSpec(
            compileSettings: listed(
                optimizer, value("loss"), value("metrics"), value("weighted_metrics"), value("loss_weights"),
                value("sample_weight_mode"), for: dialect, form), dialect: dialect)
        let own = optimizer.object?["config"]?.object ?? [:]
        result.optimizerWeights = try OptimizerArrays.encode(
            record, settings: own["inner_optimizer"]?.object?["config"]?.object ?? own, of: spec, weights: weights, for: target,
            generation: record.generation)
        return result
    }

    /// What compile settings of any generation say of the optimizer, all of it told; no state.
    ///
    /// Throws 65 when there is none, located at its key.
    package static func optimizer(of training: TrainingSpec) throws(LocatedError) -> OptimizerRecord {
        let settings = training.compileSettings
        guard let value = settings["optimizer_config"] ?? settings["optimizer"], !value.isNull else {
            throw LocatedError(.invalid, "compile.optimizer", "expected an optimizer, got none", at: ["optimizer_config"])
        }
        return try locating("optimizer_config") { () throws(LocatedError) in
            try OptimizerConfig.upgraded(value, from: OptimizerGeneration(of: training))
        }
    }

    /// Whose optimizers a target is given: tf-keras has both families, and keeps the arithmetic of older files with the older.
    /// From a `.keras` it restores the younger family's state alone.
    private static func generation(
        of target: KerasTarget, from source: OptimizerGeneration, as form: Form
    ) -> OptimizerGeneration {
        switch target.dialect {
        case .keras1: .keras1
        case .keras2: .keras23
        case .tfKeras where target.minor < TfKerasVersions.optimizers: .optimizerV2
        case .tfKeras: source.isBefore211 && form == .trainingConfig ? .optimizerV2 : .keras211
        case .keras3: .keras3
        }
    }

    /// The target's keys in its order.
    private static func listed(
        _ optimizer: ConfigValue, _ loss: ConfigValue, _ metrics: ConfigValue, _ weighted: ConfigValue,
        _ weights: ConfigValue, _ modes: ConfigValue, for dialect: Dialect, _ form: Form
    ) -> ConfigObject {
        switch (dialect, form) {
        case (.keras1, _):
            [
                "optimizer_config": optimizer, "loss": loss, "metrics": metrics, "sample_weight_mode": modes,
                "loss_weights": weights,
            ]
        case (.keras2, _):
            [
                "optimizer_config": optimizer, "loss": loss, "metrics": metrics, "weighted_metrics": weighted,
                "sample_weight_mode": modes, "loss_weights": weights,
            ]
        case (.tfKeras, .trainingConfig):
            [
                "loss": loss, "metrics": metrics, "weighted_metrics": weighted, "loss_weights": weights,
                "optimizer_config": optimizer,
            ]
        case (.tfKeras, .compileConfig):
            [
                "optimizer": optimizer, "loss": loss, "metrics": metrics, "loss_weights": weights,
                "weighted_metrics": weighted, "run_eagerly": .null, "steps_per_execution": .null, "jit_compile": .null,
            ]
        case (.keras3, .trainingConfig):
            [
                "loss": loss, "loss_weights": weights, "metrics": metrics, "weighted_metrics": weighted, "run_eagerly": false,
                "steps_per_execution": 1, "jit_compile": false, "optimizer_config": optimizer,
            ]
        case (.keras3, .compileConfig):
            [
                "optimizer": optimizer, "loss": loss, "loss_weights": weights, "metrics": metrics,
                "weighted_metrics": weighted, "run_eagerly": false, "steps_per_execution": 1, "jit_compile": false,
            ]
        }
    }
}

extension ModelSpec {
    /// As Keras names a model's outputs: by their layers.
    package var outputNames: [String] {
        kind == .sequential ? layers.last.map { [$0.name] } ?? [] : outputs.tensors.map(\.layer)
    }
}
