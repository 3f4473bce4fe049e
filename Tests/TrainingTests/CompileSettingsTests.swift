import KerasSpec
import KerasFormat
import TestSupport
import Tensors
import Testing
@testable import Training

@Suite struct CompileSettingsTests {
    private func parse(_ text: String) throws -> ConfigObject {
        try #require(try JSON.parse(text).object)
    }

    private func settings(_ config: ConfigObject, _ dialect: Dialect = .keras2) throws -> CompileSettings {
        let record = try TrainingConversion.optimizer(of: TrainingSpec(compileSettings: config, dialect: dialect))
        let optimizer = try locating("optimizer_config") { () throws(LocatedError) in try Optimizers.decode(record) }
        return try CompileSettings(config: config, optimizer: optimizer)
    }

    private func written(_ settings: CompileSettings, _ generation: OptimizerGeneration) throws -> ConfigObject {
        let optimizer = try #require(settings.optimizer as? any BuiltInOptimizer)
        return try TrainingConversion.spec(
            settings.config, optimizer.record(for: generation), of: ModelSpec(kind: .sequential, name: "m", layers: []),
            weights: ModelWeights([])
        ).compileSettings
    }

    /// As Keras 2.3.1 wrote it, and back to the same text.
    @Test(arguments: [
        #"{"optimizer_config": {"class_name": "RMSprop", "config": {"learning_rate": 0.0010000000474974513, "rho": 0.8999999761581421, "decay": 0.0, "epsilon": 1e-07}}, "loss": "categorical_crossentropy", "metrics": ["accuracy"], "weighted_metrics": null, "sample_weight_mode": null, "loss_weights": null}"#,
        #"{"optimizer_config": {"class_name": "Adam", "config": {"clipnorm": 1.0, "learning_rate": 0.0010000000474974513, "beta_1": 0.8999999761581421, "beta_2": 0.9990000128746033, "decay": 0.0, "epsilon": 1e-07, "amsgrad": true}}, "loss": "mse", "metrics": ["mse", "binary_accuracy"], "weighted_metrics": null, "sample_weight_mode": null, "loss_weights": null}"#,
        #"{"optimizer_config": {"class_name": "SGD", "config": {"clipvalue": 0.5, "learning_rate": 0.009999999776482582, "momentum": 0.8999999761581421, "decay": 0.0, "nesterov": true}}, "loss": {"class_name": "BinaryCrossentropy", "config": {"reduction": "sum_over_batch_size", "name": "binary_crossentropy", "from_logits": false, "label_smoothing": 0.1}}, "metrics": ["acc"], "weighted_metrics": ["accuracy"], "sample_weight_mode": "temporal", "loss_weights": null}"#,
        #"{"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": 0.10000000149011612, "momentum": 0.0, "decay": 0.0010000000474974513, "nesterov": false}}, "loss": {"a": "mse", "b": "sparse_categorical_crossentropy"}, "metrics": {"a": ["mae"], "b": ["accuracy", "ce"]}, "weighted_metrics": null, "sample_weight_mode": [null, "temporal"], "loss_weights": {"a": 0.5, "b": 2}}"#,
        #"{"optimizer_config": {"class_name": "RMSprop", "config": {"learning_rate": 0.0010000000474974513, "rho": 0.8999999761581421, "decay": 0.0, "epsilon": 1e-07}}, "loss": ["mse", null], "metrics": [], "weighted_metrics": null, "sample_weight_mode": null, "loss_weights": [1, 0.25]}"#,
    ])
    func keras2RoundTrip(_ text: String) throws {
        let config = try parse(text)
        #expect(try written(settings(config), .keras23) == config)
    }

