import Foundation
import KerasSpec
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Optimizer state as every generation of genuine Keras lists it.
@Suite struct TrainingLayoutTests {
    static let environments = [
        "keras-1.2.2", "keras-2.2.4", "keras-2.3.1", "tf.keras-2.4.0", "tf.keras-2.13.1", "keras-2.15.0", "tf-keras-2.21.0",
        "keras-3.0.5", "keras-3.15.1",
    ]

    /// The network of the layouts, in Keras 3's words.
    static func network(frozen: Bool = true) -> (spec: ModelSpec, weights: ModelWeights) {
        func dense(_ name: String, _ units: Int, trainable: Bool = true) -> LayerSpec {
            LayerSpec(
                className: "Dense", name: name,
                config: ["name": .string(name), "trainable": .bool(trainable), "units": .integer(units), "use_bias": true])
        }
        let norm = LayerSpec(
            className: "BatchNormalization", name: "norm",
            config: ["name": "norm", "trainable": true, "scale": true, "center": true])
        let spec = ModelSpec(
            kind: .sequential, name: "sequential",
            layers: [dense("b_first", 3), norm, dense("frozen", 3, trainable: !frozen), dense("a_last", 2)])
        func weight(_ layer: String, _ name: String, _ shape: Shape, _ role: WeightOutline.Role = .trained) -> ModelWeights.Weight {
            ModelWeights.Weight(
                outline: WeightOutline(layerPath: [layer], path: [name], role: role), tensor: LazyTensor(Tensor(zeros: shape)))
        }
        return (
            spec,
            ModelWeights([
                weight("b_first", "kernel", [4, 3]), weight("b_first", "bias", [3]), weight("norm", "gamma", [3]),
                weight("norm", "beta", [3]), weight("norm", "moving_mean", [3], .other),
                weight("norm", "moving_variance", [3], .other), weight("frozen", "kernel", [3, 3]),
                weight("frozen", "bias", [3]), weight("a_last", "kernel", [3, 2]), weight("a_last", "bias", [2]),
            ])
        )
    }

    static func dialect(_ environment: String) -> Dialect {
        environment.hasPrefix("keras-1") ? .keras1
            : environment.hasPrefix("keras-3") ? .keras3
            : environment.hasPrefix("keras-2.2") || environment.hasPrefix("keras-2.3") ? .keras2 : .tfKeras
    }

    @Test(arguments: environments)
    func ordersAreGenuine(_ environment: String) throws {
        let text = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("formats/training/\(environment)/layouts.json")))
        let cases = try #require(try JSON.parse(String(decoding: text, as: UTF8.self)).object)
        // Keras 3.0 trains layers that were frozen before they were built.
        var (spec, weights) = Self.network(frozen: environment != "keras-3.0.5")
        spec.provenance = Provenance(
            dialect: Self.dialect(environment), kerasVersion: environment.split(separator: "-").last.map(String.init))
        for (name, value) in cases {
            guard let settings = value.object?["training_config"]?.object, let listed = value.object?["arrays"]?.array
            else { continue }
            let arrays = listed.map { item in
                let parts = item.array ?? []
                let shape = Shape((parts[2].array ?? []).compactMap(\.integer))
                let isCount = parts[1].string != "float32"
                return StoredWeights.Weight(
                    name: parts[0].string ?? "",
                    tensor: LazyTensor(isCount ? Tensor(zeros: shape).asType(.int64) : Tensor(zeros: shape)))
            }
            let training = TrainingSpec(
                compileSettings: settings, dialect: Self.dialect(environment), optimizerWeights: arrays)
            do {
                let record = try TrainingConversion.record(of: training, in: spec, weights: weights)
                #expect(record.hasState, "\(name)")
                // Written for the same Keras again, everything stands where it stood.
                guard environment == "keras-2.3.1" || environment == "tf-keras-2.21.0" || environment == "keras-3.15.1"
                else { continue }
                var notes: [String] = []
                let generation = record.generation
                let target = KerasTarget(training.dialect)
                let config = OptimizerConfig.downgraded(
                    record, for: generation, minor: target.minor, form: .trainingConfig, { notes.append($0) }, { _ in })
                #expect(notes.isEmpty, "\(name)")
                if record.lossScaling == nil, !name.contains("Decay") {
                    let genuine = settings["optimizer_config"]?.object?["config"]?.object ?? [:]
                    #expect(config.object?["config"]?.object?.keys == genuine.keys, "\(name)")
                }
                let own = config.object?["config"]?.object ?? [:]
                if record.lossScaling != nil, generation != .keras3 { continue }
                let written = try OptimizerArrays.encode(
                    record, settings: own["inner_optimizer"]?.object?["config"]?.object ?? own, of: spec, weights: weights,
                    for: target, generation: generation)
                #expect(written.map(\.tensor.shape) == arrays.map(\.tensor.shape), "\(name)")
                #expect(written.map(\.name) == arrays.map(\.name), "\(name)")
            } catch { Issue.record("\(environment) \(name): \(error)") }
        }
    }
}
