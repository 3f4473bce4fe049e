import KerasSpec
import OrderedCollections
import Tensors
import Testing

@testable import KerasFormat

/// Models of newer Kerases in words that older ones have.
@Suite struct DowngradeTests {
    private func layer(_ className: String, _ name: String, _ own: ConfigObject = [:], on inputs: Nest...) -> LayerSpec {
        var config: ConfigObject = ["name": .string(name), "trainable": true, "dtype": "float32"]
        for (key, value) in own { config[key] = value }
        return LayerSpec(className: className, name: name, config: config, calls: [LayerCall(arguments: inputs)])
    }

    private func output(_ name: String) -> Nest { .tensor(TensorReference(layer: name)) }

    private var input: LayerSpec {
        LayerSpec(
            className: "InputLayer", name: "x",
            config: ["batch_shape": [nil, 4], "dtype": "float32", "sparse": false, "ragged": false, "name": "x", "optional": false],
            calls: [LayerCall()])
    }

    private func functional(_ layers: LayerSpec...) -> ModelSpec {
        ModelSpec(
            kind: .functional, name: "m", layers: [input] + layers, inputs: .list([output("x")]),
            outputs: .list([output(layers.last?.name ?? "x")]))
    }

    private func again(_ spec: ModelSpec, for target: KerasTarget) throws -> (spec: ModelSpec, notes: [UpgradeNote]) {
        var notes: [UpgradeNote] = []
        let document = try target.dialect.architecture.write(spec, for: target, usesSources: false, &notes)
        var others: [UpgradeNote] = []
        return (try target.dialect.architecture.read(document, &others), notes)
    }

    @Test(arguments: ["Add", "Subtract", "Multiply", "Maximum", "Minimum"])
    func operationsOnTwoTensorsAreMergeLayers(_ name: String) throws {
        let spec = functional(
            layer("Identity", "y", on: output("x")),
            LayerSpec(
                className: "ops.numpy." + name, name: "both", config: ["name": "both"],
                calls: [LayerCall(arguments: [output("x"), output("y")])]))
        let (read, notes) = try again(spec, for: .keras2)
        #expect(read.layers.map(\.className) == ["InputLayer", "Activation", name])
        #expect(read.layers[2].calls == [LayerCall(arguments: [.list([output("x"), output("y")])])])
        #expect(notes.map(\.layer) == ["y", "both"])
    }

    @Test func operationsWithConstantsAreRefusedByName() throws {
        let spec = functional(
            LayerSpec(
                className: "ops.numpy.Multiply", name: "half", config: ["name": "half"],
                calls: [LayerCall(arguments: [output("x"), .constant(0.5)])]))
        for target in [KerasTarget.keras1, .keras2] {
            let error = try #require(throws: LocatedError.self) { try again(spec, for: target) }
            #expect(error.code == "architecture.inexpressible" && error.message.contains("half: operation Multiply with a constant"))
        }
    }

    /// An operation passes no masks on, a layer does: where there are masks it stays an operation, and is refused.
    @Test func operationsBehindMasksAreRefused() throws {
        let spec = functional(
            layer("Masking", "mask", ["mask_value": 0.0], on: output("x")),
            LayerSpec(className: "ops.nn.Relu", name: "relu", config: ["name": "relu"], calls: [LayerCall(arguments: [output("mask")])]))
        #expect(throws: LocatedError.self) { try again(spec, for: .keras2) }
    }

    @Test func keptDimensionsAreAReshapeOfTheirOwn() throws {
        let spec = functional(
            layer("GlobalAveragePooling2D", "pool", ["data_format": "channels_first", "keepdims": true], on: output("x")),
            layer("Flatten", "flat", ["data_format": "channels_last"], on: output("pool")))
        let (read, _) = try again(spec, for: .keras2)
        #expect(read.layers.map(\.className) == ["InputLayer", "GlobalAveragePooling2D", "Reshape", "Flatten"])
        #expect(read.layers[2].config["target_shape"] == [-1, 1, 1])
        #expect(read.layers[3].calls == [LayerCall(arguments: [output("pool_keepdims")])])
    }

    @Test func activationsThatAreLayersBehindTheirLayer() throws {
        let spec = functional(layer("Dense", "dense", ["units": 2, "activation": "leaky_relu", "use_bias": true], on: output("x")))
        let (read, _) = try again(spec, for: .keras2)
        #expect(read.layers.map(\.className) == ["InputLayer", "Dense", "LeakyReLU"])
        #expect(read.layers[1].config["activation"] == "linear")
        #expect(read.layers[2].config["negative_slope"]?.number == 0.2)
        #expect(read.outputs.tensors.map(\.layer) == ["dense_leaky_relu"])
    }

    @Test func causalPaddingIsALayerInKeras1() throws {
        let config: ConfigObject = [
            "filters": 2, "kernel_size": [3], "strides": [1], "padding": "causal", "data_format": "channels_last", "dilation_rate": [2],
            "groups": 1, "activation": "linear", "use_bias": true,
        ]
        let (read, _) = try again(functional(layer("Conv1D", "conv", config, on: output("x"))), for: .keras1)
        #expect(read.layers.map(\.className) == ["InputLayer", "ZeroPadding1D", "Conv1D"])
        #expect(read.layers[1].config["padding"] == [4, 0])
        #expect(read.layers[2].config["padding"] == "valid")
    }

    @Test func frozenModelsHaveFrozenLayers() throws {
        var inner = ModelSpec(
            kind: .sequential, name: "inner", layers: [input, layer("Dense", "dense", ["units": 2, "activation": "linear"])])
        inner.trainable = false
        let spec = functional(LayerSpec(className: "Sequential", name: "inner", model: inner, calls: [LayerCall(arguments: [output("x")])]))
        let (read, notes) = try again(spec, for: .keras2)
        #expect(read.layers[1].model?.value.layers.last?.config["trainable"] == false)
        #expect(notes.map(\.layer) == ["inner"])
    }

    /// Keras 1 makes a layer's calls when it comes to the layer.
    @Test func layersStandBehindWhatTheyAreCalledOn() throws {
        let spec = functional(
            layer("Activation", "second", ["activation": "tanh"], on: output("first")),
            layer("Activation", "first", ["activation": "relu"], on: output("x")))
        var notes: [UpgradeNote] = []
        let document = try Keras1Dialect.write(spec, for: .keras1, usesSources: false, &notes)
        let names = document["config"]?.object?["layers"]?.array?.compactMap { $0.object?["name"]?.string }
        #expect(names == ["x", "first", "second"])
    }
}
