import Foundation
import KerasSpec
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Training settings and state in another generation's words.
@Suite struct TrainingConversionTests {
    private func tensor(_ shape: Shape, _ value: Float) -> LazyTensor {
        LazyTensor(Tensor([Float](repeating: value, count: shape.count)).reshaped(to: shape))
    }

    /// A file of Keras 2.3's Adam with slots that tell where they belong.
    private func adam(decay: Double = 0) -> TrainingSpec {
        let shapes: [Shape] = [[4, 3], [3], [3], [3], [3, 2], [2]]
        var arrays = [StoredWeights.Weight(name: "Adam/iterations:0", tensor: LazyTensor(Tensor(scalar: Int64(7))))]
        for (kind, word) in ["m", "v"].enumerated() {
            for (place, shape) in shapes.enumerated() {
                arrays.append(
                    StoredWeights.Weight(name: "\(word)_\(place)", tensor: tensor(shape, Float(10 * kind + place))))
            }
        }
        for place in shapes.indices { arrays.append(StoredWeights.Weight(name: "vhat_\(place)", tensor: tensor([1], 0))) }
        let config: ConfigObject = [
            "learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "decay": .float(decay), "epsilon": 1e-7, "amsgrad": false,
        ]
        return TrainingSpec(
            compileSettings: [
                "optimizer_config": ["class_name": "Adam", "config": .object(config)], "loss": "logcosh",
                "metrics": ["accuracy", "kullback_leibler_divergence"], "weighted_metrics": .null,
                "sample_weight_mode": .null, "loss_weights": .null,
            ], dialect: .keras2, optimizerWeights: arrays)
    }

    private func converted(
        _ training: TrainingSpec, _ target: KerasTarget, as form: TrainingConversion.Form = .trainingConfig
    ) throws -> (TrainingSpec, [String]) {
        let (spec, weights) = TrainingLayoutTests.network()
        var notes: [UpgradeNote] = []
        let result = try TrainingConversion.converted(
            training, of: spec, weights: weights, to: target, as: form, notes: &notes)
        return (result, notes.map(\.text))
    }

    private func firsts(_ training: TrainingSpec) throws -> [Float] {
        try training.optimizerWeights.map { try $0.tensor.load().asType(.float32).array(as: Float.self)[0] }
    }

    @Test func keras23ToKeras3() throws {
        let (result, notes) = try converted(adam(), KerasTarget(.keras3), as: .compileConfig)
        #expect(try firsts(result) == [7, 0.01, 0, 10, 1, 11, 2, 12, 3, 13, 4, 14, 5, 15])
        #expect(result.compileSettings["loss"] == "log_cosh")
        #expect(result.compileSettings["metrics"] == ["accuracy", "kl_divergence"])
        #expect(result.compileSettings["optimizer"]?.object?["module"] == "keras.optimizers")
        #expect(notes.isEmpty)
    }

    @Test func decayBecomesASchedule() throws {
        let (result, notes) = try converted(adam(decay: 0.5), KerasTarget(.keras3))
        let schedule = result.compileSettings["optimizer_config"]?.object?["config"]?.object?["learning_rate"]?.object
        #expect(schedule?["class_name"] == "InverseTimeDecay")
        #expect(schedule?["config"]?.object?["decay_rate"]?.number == 0.5)
        // A schedule has no variable.
        #expect(try firsts(result).prefix(3) == [7, 0, 10])
        #expect(notes.count == 1)
        // And back it is decay again.
        let (back, _) = try converted(result, KerasTarget(.keras2))
        let config = back.compileSettings["optimizer_config"]?.object?["config"]?.object
        #expect(config?["decay"]?.number == 0.5 && config?["learning_rate"]?.number == Double(Float(0.01)))
        #expect(try firsts(back) == firsts(adam(decay: 0.5)))
    }

    /// tf.keras's schedules have no name unless they are given one, and Keras 3 ends training with such a one.
    @Test(arguments: [("ExponentialDecay", "ExponentialDecay"), ("CosineDecayRestarts", "SGDRDecay"), ("PiecewiseConstantDecay", "PiecewiseConstant")])
    func namelessSchedulesGetAName(_ className: String, _ name: String) throws {
        var training = adam()
        training.dialect = .tfKeras
        training.optimizerWeights = []
        let schedule: ConfigObject = ["class_name": .string(className), "config": ["initial_learning_rate": 0.1, "name": nil]]
        training.compileSettings["optimizer_config"] = [
            "class_name": "SGD", "config": ["name": "SGD", "learning_rate": .object(schedule), "momentum": 0.0, "nesterov": false],
        ]
        let (result, _) = try converted(training, KerasTarget(.keras3))
        let written = result.compileSettings["optimizer_config"]?.object?["config"]?.object?["learning_rate"]?.object
        #expect(written?["config"]?.object?["name"]?.string == name)
    }

    @Test func keras1SortsByName() throws {
        var training = adam()
        training.compileSettings["loss"] = "mse"
        let (result, notes) = try converted(training, KerasTarget(.keras1))
        #expect(notes.isEmpty)
        #expect(result.optimizerWeights.first?.tensor.dtype == .float32)
        // a_last, b_first, norm; in each W before b, beta before gamma.
        #expect(result.optimizerWeights.map(\.tensor.shape).prefix(5) == [[], [3, 2], [2], [4, 3], [3]])
        #expect(try firsts(result).prefix(5) == [7, 4, 5, 0, 1])
        #expect(result.compileSettings["optimizer_config"]?.object?["config"]?.object?["lr"]?.number == Double(Float(0.01)))
    }

