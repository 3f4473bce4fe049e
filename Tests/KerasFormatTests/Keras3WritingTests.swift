import Files
import KerasSpec
import OrderedCollections
import TestSupport
import Tensors
import Testing

@testable import KerasFormat

/// Architectures written for Keras 3.
@Suite struct Keras3WritingTests {
    static let graphs = ["functional_3.0.5", "functional_3.15.1", "functional_h5_3.15.1"]

    private func write(_ spec: ModelSpec, for target: KerasTarget = .keras3) throws -> ConfigObject {
        var notes: [UpgradeNote] = []
        return try Keras3Dialect.write(spec, for: target, usesSources: false, &notes)
    }

    private func sequential(_ layers: LayerSpec...) -> ModelSpec {
        ModelSpec(kind: .sequential, name: "model", layers: layers)
    }

    @Test(arguments: ["functional_3.0.5", "functional_3.15.1"])
    func rewrittenModelsSayTheSame(_ graph: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("formats/keras3/graphs/\(graph).json"))
        let spec = try ArchitectureReader.spec(from: try JSON.parse(bytes), version: "3.15.1")
        var notes: [UpgradeNote] = []
        #expect(try Keras3Dialect.read(try write(spec), &notes).says(the: spec))
    }

    @Test func wordsOfLaterVersionsAreLeftOut() throws {
        let spec = sequential(
            LayerSpec(
                className: "Dense", name: "dense",
                config: [
                    "name": "dense", "units": 3, "quantization_config": nil,
                    "kernel_initializer": Serialized.keras3(
                        "keras.initializers", "Orthogonal", ["gain": 1.0, "input_axes": nil, "output_axes": nil]),
                ]))
        let layer = try #require(try write(spec, for: KerasTarget(.keras3, version: "3.0.5"))["config"]?.object?["layers"]?.array?[0].object)
        let config = try #require(layer["config"]?.object)
        #expect(config.keys.elements == ["name", "units", "kernel_initializer"])
        #expect(
            config["kernel_initializer"]
                == Serialized.keras3("keras.initializers", "OrthogonalInitializer", ["gain": 1.0]))
    }

    @Test func whatIsMissingIsRefusedByName() throws {
        let spec = sequential(
            LayerSpec(className: "RMSNormalization", name: "norm", config: ["name": "norm"]),
            LayerSpec(className: "Highway", name: "old", config: ["name": "old"]),
            LayerSpec(
                className: "LSTM", name: "lstm",
                config: ["name": "lstm", "recurrent_activation": .string(LegacyName.hardSigmoid)]))
        let error = try #require(throws: LocatedError.self) {
            try write(spec, for: KerasTarget(.keras3, version: "3.0.5"))
        }
        for name in ["norm", "old", "lstm"] { #expect(error.description.contains("\(name): ")) }
    }

    @Test func oldHardSigmoidBecomesTwoLayers() throws {
        let spec = sequential(
            LayerSpec(
                className: "Dense", name: "dense",
                config: ["name": "dense", "units": 2, "activation": .string(LegacyName.hardSigmoid)]))
        var notes: [UpgradeNote] = []
        let again = try Keras3Dialect.read(try write(spec), &notes)
        #expect(again.layers.map(\.className) == ["Dense", "Rescaling", "ReLU"])
        #expect(again.layers[0].config["activation"] == "linear")
        #expect(again.layers[1].config["scale"] == 0.2)
        #expect(again.layers[2].config["max_value"] == 1.0)
    }
}
