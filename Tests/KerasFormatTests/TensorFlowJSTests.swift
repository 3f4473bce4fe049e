import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Layers models of TensorFlow.js, as its converter writes them and as JavaScript does.
@Suite struct TensorFlowJSTests {
    static func path(_ name: String) -> String { Fixtures.path("formats/tfjs/" + name) }

    static let folders =
        ["mini1"] + ["images", "words"].flatMap { model in
            ["plain", "shards", "layers", "uint8", "uint16", "float16", "weights_only"].map { model + "/" + $0 }
        }

    // MARK: - Values

    @Test(arguments: folders)
    func valuesAreThoseOfThePackage(_ folder: String) throws {
        let stored = try KerasFile.readWeights(Self.path(folder + "/model.json"))
        #expect(stored.scheme == .list)
        let expected = try #require(
            try JSON.parse(InputFile.readBytes(Self.path(folder + "/values.json"))).object)
        let weights = stored.layers.flatMap(\.weights)
        #expect(weights.map(\.name) == Array(expected.keys))
        for weight in weights {
            let genuine = try #require(expected[weight.name]?.array)
            let tensor = try weight.tensor.load()
            #expect(tensor.shape == weight.tensor.shape && tensor.dtype == weight.tensor.dtype)
            #expect(ConfigValue.integers(tensor.shape.dims) == genuine[0], "\(weight.name)")
            tensor.asType(.float64).withUnsafeElements(as: Double.self) { values in
                #expect(values.first == genuine[1].number, "\(weight.name)")
                #expect(values.last == genuine[2].number, "\(weight.name)")
                let sum = genuine[3].number ?? .nan
                #expect(abs(values.reduce(0, +) - sum) <= 1e-9 * max(1, abs(sum)), "\(weight.name)")
            }
        }
    }

    @Test func weightsOfAKerasFileKeepTheirObjects() throws {
        let stored = try KerasFile.readWeights(Self.path("images/from_keras/model.json"))
        #expect(stored.scheme == .objects)
        let names = stored.layers.map(\.name)
        #expect(names.contains("layers/dense_2"))
        #expect(!names.contains { $0.hasPrefix("optimizer") })
        let norm = try #require(stored.layers.first { $0.name == "layers/batch_normalization" })
        #expect(norm.weights.map(\.name) == ["0", "1", "2", "3"])
    }

    // MARK: - Meaning

    /// Every weight has the value that the HDF5 file has under the same name.
    private func compare(_ tfjs: StoredWeights, _ hdf5: StoredWeights, in spec: ModelSpec, tolerance: Double) throws {
        let ours = try WeightBinding.resolve(tfjs, in: spec)
        let theirs = try WeightBinding.resolve(hdf5, in: spec)
        #expect(ours.weights.map(\.outline) == theirs.weights.map(\.outline))
        for (a, b) in zip(ours.weights, theirs.weights) {
            let (x, y) = (try a.tensor.load().asType(.float64), try b.tensor.load().asType(.float64))
            #expect(x.shape == y.shape, "\(a.outline.name)")
            x.withUnsafeElements(as: Double.self) { x in
                y.withUnsafeElements(as: Double.self) { y in
                    #expect(zip(x, y).allSatisfy { abs($0 - $1) <= tolerance }, "\(a.outline.name)")
                }
            }
        }
    }

    @Test func namesSayWhichWeightIsWhich() throws {
        let model = try KerasFile.readModel(Self.path("mini1/model.json"))
        let genuine = try KerasFile.readModel(Fixtures.path("samples/keras-2.3.1_tf1.15/mini1/whole.h5"))
        let spec = try #require(model.spec)
        #expect(spec.says(the: try #require(genuine.spec)))
        #expect(spec.provenance?.dialect == .keras2)
        #expect(model.training?.compileSettings == genuine.training?.compileSettings)
        try compare(try #require(model.weights), try #require(genuine.weights), in: spec, tolerance: 0)
    }

    @Test func modelsOfJavaScriptAreRead() throws {
        for name in ["js/model.json", "js/old.json"] {
            let model = try KerasFile.readModel(Self.path(name))
            let spec = try #require(model.spec)
            #expect(spec.layers.map(\.className) == ["InputLayer", "Dense", "BatchNormalization", "Reshape", "LSTM", "Dense"])
            #expect(spec.layers[1].config["activation"] == .string(LegacyName.hardSigmoid))
            #expect(spec.provenance?.kerasVersion == nil && spec.provenance?.document == nil)
            let weights = try WeightBinding.resolve(try #require(model.weights), in: spec)
            #expect(
                weights.weights.map(\.outline.name) == [
                    "dense_Dense1/kernel", "dense_Dense1/bias", "batch_normalization_BatchNormalization1/gamma",
                    "batch_normalization_BatchNormalization1/beta", "batch_normalization_BatchNormalization1/moving_mean",
                    "batch_normalization_BatchNormalization1/moving_variance", "lstm_LSTM1/cell/kernel",
                    "lstm_LSTM1/cell/recurrent_kernel", "lstm_LSTM1/cell/bias", "dense_Dense2/kernel", "dense_Dense2/bias",
                ])
            #expect(weights.weights.map(\.fileName).contains("lstm_LSTM1/recurrent_kernel"))
        }
        let training = try #require(try KerasFile.read(Self.path("js/model.json")).training)
        let optimizer = try #require(training.compileSettings["optimizer_config"]?.object)
        #expect(optimizer["config"]?.object?["learning_rate"] == 0.001)
        #expect(optimizer["config"]?.object?["beta_2"] == 0.999)
        #expect(training.optimizerWeights.isEmpty)
        let partial = try KerasFile.inspect(Self.path("js/model.json"))
        #expect(partial.problems.isEmpty && partial.model.training?.optimizerWeights.count == 4)
        #expect(partial.kerasVersion == "tfjs-layers 4.22.0")
    }

    // MARK: - Lists of weights

    private static let spec = ModelSpec(
        kind: .sequential, name: "m",
        layers: ["b", "a"].map { LayerSpec(className: "Dense", name: $0, config: ["name": .string($0), "use_bias": true]) })

    private static func list(_ names: [String]) -> StoredWeights {
        StoredWeights(
            layers: [
                StoredWeights.Layer(
                    name: "", weights: names.map { StoredWeights.Weight(name: $0, tensor: LazyTensor(Tensor(zeros: [1]))) })
            ], scheme: .list)
    }

    @Test(arguments: [
        ["b/kernel", "b/bias", "a/kernel", "a/bias"],
        ["a/bias", "b/kernel", "a/kernel", "b/bias"],
        ["m/a/kernel", "m/a/bias", "m/b/kernel", "m/b/bias"],
        ["a_1/kernel", "a_1/bias", "b_1/kernel", "b_1/bias_1"],
        ["x/kernel", "x/bias", "y/kernel", "y/bias"],
    ])
    func listsAreTakenByNameElseByOrder(_ names: [String]) throws {
        let weights = try WeightBinding.resolve(Self.list(names), in: Self.spec).weights
        #expect(weights.map(\.outline.name) == ["b/kernel", "b/bias", "a/kernel", "a/bias"])
        let parts = weights.map { $0.fileName?.split(separator: "/").last?.split(separator: "_").first.map(String.init) }
        #expect(parts == ["kernel", "bias", "kernel", "bias"])
        if names[0].hasPrefix("x") {
            #expect(weights.map(\.fileName) == names)
        } else {
            #expect(weights.allSatisfy { $0.fileName?.contains($0.outline.layerPath[0]) == true })
        }
    }

    @Test(arguments: [
        ["x/bias", "x/kernel", "y/kernel", "y/bias"], ["b/kernel", "b/bias", "a/kernel"], ["b/kernel", "b/bias", "a/kernel", "a/bias", "c/kernel"],
    ])
    func listsThatDontFitAreRefused(_ names: [String]) {
        let error = #expect(throws: LocatedError.self) { try WeightBinding.resolve(Self.list(names), in: Self.spec) }
        #expect(error?.code == "weights.mismatch")
    }

    // MARK: - Hostile and broken files

    /// A folder with one shard of 8 bytes and a manifest of two numbers, changed.
    private func error(_ change: (inout ConfigObject, URL) throws -> Void) throws -> LocatedError? {
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data(count: 8).write(to: folder.appendingPathComponent("a.bin"))
        var group: ConfigObject = [
            "paths": ["a.bin"], "weights": [["name": "d/kernel", "shape": [1, 2], "dtype": "float32"]],
        ]
        try change(&group, folder)
        let document: ConfigValue = ["format": group["format"] ?? "layers-model", "modelTopology": .null, "weightsManifest": [.object(group)]]
        try JSON.text(document).write(to: folder.appendingPathComponent("model.json"), atomically: true, encoding: .utf8)
        do {
            for weight in try KerasFile.readWeights(folder.appendingPathComponent("model.json").path).layers.flatMap(\.weights) {
                _ = try weight.tensor.load()
            }
            return nil
        } catch { return error }
    }

    @Test func theSoundFileLoads() throws { #expect(try error { _, _ in } == nil) }

    @Test(arguments: ["/etc/passwd", "../a.bin", "x/../../a.bin", "..", "", "x//a.bin", "..\\a.bin", "C:a.bin", "a\0.bin"])
    func shardsStayInTheFolder(_ name: String) throws {
        let error = try error { group, _ in group["paths"] = [.string(name)] }
        #expect(error?.code == "tfjs.path" && error?.category == .invalid, "\(name)")
    }

    @Test func linksOutOfTheFolderAreRefused() throws {
        let outside = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: outside) }
        let secret = outside.appendingPathComponent("secret")
        try Data(count: 8).write(to: secret)
        let error = try error { group, folder in
            try FileManager.default.createSymbolicLink(at: folder.appendingPathComponent("b.bin"), withDestinationURL: secret)
            group["paths"] = ["b.bin"]
        }
        #expect(error?.code == "tfjs.path")
    }

    @Test func sizesAreHeldAgainstTheShards() throws {
        for shape: ConfigValue in [[1, 3], [1], [4_611_686_018_427_387_904, 4], [-1, 2], [0.5], [[1]]] {
            let error = try error { group, _ in group["weights"] = [["name": "d/kernel", "shape": shape, "dtype": "float32"]] }
            #expect(error?.category == .invalid, "\(shape)")
        }
        #expect(try error { group, _ in group["paths"] = ["a.bin", "a.bin"] }?.code == "tfjs.size")
        #expect(try error { group, _ in group["paths"] = ["missing.bin"] }?.category == .notFound)
    }

    @Test func typesAreKnownOrRefused() throws {
        for (dtype, category) in [("string", LocatedError.Category.unsupported), ("complex64", .unsupported), ("float128", .invalid)] {
            let error = try error { group, _ in group["weights"] = [["name": "d/kernel", "shape": [2], "dtype": .string(dtype)]] }
            #expect(error?.category == category, "\(dtype)")
        }
        for quantization: ConfigValue in [["dtype": "int8"], ["dtype": "uint8"], ["dtype": "uint8", "scale": .float(.nan), "min": 0.0], "uint8"] {
            let error = try error { group, _ in
                group["weights"] = [["name": "d/kernel", "shape": [8], "dtype": "float32", "quantization": quantization]]
            }
            #expect(error?.code == "tfjs.quantization")
        }
        for name in ["bool", "uint8"] {
            let weight: ConfigValue = ["name": "d/kernel", "shape": [8], "dtype": .string(name)]
            #expect(try error { group, _ in group["weights"] = [weight] } == nil)
        }
    }

    @Test func repeatedNamesAndGraphModelsAreRefused() throws {
        let weight: ConfigValue = ["name": "d/kernel", "shape": [1], "dtype": "float32"]
        #expect(try error { group, _ in group["weights"] = [weight, weight] }?.code == "weights.duplicate")
        let graph = try error { group, _ in group["format"] = "graph-model" }
        #expect(graph?.category == .unsupported && graph?.code == "container.unsupported")
        #expect(try error { group, _ in group["format"] = "other" }?.code == "tfjs.format")
    }
}