    @Test func tfKerasKeepsOlderArithmetic() throws {
        let (result, notes) = try converted(adam(decay: 0.5), KerasTarget(.tfKeras))
        #expect(OptimizerGeneration(of: result) == .optimizerV2)
        #expect(result.compileSettings["optimizer_config"]?.object?["config"]?.object?["decay"]?.number == 0.5)
        #expect(try firsts(result) == [7, 0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15])
        #expect(notes.isEmpty)
    }

    /// TensorFlow before 2.11 has OptimizerV2 alone.
    @Test func olderTfKerasIsGivenItsOwnOptimizers() throws {
        var young = adam()
        young.dialect = .keras3
        young.compileSettings = [
            "optimizer": ["class_name": "Adam", "config": ["learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7]], "loss": "mse",
        ]
        young.optimizerWeights = []
        let old = try #require(KerasTarget(name: "tf-keras-2.10"))
        #expect(OptimizerGeneration(of: try converted(young, old).0) == .optimizerV2)
        #expect(OptimizerGeneration(of: try converted(young, KerasTarget(.tfKeras)).0) == .keras211)
        young.compileSettings["optimizer"] = ["class_name": "Lion", "config": ["learning_rate": 0.01]]
        let error = try #require(throws: LocatedError.self) { try converted(young, old) }
        #expect(error.code == "training.inexpressible" && error.message.contains("tf.keras 2.10"))
    }

    /// Sums of squares begin with 0 in standalone Keras, with 0.1 later: an optimizer without state tells its own.
    @Test func adagradsFirstSums() throws {
        let fresh = TrainingSpec(
            compileSettings: ["optimizer": ["class_name": "Adagrad", "config": ["learning_rate": 0.5]], "loss": "mse"],
            dialect: .keras3)
        let (old, _) = try converted(fresh, KerasTarget(.keras2))
        #expect(try firsts(old).first == 0 && firsts(old).dropFirst().allSatisfy { $0 == 0.1 })
        #expect(old.optimizerWeights.count == 7)
        let settings: ConfigObject = [
            "optimizer_config": ["class_name": "Adagrad", "config": ["learning_rate": 0.5, "decay": 0.0, "epsilon": 1e-7]],
            "loss": "mse",
        ]
        let (new, _) = try converted(TrainingSpec(compileSettings: settings, dialect: .keras2), KerasTarget(.keras3))
        #expect(new.optimizerWeights.isEmpty)
        let config = new.compileSettings["optimizer_config"]?.object?["config"]?.object
        #expect(config?["initial_accumulator_value"]?.number == 0)
    }

    /// Keras 3.0 trains frozen layers of files, and keeps arrays for them: zeros, and what follows stays with its weights.
    @Test func keras30HasArraysForFrozenLayers() throws {
        let (result, _) = try converted(adam(), KerasTarget(.keras3, version: "3.0.5"), as: .compileConfig)
        #expect(try firsts(result) == [7, 0.01, 0, 10, 1, 11, 2, 12, 3, 13, 0, 0, 0, 0, 4, 14, 5, 15])
        let (back, _) = try converted(result, KerasTarget(.keras2))
        #expect(try firsts(back) == firsts(adam()))
    }

    /// `load_model` of Keras 1 takes no lists by output, which its `save_model` writes.
    @Test func keras1TakesOneMetricForAnOutput() {
        func metrics(_ value: ConfigValue) -> (ConfigValue, [String]) {
            var upgrade = CompileUpgrade(from: .keras3, to: .keras1, form: .trainingConfig, outputs: ["p", "q"])
            return (upgrade.metrics(value, isFor: "mse"), upgrade.notes)
        }
        let (one, none) = metrics([["mae"], nil])
        #expect(one == ["p": "mae"] && none.isEmpty)
        #expect(metrics([["mae"], ["mae"]]).0 == ["mae"])
        let (kept, notes) = metrics(["p": ["mae", "mse"], "q": ["accuracy"]])
        #expect(kept == ["p": "mae", "q": "accuracy"])
        #expect(notes.count == 1 && notes[0].contains("mse of p"))
    }

    @Test func whatATargetLacksIsRefused() throws {
        let error = #expect(throws: LocatedError.self) { try converted(adam(), KerasTarget(.keras1)) }
        #expect(error?.code == "training.inexpressible" && error?.category == .unsupported)
        #expect(error?.message.contains("logcosh") == true)
    }

    /// Settings of genuine files, for every target: either written, or refused by name.
    @Test(arguments: TrainingLayoutTests.environments)
    func genuineSettings(_ environment: String) throws {
        let text = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("formats/training/\(environment)/compile.json")))
        let cases = try #require(try JSON.parse(String(decoding: text, as: UTF8.self)).object)
        for (name, value) in cases {
            for key in ["training_config", "compile_config"] {
                guard let settings = value.object?[key]?.object else { continue }
                let training = TrainingSpec(compileSettings: settings, dialect: TrainingLayoutTests.dialect(environment))
                for target in [KerasTarget(.keras1), KerasTarget(.keras2), KerasTarget(.tfKeras), KerasTarget(.keras3)] {
                    do {
                        let (result, _) = try converted(training, target)
                        #expect(result.dialect == target.dialect)
                        #expect(result.compileSettings["loss"]?.isNull == false, "\(name) \(target)")
                    } catch let error as LocatedError {
                        #expect(error.code == "training.inexpressible", "\(name) \(target) \(error)")
                        #expect(!(["plain", "mse_name", "list", "named", "cosine"].contains(name)), "\(name) \(target) \(error)")
                    }
                }
            }
        }
    }
}
