import Foundation
import Graphs
import KerasFormat
import KerasSpec
import Layers
import Tensors
import TestSupport
import Testing

@Suite struct LayerConfigTests {
    @Test(arguments: Keras3Case.all)
    func roundTrip(_ example: Keras3Case) throws {
        let layer = try LayerRegistry.builtIn.decode(example.spec)
        #expect(JSON.text(.object(layer.config)) == JSON.text(.object(example.config)))
    }

    @Test(arguments: Keras3Case.all)
    func outputShapes(_ example: Keras3Case) throws {
        let layer = try LayerRegistry.builtIn.decode(example.spec)
        #expect(try layer.outputInfos(for: example.inputs).map(\.shape) == example.outputs)
    }

    @Test(arguments: Keras3Case.all)
    func weights(_ example: Keras3Case) throws {
        let layer = try LayerRegistry.builtIn.decode(example.spec)
        let slots = try layer.weights(for: example.inputs).map {
            Keras3Case.Weight(
                name: $0.path.last ?? "", shape: $0.shape, trainable: $0.trainable && layer.common.trainable)
        }
        #expect(slots == example.weights)
    }

    /// Files are read and written by the layout, models are run by the slots: both must name the same weights.
    @Test(arguments: Keras3Case.all)
    func slotsAreThoseOfTheLayout(_ example: Keras3Case) throws {
        let layer = try LayerRegistry.builtIn.decode(example.spec)
        let slots = try layer.weights(for: example.inputs).filter(\.isSaved)
        let layout = try #require(WeightLayout(of: example.className, config: layer.config))
        let outlines = layout.outlines.filter { $0.role != .seed }
        #expect(slots.map(\.path) == outlines.map(\.path))
        #expect(slots.map(\.trainable) == outlines.map { $0.role == .trained })
    }

    /// Of Keras 3, here or in the catalogue that parity is tested by, or of Keras 2.3 or 1 when it is gone since; two of tf-keras
    /// stand in `fixtures/models/tf_keras`.
    @Test func everyClassHasACase() throws {
        let folders = try ["catalogue", "layers", "layers1"].flatMap {
            try FileManager.default.contentsOfDirectory(atPath: Fixtures.path($0))
        }
        let tested = Set(Keras3Case.all.map(\.className)).union(folders).union(["InputLayer", "RandomHeight", "RandomWidth"])
        #expect(LayerRegistry.builtIn.classNames.filter { !tested.contains($0) } == [])
    }

    /// A layer made in Swift, and the case whose Keras made the same.
    struct Built: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable () -> any BuiltInLayer

