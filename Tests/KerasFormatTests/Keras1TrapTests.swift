import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Files that load and compute something else, unless one knows: each trap has its test.
@Suite struct Keras1TrapTests {
    static func layer(
        _ className: String, _ config: ConfigObject, _ more: [ConfigValue] = []
    ) throws -> LayerSpec {
        var config = config
        config["name"] = config["name"] ?? "l"
        config["batch_input_shape"] = config["batch_input_shape"] ?? [.null, 4]
        let document: ConfigObject = [
            "class_name": "Sequential", "config": .array([["class_name": .string(className), "config": .object(config)]] + more),
            "keras_version": "1.2.2",
        ]
        return try #require(ArchitectureReader.spec(from: .object(document)).layers.first { $0.name == "l" })
    }

    // MARK: - Settings

    @Test func hardSigmoidIsKeras1sAndTheDefaultOfGates() throws {
        for className in ["LSTM", "GRU"] {
            let config = try Self.layer(className, ["output_dim": 3]).config
            #expect(config["recurrent_activation"] == .string(LegacyName.hardSigmoid))
            #expect(config["activation"] == "tanh")
        }
        let told = try Self.layer("LSTM", ["output_dim": 3, "inner_activation": "sigmoid"]).config
        #expect(told["recurrent_activation"] == "sigmoid")
    }

    /// What SReLU gives on the left is limited on Theano alone, which only the user can tell.
    @Test func sigmoidsOfPiecesAreLimitedAsTheirBackendHasIt() throws {
        let path = Fixtures.path("zoo/keras-1.2.2_theano_th/activations_old/whole.h5")
        let untold = try #require(try KerasFile.read(path).spec), told = try #require(try KerasFile.read(path, backend: "theano").spec)
        let layers = [untold, told].compactMap { $0.layers.first { $0.className == "SReLU" } }
        #expect(layers.map { $0.config[LegacyName.leakRule] } == [nil, "theano"])
        #expect(told.provenance?.notes.filter { $0.text == LeakRules.note }.map(\.layer) == ["srelu_1"])
        var notes: [UpgradeNote] = []
        for usesSources in [true, false] {
            let document = try KerasWriter.document(of: told, for: KerasTarget(.keras1), usesSources: usesSources, &notes)
            #expect(!JSON.text(.object(document)).contains("legacy>"))
            #expect(notes.contains { $0.text.hasPrefix("SReLU isn't limited") })
        }
    }

    @Test func hardSigmoidOfKeras3IsRefused() throws {
        var spec = ModelSpec(kind: .sequential, name: "m")
        spec.layers = [
            LayerSpec(className: "InputLayer", name: "i", config: ["batch_shape": [.null, 4], "dtype": "float32", "name": "i"]),
            LayerSpec(className: "Activation", name: "a", config: ["name": "a", "activation": "hard_sigmoid"]),
            LayerSpec(className: "Activation", name: "b", config: ["name": "b", "activation": .string(LegacyName.hardSigmoid)]),
            LayerSpec(className: "LayerNormalization", name: "c", config: ["name": "c"]),
            LayerSpec(className: "Dense", name: "d", config: ["name": "d", "units": 3, "activation": "selu"]),
        ]
        let error = try #require(throws: LocatedError.self) { try Keras1Tests.downgraded(spec) }
        #expect(error.code == "architecture.inexpressible")
        #expect(error.category == .unsupported)
        #expect(error.message.contains("Keras 1"))
        for refused in ["a: activation hard_sigmoid", "c: class LayerNormalization", "d: activation \"selu\""] {
            #expect(error.message.contains(refused), "\(error.message)")
        }
        #expect(!error.message.contains("b: "))
    }

