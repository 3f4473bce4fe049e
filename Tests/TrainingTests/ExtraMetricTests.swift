import Foundation
import KerasFormat
import KerasSpec
import Layers
import TestSupport
import Tensors
import Testing
@testable import Training

/// Correlations along other axes, predictions that are sorted classes, losses that aren't reduced, Keras 1's scores of a batch:
/// what genuine Keras gives (fixtures/generate/training_extras.py).
@Suite struct ExtraMetricTests {
    static let generations: [(String, TrainingGeneration)] = [
        ("keras1", .keras1), ("keras2", .keras2), ("tfkeras", .tfKeras), ("keras3", .keras3),
    ]

    @Test(arguments: generations) func genuine(_ name: String, _ generation: TrainingGeneration) throws {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("metrics/extras_\(name).json")))
        let root = try #require(try JSON.parse(Array(bytes)).object)
        func numbers(_ value: ConfigValue?) throws -> [Double] { try #require(value?.array).compactMap(\.number) }
        let weights = Tensor(try numbers(root["weights"]).map { Float($0) }, shape: [10])
        for line in try #require(root["cases"]?.array).compactMap(\.object) {
            let data = try #require(root["data"]?.object?[line["data"]?.string ?? ""]?.object)
            let shape = Shape(try numbers(data["shape"]).map { Int($0) })
            let x = Tensor(try numbers(data["x"]).map { Float($0) }, shape: shape)
            let targets = try numbers(data["y"])
            let y = data["labels"] == true
                ? Tensor(targets.map { Int32($0) }, shape: [shape[0]]) : Tensor(targets.map { Float($0) }, shape: shape)
            let epochs = line["epochs"]?.integer ?? 0
            let expected = try numbers(line["result"])
            let metrics = try #require(line["metrics"]?.array).map { entry in
                // Keras 1 has names alone.
                try generation == .keras1 ? Metric(named: entry.object?["class_name"]?.string ?? "") : Metric(config: entry)
            }
            let loss: Loss
            switch line["loss"]?.string {
            case "none": loss = try Loss(config: ["class_name": "MeanSquaredError", "config": ["reduction": generation == .keras3 ? .null : "none"]])
            case "sparse_categorical_crossentropy": loss = .sparseCategoricalCrossentropy(fromLogits: true)
            default: loss = .meanSquaredError
            }
            #expect(try Loss(config: loss.config) == loss)
            let isTrained = epochs > 0
            let program = try Networks.sequential(
                Array(shape.dims.dropFirst()), isTrained ? [Dense(4, useBias: false, name: "out")] : [Activation(.linear, name: "out")])
            let kernel = Tensor(try numbers(root["kernel"]).map { Float($0) }, shape: [4, 4])
            let table = try program.lower(inputs: #require(program.declaredInputs), training: false).parameters
            let trainer = try Trainer(
                program, table: table, weights: isTrained ? [kernel] : [],
                outputs: [OutputTraining(name: "out", loss: loss, metrics: metrics)], optimizer: SGD(learningRate: 0.1), generation: generation)
            let samples = TrainingData(inputs: [x], targets: [y], sampleWeights: [line["weighted"] == true ? weights : nil])
            let about = "\(name) \(line["data"]?.string ?? "") \(line["metrics"]?.summary ?? "")"
            if isTrained {
                var options = FitOptions()
                (options.batchSize, options.epochs, options.shuffle) = (4, epochs, false)
                var random = NumPyRandom(seed: 1)
                let history = try trainer.fit(samples, options: options, random: &random)
                let got = history["loss"] ?? []
                #expect(got.count == expected.count && zip(got, expected).allSatisfy { abs($0 - $1) < 2e-6 }, "\(about) \(got) \(expected)")
                let final = try numbers(line["weights"])
                #expect(zip(trainer.weights[0].floats, final).allSatisfy { abs(Double($0) - $1) < 1e-6 }, "\(about)")
            } else {
                let logs = try trainer.evaluate(samples, batchSize: 4)
                let got = Array(logs.values.suffix(metrics.count))
                #expect(zip(got, expected.suffix(metrics.count)).allSatisfy { abs($0 - $1) < 2e-6 }, "\(about): \(got), genuine \(expected)")
            }
        }
    }

    /// Genuine Keras fails where one number would be added to many.
    @Test func unreducedBesideOthers() throws {
        let program = try Networks.sequential([4], [Dense(4, kernelRegularizer: .l2(0.1), name: "out")])
        for generation in [TrainingGeneration.tfKeras, .keras3] {
            let error = #expect(throws: LocatedError.self) {
                let trainer = try Trainer(
                    program, table: try program.lower(inputs: #require(program.declaredInputs), training: false).parameters, weights: [Tensor(zeros: [4, 4]), Tensor(zeros: [4])],
                    outputs: [OutputTraining(name: "out", loss: Loss(.meanSquaredError, reduction: .unreduced))], optimizer: SGD(), generation: generation)
                _ = try trainer.evaluate(TrainingData(inputs: [Tensor(zeros: [2, 4])], targets: [Tensor(zeros: [2, 4])]), batchSize: 2)
            }
            #expect(error?.code == "loss.reduction")
        }
    }

    /// Weights have no sample to belong to.
    @Test func weightsOverSamples() throws {
        let program = try Networks.sequential([4], [Activation(.linear, name: "out")])
        let trainer = try Trainer(
            program, table: ParameterTable(), weights: [],
            outputs: [
                OutputTraining(name: "out", loss: .meanSquaredError, weightedMetrics: [try Metric("PearsonCorrelation", ["axis": 0])])
            ], optimizer: SGD(), generation: .keras3)
        let error = #expect(throws: LocatedError.self) {
            try trainer.evaluate(
                TrainingData(inputs: [Tensor(zeros: [2, 4])], targets: [Tensor(zeros: [2, 4])], sampleWeights: [Tensor([1, 2] as [Float], shape: [2])]), batchSize: 2)
        }
        #expect(error?.code == "metric.weights")
        #expect(#expect(throws: LocatedError.self) { try Metric("PearsonCorrelation", ["axis": "rows"]) }?.code == "metric.setting")
    }
}