        init(_ name: String, _ make: @escaping @Sendable () -> any BuiltInLayer) {
            testDescription = name
            self.make = make
        }
    }

    /// What Swift's initializers give is what Keras's give.
    static let built: [Built] = [
        Built("Activation/default") { Activation(.relu) },
        Built("Add/default") { Add() },
        Built("AveragePooling2D/default") { AveragePooling2D() },
        Built("MaxPooling2D/default") { MaxPooling2D(poolSize: (2, 2)) },
        Built("MaxPooling2D/strides_same") { MaxPooling2D(poolSize: (3, 2), strides: (2, 1), padding: .same) },
        Built("BatchNormalization/default") { BatchNormalization() },
        Built("BatchNormalization/options") {
            BatchNormalization(
                axis: 1, momentum: 0.5, epsilon: 0.25, center: false,
                gammaInitializer: .randomUniform(minval: 0.5, maxval: 1.5, seed: 4), movingMeanInitializer: .ones,
                gammaRegularizer: .l2(0.5), gammaConstraint: .unitNorm())
        },
        Built("Concatenate/default") { Concatenate() },
        Built("Conv2D/default") { Conv2D(4, (3, 3)) },
        Built("Conv2D/options") {
            Conv2D(
                4, (3, 2), strides: (2, 3), padding: .same, groups: 2, activation: .relu, kernelInitializer: .heNormal(seed: 3),
                biasInitializer: .constant(0.5), kernelRegularizer: .l2(0.5), biasRegularizer: .l1L2(l1: 0.25, l2: 0.5),
                activityRegularizer: .l1(0.5), kernelConstraint: .maxNorm(2, axis: [0, 1]), biasConstraint: .nonNeg,
                name: "given", trainable: false)
        },
        Built("Dense/default") { Dense(4) },
        Built("Dense/no_bias") { Dense(4, useBias: false) },
        Built("Dense/initializer_ones") { Dense(4, kernelInitializer: .ones) },
        Built("Dense/initializer_random_normal") { Dense(4, kernelInitializer: .randomNormal(mean: 0.5, stddev: 0.25)) },
        Built("Dense/initializer_variance_scaling") {
            Dense(
                4,
                kernelInitializer: .varianceScaling(scale: 2, mode: .fanOut, distribution: .untruncatedNormal, seed: 3))
        },
        Built("Dense/initializer_glorot_normal") { Dense(4, kernelInitializer: .glorotNormal()) },
        Built("Dense/initializer_he_uniform") { Dense(4, kernelInitializer: .heUniform()) },
        Built("Dense/initializer_lecun_normal") { Dense(4, kernelInitializer: .lecunNormal()) },
        Built("Dense/initializer_lecun_uniform") { Dense(4, kernelInitializer: .lecunUniform()) },
        Built("Dense/initializer_orthogonal") { Dense(4, kernelInitializer: .orthogonal()) },
        Built("Dense/initializer_identity") { Dense(4, kernelInitializer: .identity()) },
        Built("Dropout/default") { Dropout(0.25) },
        Built("Dropout/options") { Dropout(0.5, noiseShape: [nil, 1, 3], seed: 3) },
        Built("Embedding/default") { Embedding(7, 4) },
        Built("Embedding/options") {
            Embedding(
                7, 4, embeddingsInitializer: .truncatedNormal(mean: 0.5, stddev: 0.25, seed: 3),
                embeddingsRegularizer: .l2(), activityRegularizer: .l2(),
                embeddingsConstraint: .minMaxNorm(minValue: 0.5, maxValue: 2, rate: 0.75), maskZero: true)
        },
        Built("Flatten/default") { Flatten() },
        Built("Flatten/channels_first") { Flatten(dataFormat: .channelsFirst) },
        Built("LSTM/default") { LSTM(4) },
        Built("LSTM/no_bias") { LSTM(4, useBias: false, returnSequences: true) },
    ]

    @Test(arguments: built)
    func defaults(_ built: Built) throws {
        let example = try #require(Keras3Case.all.first { $0.testDescription == built.testDescription })
        var layer = built.make()
        if layer.common.name == nil { layer.common.name = "layer" }
        // A model that is built in Swift trains and masks as Keras 2.3 does.
        let config = layer.config.filter { !$0.key.hasPrefix("legacy>") }
        #expect(JSON.text(.object(config)) == JSON.text(.object(example.config)))
    }

    @Test func inputLayer() throws {
        let config = try #require(
            try JSON.parse(
                #"{"batch_shape": [null, 3], "dtype": "int32", "sparse": false, "ragged": false, "name": "x", "optional": false}"#
            ).object)
        let layer = try LayerRegistry.builtIn.decode(LayerSpec(className: "InputLayer", name: "x", config: config))
        #expect(JSON.text(.object(layer.config)) == JSON.text(.object(config)))
    }
}

extension Keras3Case {
    var spec: LayerSpec { LayerSpec(className: className, name: config["name"]?.string ?? "", config: config) }

    /// The case with some keys of its configuration replaced.
    func changing(_ key: String, to value: ConfigValue) -> LayerSpec {
        var config = config
        config[key] = value
        return LayerSpec(className: className, name: "layer", config: config)
    }
}