    @Test func readsTfKeras() throws {
        let config = try parse(
            #"{"loss": "categorical_crossentropy", "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "dtype": "float32", "fn": "categorical_accuracy"}}]], "weighted_metrics": null, "loss_weights": null, "optimizer_config": {"class_name": "Custom>RMSprop", "config": {"name": "RMSprop", "weight_decay": null, "clipnorm": null, "global_clipnorm": null, "clipvalue": null, "use_ema": false, "ema_momentum": 0.99, "ema_overwrite_frequency": null, "jit_compile": false, "is_legacy_optimizer": false, "learning_rate": 0.0010000000474974513, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-07, "centered": false}}}"#)
        let generation = OptimizerGeneration(of: TrainingSpec(compileSettings: config, dialect: .tfKeras))
        #expect(TrainingGeneration(generation) == .tfKeras)
        let settings = try settings(config, .tfKeras)
        #expect(settings.loss == .all(.categoricalCrossentropy))
        #expect(settings.metrics == .all([Metric(.categoricalAccuracy, name: "accuracy")]))
        let optimizer = try #require(settings.optimizer as? RMSprop)
        #expect(optimizer.rho == 0.9 && optimizer.epsilon == 1e-7)
        let written = try #require(written(settings, .keras211)["optimizer_config"])
        #expect(written == config["optimizer_config"])
    }

    @Test func readsKeras3() throws {
        let config = try parse(
            #"{"optimizer": {"module": "keras.optimizers", "class_name": "Adam", "config": {"name": "adam", "learning_rate": 0.0010000000474974513, "weight_decay": null, "clipnorm": null, "global_clipnorm": null, "clipvalue": null, "use_ema": false, "ema_momentum": 0.99, "ema_overwrite_frequency": null, "loss_scale_factor": null, "gradient_accumulation_steps": null, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07, "amsgrad": false}, "registered_name": null}, "loss": {"module": "builtins", "class_name": "function", "config": "mean_squared_error", "registered_name": "function"}, "loss_weights": null, "metrics": ["accuracy"], "weighted_metrics": null, "run_eagerly": false, "steps_per_execution": 1, "jit_compile": false}"#)
        let settings = try settings(config, .keras3)
        #expect(settings.loss == .all(.meanSquaredError))
        #expect(try written(settings, .keras3)["optimizer"] == config["optimizer"])
    }

    /// What can't be computed is refused by name and place, not passed over.
    @Test(arguments: [
        ([#"{"optimizer_config": {"class_name": "Sophia", "config": {}}, "loss": "mse"}"#, "optimizer.unknown", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": -1.0}}, "loss": "mse"}"#, "optimizer.value", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "NoisyLinearCosineDecay", "config": {}}}}, "loss": "mse"}"#, "optimizer.schedule", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "PiecewiseConstantDecay", "config": {"boundaries": [1], "values": [1]}}}}, "loss": "mse"}"#, "optimizer.schedule", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "Muon", "config": {"exclude_layers": ["a.*"]}}, "loss": "mse"}"#, "optimizer.setting", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {"momentun": 0.9}}, "loss": "mse"}"#, "config.unknownKey", "optimizer_config"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "my_loss"}"#, "loss.unknown", "loss"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": 3}"#, "loss.config", "loss"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse", "metrics": ["Mean"]}"#, "metric.unsupported", "metrics"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse", "metrics": ["nonsense"]}"#, "metric.unknown", "metrics"]),
        ([#"{"optimizer_config": {"class_name": "SGD", "config": {}}, "loss": "mse", "loss_weights": "heavy"}"#, "compile.loss_weights", "loss_weights"]),
        ([#"{"loss": "mse"}"#, "compile.optimizer", "optimizer_config"]),
    ])
    func refuses(_ given: [String]) throws {
        let config = try parse(given[0])
        let error = #expect(throws: LocatedError.self) { try settings(config, given[0].contains("Muon") ? .keras3 : .keras2) }
        #expect(error?.code == given[1])
        #expect(error?.location.first == given[2])
    }

    @Test func outputsByListAndName() throws {
        let settings = CompileSettings(
            optimizer: SGD(), loss: .named(["b": .meanSquaredError]), metrics: .list([[], [.accuracy]]),
            lossWeights: .named(["b": 3]))
        let outputs = try settings.outputs(named: ["a", "b"])
        #expect(outputs[0].loss == nil && outputs[1].loss == .meanSquaredError)
        #expect(outputs[1].lossWeight == 3 && outputs[1].metrics == [.accuracy])
        let wrong = CompileSettings(optimizer: SGD(), loss: .named(["c": .meanSquaredError]))
        #expect(throws: LocatedError.self) { try wrong.outputs(named: ["a", "b"]) }
        #expect(throws: LocatedError.self) {
            try CompileSettings(optimizer: SGD(), loss: .list([.meanSquaredError])).outputs(named: ["a", "b"])
        }
    }

    /// Keras 3 finds classes by their modules alone, and metrics take no reduction.
    @Test func classesForKeras3() throws {
        let settings = CompileSettings(
            optimizer: SGD(), loss: .all(.categoricalCrossentropy(labelSmoothing: 0.1)),
            metrics: .all([.accuracy, try Metric("AUC", ["curve": "PR"]), try Metric("CosineSimilarity", ["axis": 1], name: "angle")]))
        let config = settings.config(for: .keras3)
        let loss = try #require(config["loss"]?.object)
        #expect(loss["module"] == "keras.losses" && loss["class_name"] == "CategoricalCrossentropy" && loss["registered_name"]?.isNull == true)
        let metrics = try #require(config["metrics"]?.array)
        #expect(metrics[0] == "accuracy" && metrics[1].object?["module"] == "keras.metrics")
        #expect(
            metrics[2] == ["module": "keras.metrics", "class_name": "CosineSimilarity", "config": ["name": "angle", "axis": 1], "registered_name": .null])
        #expect(settings.config(for: .tfKeras)["loss"]?.object?["module"] == nil)
        let again = try CompileSettings(config: config, optimizer: SGD())
        #expect(try again.loss.resolved("loss", for: ["a"])[0] == .categoricalCrossentropy(labelSmoothing: 0.1) && again.metrics == settings.metrics)
    }

    @Test func namesAndAliases() throws {
        #expect(try Loss(named: "mse").kind == .meanSquaredError)
        #expect(try Loss(named: "MeanSquaredError").kind == .meanSquaredError)
        #expect(try Loss(named: "sparse_categorical_crossentropy") == .sparseCategoricalCrossentropy)
        #expect(try Optimizers.named("RMSProp") is RMSprop)
        #expect(try Metric(named: "accuracy") == .accuracy)
    }
}
