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

    private var oldHardSigmoid: ModelSpec {
        sequential(
            LayerSpec(
                className: "Dense", name: "dense",
                config: ["name": "dense", "units": 2, "activation": .string(LegacyName.hardSigmoid)]))
    }

    @Test func oldHardSigmoidBecomesTwoLayersBeforeActivationsMayBeObjects() throws {
        var notes: [UpgradeNote] = []
        let again = try Keras3Dialect.read(try write(oldHardSigmoid, for: KerasTarget(.keras3, version: "3.9.2")), &notes)
        try #require(again.layers.map(\.className) == ["Dense", "Rescaling", "ReLU"])
        #expect(again.layers[0].config["activation"] == "linear")
        #expect(again.layers[1].config["scale"] == 0.2)
        #expect(again.layers[2].config["max_value"] == 1.0)
    }

    @Test func oldHardSigmoidIsAnActivationThatIsReadAgain() throws {
        let document = try write(oldHardSigmoid, for: KerasTarget(.keras3, version: "3.10.0"))
        #expect(JSON.text(.object(document)).contains("\"Rescaling\""))
        var notes: [UpgradeNote] = []
        let again = try Keras3Dialect.read(document, &notes)
        #expect(again.layers.map(\.className) == ["Dense"])
        #expect(again.layers.first?.config["activation"] == .string(LegacyName.hardSigmoid))
    }

    @Test func modelsWithinWrappersAreWrittenInTheTargetsWords() throws {
        let inner = sequential(
            LayerSpec(
                className: "InputLayer", name: "in",
                config: ["batch_shape": [nil, 3], "dtype": "float32", "sparse": false, "ragged": false, "name": "in", "optional": false]),
            LayerSpec(
                className: "Dense", name: "inner",
                config: ["name": "inner", "units": 2, "activation": "linear", "quantization_config": nil]))
        let outer = sequential(
            LayerSpec(
                className: "TimeDistributed", name: "each",
                config: ["name": "each", "trainable": true, "dtype": "float32", "layer": InnerModel.config(of: inner)]))
        let old = JSON.text(.object(try write(outer, for: KerasTarget(.keras3, version: "3.4.0"))))
        #expect(!old.contains("quantization_config") && old.contains("optional"))
        let error = try #require(throws: LocatedError.self) { try write(outer, for: KerasTarget(.keras3, version: "3.3.3")) }
        #expect(error.message.contains("each: TimeDistributed around a model"))
        var notes: [UpgradeNote] = []
        let keras2 = JSON.text(.object(try Keras2Dialect.write(outer, for: .keras2, usesSources: false, &notes)))
        #expect(keras2.contains("batch_input_shape") && !keras2.contains("\"module\""))
        let layout = try #require(WeightLayout(of: "TimeDistributed", config: outer.layers[0].config))
        #expect(layout.outlines.map(\.path) == [["layer", "layers", "dense", "kernel"], ["layer", "layers", "dense", "bias"]])
    }

    @Test func slicesAreRefusedWhereKeras3CantReadThem() throws {
        func spec(_ key: ConfigValue) -> ModelSpec {
            let x = Nest.tensor(TensorReference(layer: "x"))
            return ModelSpec(
                kind: .functional, name: "m",
                layers: [
                    LayerSpec(
                        className: "InputLayer", name: "x", config: ["batch_shape": [nil, 4], "dtype": "float32", "name": "x"],
                        calls: [LayerCall()]),
                    LayerSpec(
                        className: "ops.numpy.GetItem", name: "part", config: ["name": "part"],
                        calls: [LayerCall(arguments: [x, .constant(key)])]),
                ], inputs: .list([x]), outputs: .list([.tensor(TensorReference(layer: "part"))]))
        }
        let slices: ConfigValue = [["class_name": "__slice__", "config": ["start": nil, "stop": 2, "step": nil]]]
        let error = try #require(throws: LocatedError.self) { try write(spec(slices), for: KerasTarget(.keras3, version: "3.1.1")) }
        #expect(error.code == "architecture.inexpressible" && error.message.contains("part: operation GetItem with slices"))
        _ = try write(spec(slices), for: KerasTarget(.keras3, version: "3.2.0"))
        _ = try write(spec(0), for: KerasTarget(.keras3, version: "3.0.5"))
    }

    @Test(arguments: [("3.1.1", 1), ("3.2.0", 0)])
    func frozenLayersAreToldOfWhereKeras3TrainsThem(_ version: String, _ count: Int) throws {
        let frozen = sequential(
            LayerSpec(className: "Dense", name: "dense", config: ["name": "dense", "trainable": false, "units": 2, "activation": "linear"]))
        var notes: [UpgradeNote] = []
        _ = try Keras3Writer.document(frozen, for: KerasTarget(.keras3, version: version), usesSources: false, &notes)
        #expect(notes.count(where: { $0.text.contains("train the frozen layers") }) == count)
        #expect(TrainedWeights.order(in: frozen, for: .keras3).isEmpty)
        #expect(TrainedWeights.order(in: frozen.thawed, for: .keras3).count == 2)
        #expect(frozen.holdsFrozen && !frozen.thawed.holdsFrozen)
    }

    @Test func operationsOfWholeFilesAreFoundWithoutModules() throws {
        let text = """
            {"class_name": "Functional", "config": {"name": "m", "trainable": true, "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "x"}, "name": "x", "inbound_nodes": []},
            {"class_name": "Add", "config": {"name": "add"}, "name": "add", "inbound_nodes": [{"args": [
            {"class_name": "__keras_tensor__", "config": {"shape": [null, 4], "dtype": "float32", "keras_history": ["x", 0, 0]}}, 1.0], "kwargs": {}}]}],
            "input_layers": [["x", 0, 0]], "output_layers": [["add", 0, 0]]}}
            """
        var notes: [UpgradeNote] = []
        let spec = try Keras3Dialect.read(try #require(try JSON.parse(Array(text.utf8)).object), &notes)
        #expect(spec.layers[1].className == "ops.numpy.Add")
    }
}
