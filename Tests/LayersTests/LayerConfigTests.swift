import Graphs
import KerasFormat
import KerasSpec
import Layers
import Tensors
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
                name: $0.path.joined(separator: "/"), shape: $0.shape, trainable: $0.trainable && layer.common.trainable)
        }
        #expect(slots == example.weights)
    }

    @Test func everyClassHasACase() {
        let tested = Set(Keras3Case.all.map(\.className)).union(["InputLayer"])
        #expect(LayerRegistry.builtIn.classNames == tested.sorted())
    }

    /// What Swift's initializers give is what Keras's give.
    @Test(arguments: [
        (Activation(.relu), "Activation/default"), (Add(), "Add/default"),
        (AveragePooling2D(), "AveragePooling2D/default"), (MaxPooling2D(poolSize: (2, 2)), "MaxPooling2D/default"),
        (MaxPooling2D(poolSize: (3, 2), strides: (2, 1), padding: .same), "MaxPooling2D/strides_same"),
        (BatchNormalization(), "BatchNormalization/default"),
        (
            BatchNormalization(
                axis: 1, momentum: 0.5, epsilon: 0.25, center: false,
                gammaInitializer: .randomUniform(minval: 0.5, maxval: 1.5, seed: 4), movingMeanInitializer: .ones,
                gammaRegularizer: .l2(0.5), gammaConstraint: .unitNorm()), "BatchNormalization/options"
        ),
        (Concatenate(), "Concatenate/default"), (Conv2D(4, (3, 3)), "Conv2D/default"),
        (
            Conv2D(
                4, (3, 2), strides: (2, 3), padding: .same, groups: 2, activation: .relu, kernelInitializer: .heNormal(seed: 3),
                biasInitializer: .constant(0.5), kernelRegularizer: .l2(0.5), biasRegularizer: .l1L2(l1: 0.25, l2: 0.5),
                activityRegularizer: .l1(0.5), kernelConstraint: .maxNorm(2, axis: [0, 1]), biasConstraint: .nonNeg,
                name: "given", trainable: false), "Conv2D/options"
        ),
        (Dense(4), "Dense/default"), (Dense(4, useBias: false), "Dense/no_bias"),
        (Dense(4, kernelInitializer: .ones), "Dense/initializer_ones"),
        (
            Dense(4, kernelInitializer: .randomNormal(mean: 0.5, stddev: 0.25)), "Dense/initializer_random_normal"
        ),
        (
            Dense(4, kernelInitializer: .varianceScaling(scale: 2, mode: .fanOut, distribution: .untruncatedNormal, seed: 3)),
            "Dense/initializer_variance_scaling"
        ),
        (Dense(4, kernelInitializer: .glorotNormal()), "Dense/initializer_glorot_normal"),
        (Dense(4, kernelInitializer: .heUniform()), "Dense/initializer_he_uniform"),
        (Dense(4, kernelInitializer: .lecunNormal()), "Dense/initializer_lecun_normal"),
        (Dense(4, kernelInitializer: .lecunUniform()), "Dense/initializer_lecun_uniform"),
        (Dense(4, kernelInitializer: .orthogonal()), "Dense/initializer_orthogonal"),
        (Dense(4, kernelInitializer: .identity()), "Dense/initializer_identity"),
        (Dropout(0.25), "Dropout/default"), (Dropout(0.5, noiseShape: [nil, 1, 3], seed: 3), "Dropout/options"),
        (Embedding(7, 4), "Embedding/default"),
        (
            Embedding(
                7, 4, embeddingsInitializer: .truncatedNormal(mean: 0.5, stddev: 0.25, seed: 3),
                embeddingsRegularizer: .l2(), activityRegularizer: .l2(),
                embeddingsConstraint: .minMaxNorm(minValue: 0.5, maxValue: 2, rate: 0.75), maskZero: true), "Embedding/options"
        ),
        (Flatten(), "Flatten/default"), (Flatten(dataFormat: .channelsFirst), "Flatten/channels_first"),
        (LSTM(4), "LSTM/default"), (LSTM(4, useBias: false, returnSequences: true), "LSTM/no_bias"),
    ] as [(any BuiltInLayer, String)])
    func defaults(layer: any BuiltInLayer, name: String) throws {
        let example = try #require(Keras3Case.all.first { $0.testDescription == name })
        var layer = layer
        if layer.common.name == nil { layer.common.name = "layer" }
        #expect(JSON.text(.object(layer.config)) == JSON.text(.object(example.config)))
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