    @Test func gatedUnitsResetBefore() throws {
        #expect(try Self.layer("GRU", ["output_dim": 3]).config["reset_after"] == false)
        var spec = ModelSpec(kind: .sequential, name: "m")
        spec.layers = [
            LayerSpec(className: "InputLayer", name: "i", config: ["batch_shape": [.null, 5, 4], "dtype": "float32", "name": "i"]),
            LayerSpec(className: "GRU", name: "g", config: ["name": "g", "units": 3, "reset_after": true]),
        ]
        let error = try #require(throws: LocatedError.self) { try Keras1Tests.downgraded(spec) }
        #expect(error.message.contains("g: reset_after true"))
    }

    @Test func normalizationTakesTheBatchsPlainVariance() throws {
        let config = try Self.layer("BatchNormalization", [:]).config
        #expect(config["epsilon"] == 0.001)
        #expect(config["momentum"] == 0.99)
        #expect(config[LegacyName.varianceRule] == "keras-1")
        #expect(config[LegacyName.mode] == nil)
    }

    @Test(arguments: [1, 2])
    func normalizationByAnotherModeIsToldAndRefusedElsewhere(_ mode: Int) throws {
        let layer = try Self.layer("BatchNormalization", ["mode": .integer(mode)])
        #expect(layer.config[LegacyName.mode] == .integer(mode))
        let spec = try Keras1Tests.spec("own_words_tensorflow_tf")
        let error = try #require(throws: LocatedError.self) {
            var notes: [UpgradeNote] = []
            return try KerasWriter.architecture(spec, for: KerasTarget(.keras2), &notes)
        }
        #expect(error.message.contains("mode_\(mode): legacy>mode \(mode)"))
    }

    /// Keras 1 flattens as the array stands. Keras has no conversion of the Dense after it: its rows are in the order of
    /// channels, rows, columns, and stay so.
    @Test func flattenAfterChannelsFirstKeepsTheOrderOfDensesRows() throws {
        let spec = try Keras1Tests.spec("images_tensorflow_th")
        let flatten = try #require(spec.layers.first { $0.className == "Flatten" })
        #expect(flatten.config["data_format"] == "channels_last", "channels_first would turn the array before it is flattened")
        let stored = try Keras1Tests.stored("images_tensorflow_th")
        let weights = try WeightBinding.resolve(stored, in: spec)
        let kernel = try #require(weights.weights.first { $0.outline.name == "dense_1/kernel" }).tensor.load()
        let held = try #require(stored.layers.first { $0.name == "dense_1" }).weights[0].tensor.load()
        #expect(kernel == held)
    }

    /// Layers that don't write their `dim_ordering` mean what their program was set to: the others of the model tell.
    @Test func untoldOrderingIsThatOfTheOthers() throws {
        for (model, format) in [("images_tensorflow_th", "channels_first"), ("images_tensorflow_tf", "channels_last")] {
            let spec = try Keras1Tests.spec(model)
            for className in ["ZeroPadding2D", "UpSampling2D", "Cropping2D", "SpatialDropout2D"] {
                let layer = try #require(spec.layers.first { $0.className == className })
                #expect(layer.config["data_format"] == .string(format), "\(className)")
                #expect(spec.provenance?.notes.contains { $0.layer == layer.name && $0.text.contains("dim_ordering") } == true)
            }
        }
    }

    @Test func leakySlopesAreTheirOwn() throws {
        #expect(try Self.layer("LeakyReLU", [:]).config["negative_slope"] == 0.3)
        #expect(try Self.layer("LeakyReLU", ["alpha": 0.2]).config["negative_slope"] == 0.2)
    }

    @Test func calledModelsAreCountedFromOne() throws {
        let spec = try Keras1Tests.spec("merges_tensorflow_tf")
        let shared = try #require(spec.layers.first { $0.name == "shared" })
        #expect(shared.calls.map(\.tensors) == [[TensorReference(layer: "inner", node: 0)], [TensorReference(layer: "inner", node: 1)]])
    }

    @Test func integersOfInputsDontMakeIntegersOfWeights() throws {
        let words = try Keras1Tests.spec("sequences_tensorflow_tf").layers[1]
        #expect(words.className == "Embedding")
        #expect(words.config["dtype"] == "float32")
        #expect(words.config[LegacyName.kept]?.object?["input_dtype"] == "int32")
    }

    @Test func regularizersNeedNoClassName() throws {
        let l2: ConfigValue = ["name": "WeightRegularizer", "l1": 0.0, "l2": 0.5]
        let config = try Self.layer("Dense", ["output_dim": 3, "W_regularizer": l2, "b_regularizer": "l1"]).config
        let regularizer = config["kernel_regularizer"]?.object
        #expect(regularizer?["class_name"] == "L1L2")
        #expect(regularizer?["config"] == ["l1": 0.0, "l2": 0.5])
        #expect(config["bias_regularizer"]?.object?["config"]?.object?["l1"] == 0.01)
    }

    /// Kernels have other axes in Keras 1, so constraints over axes have too.
    @Test func constraintsFollowTheKernelsAxes() throws {
        for (model, axes) in [("images_tensorflow_th", [0, 1, 2]), ("images_tensorflow_tf", [0, 1, 2])] {
            let layer = try #require(Keras1Tests.spec(model).layers.first { $0.className == "Conv2D" })
            #expect(layer.config["kernel_constraint"]?.object?["config"]?.object?["axis"] == .integers(axes))
        }
        let sequence = try #require(Keras1Tests.spec("sequences_tensorflow_tf").layers.first { $0.className == "Conv1D" })
        #expect(sequence.config["kernel_constraint"]?.object?["config"]?.object?["axis"] == .integers([0, 1]))
    }

    @Test func joinedModelsAreOneFunctionalModelAndKeepTheirWeights() throws {
        let spec = try Keras1Tests.spec("merged_tensorflow_tf")
        #expect(spec.kind == .functional)
        #expect(spec.inputs.tensors.map(\.layer) == ["left_1_input", "i", "j", "one_input", "two_input"])
        let stored = try Keras1Tests.stored("merged_tensorflow_tf")
        let weights = try WeightBinding.resolve(stored, in: spec)
        for weight in weights.weights where weight.outline.layerPath.count == 1 {
            #expect(weight.fileName?.hasPrefix(weight.outline.layerPath[0]) == true, "\(weight.outline.name) is \(weight.fileName ?? "")")
        }
    }

    // MARK: - Weights

    @Test(arguments: ["LSTM", "GRU"])
    func unknownGraphicsCardsWeightsAreTold(_ className: String) throws {
        let units = 3, gates = className == "LSTM" ? 4 : 3
        let owner = WeightOwner(
            layerPath: ["r"], path: ["cell"], className: className + "Cell", config: ["units": 3, "reset_after": false],
            variables: WeightLayout(of: className + "Cell", config: [:])?.variables ?? [])
        let arrays: [LazyTensor] = [[2, gates * units], [units, gates * units], [7]].map { LazyTensor(Tensor(zeros: Shape($0))) }
        let error = try #require(throws: LocatedError.self) {
            try LegacyConversion.upgraded(arrays, of: owner, from: WeightOrigin(.keras2))
        }
        #expect(error.category == .mismatch)
        #expect(error.location == ["r/cell"])
        #expect(error.message.contains("(7,)"))
    }

    /// Genuine Keras 2.3.1 loads weights of cuDNN's layers into plain ones, and back.
    @Test func weightsOfCuDNNAreThoseThatGenuineKerasMakes() throws {
        let folder = Fixtures.path("formats/cudnn")
        let spec = try #require(KerasFile.read("\(folder)/cudnn.json").spec)
        let plain = try #require(KerasFile.read("\(folder)/plain.json").spec)
        #expect(spec.layers.map(\.className) == plain.layers.map(\.className))
        for (a, b) in zip(spec.layers, plain.layers) {
            var (own, genuine) = (a.config, b.config)
            for key in ["kernel_initializer", "recurrent_initializer"] { (own[key], genuine[key]) = (nil, nil) }
            #expect(Set(own.keys) == Set(genuine.keys), "\(a.name)")
        }
        #expect(spec.provenance?.notes.contains { $0.text.contains("CuDNNLSTM is LSTM") } == true)
        let own = try WeightBinding.resolve(KerasFile.readWeights("\(folder)/cudnn.weights.h5"), in: spec).weights
        let genuine = try WeightBinding.resolve(KerasFile.readWeights("\(folder)/plain.weights.h5"), in: plain).weights
        #expect(own.map(\.outline) == genuine.map(\.outline))
        for (a, b) in zip(own, genuine) {
            let (x, y) = (try a.tensor.load(), try b.tensor.load())
            #expect(x.shape == y.shape)
            #expect(zip(x.array(as: Float.self), y.array(as: Float.self)).allSatisfy { abs($0 - $1) < 1e-6 }, "\(a.outline.name)")
        }
        var notes: [UpgradeNote] = []
        let text = String(decoding: try InputFile.readBytes("\(folder)/cudnn.json"), as: UTF8.self)
        #expect(try KerasWriter.architecture(spec, for: KerasTarget(.keras2), &notes) == text)
    }

    /// Before Keras 1.2 kernels of one dimension were (out, in, length, 1).
    @Test func oldKernelsOfOneDimension() throws {
        let owner = WeightOwner(
            layerPath: ["c"], path: [], className: "Conv1D", config: ["filters": 2, "kernel_size": [3]],
            variables: WeightLayout(of: "Conv1D", config: [:])?.variables ?? [])
        // Element (o, i, l) is 100·o + 10·i + l.
        let values: [Float] = (0..<24).map { (number: Int) -> Float in
            Float(100 * (number / 12) + 10 * (number / 3 % 4) + number % 3)
        }
        let kernel = LazyTensor(Tensor(values, shape: [2, 4, 3, 1]))
        let result = try LegacyConversion.upgraded([kernel], of: owner, from: WeightOrigin(.keras1))[0]
        #expect(result.shape == [3, 4, 2])
        let array = try result.load().array(as: Float.self)
        #expect(array[23] == 132)
        let turned = try LegacyConversion.upgraded([kernel], of: owner, from: WeightOrigin(.keras1, backend: "theano"))[0].load()
        #expect(turned.array(as: Float.self)[7] == 132)
        let wrong = LazyTensor(Tensor(zeros: [5, 4, 3, 1]))
        let error = try #require(throws: LocatedError.self) {
            try LegacyConversion.upgraded([wrong], of: owner, from: WeightOrigin(.keras1))
        }
        #expect(error.message.contains("(5, 4, 3, 1)"))
    }

    /// Whose kernels they are no file of Keras 1 says.
    @Test func theanosKernelsAreTurnedWhenTold() throws {
        let folder = Keras1Tests.folder
        let spec = try Keras1Tests.spec("images_theano_th")
        let path = "\(folder)/images_theano_th.weights.h5"
        let plain = try WeightBinding.resolve(KerasFile.readWeights(path), in: spec).weights[0].tensor.load()
        let turned = try WeightBinding.resolve(KerasFile.readWeights(path, backend: "theano"), in: spec).weights[0].tensor.load()
        #expect(plain.shape == [3, 2, 3, 4])
        #expect(turned == TheanoKernels.turned(plain))
        #expect(turned != plain)
    }

    /// A spec that doesn't say how Keras 1 kept its gates takes either.
    @Test func gatesApartOrTogether() throws {
        var spec = try Keras1Tests.spec("sequences_tensorflow_tf")
        for index in spec.layers.indices { spec.layers[index].config[LegacyName.kept] = nil }
        let weights = try WeightBinding.resolve(Keras1Tests.stored("sequences_tensorflow_tf"), in: spec)
        let own = try WeightBinding.resolve(Keras1Tests.stored("sequences_tensorflow_tf"), in: Keras1Tests.spec("sequences_tensorflow_tf"))
        #expect(weights.weights.map(\.outline) == own.weights.map(\.outline))
    }
}
