import Datasets
import Files
import Foundation
import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Weights by objects, as genuine Kerases wrote them.
@Suite struct ObjectStoreTests {
    static let kerases = ["keras-3.15", "keras-3.0", "tf-keras-2.21", "keras-2.13"]
    static let models = ["functional", "sequential"]

    static func path(_ keras: String, _ file: String) -> String { Fixtures.path("formats/containers/\(keras)/\(file)") }

    /// What `get_weights()` gave.
    static func genuine(_ keras: String, _ model: String) throws -> [Tensor] {
        let arrays = try NPZ(reading: path(keras, model + ".npz"))
        return try arrays.names.filter { $0.hasPrefix("w") }.sorted().map { try arrays.tensor($0) }
    }

    static func loaded(_ weights: ModelWeights) throws -> [Tensor] {
        try weights.weights.filter { $0.outline.role != .seed }.map { try $0.tensor.load() }
    }

    @Test(arguments: kerases, models)
    func weightsAreThoseOfGenuineKeras(_ keras: String, _ model: String) throws {
        let stored = try KerasFile.read(Self.path(keras, model + ".keras"))
        let spec = try #require(stored.spec)
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: spec)
        #expect(try Self.loaded(weights) == Self.genuine(keras, model))
        #expect(stored.weights?.scheme == .objects)
    }

    @Test(arguments: kerases)
    func weightsAloneAreThoseOfTheArchive(_ keras: String) throws {
        let path = Self.path(keras, "sequential.weights.h5")
        #expect(try KerasFile.kind(path) == .objectWeights)
        let spec = try #require(try KerasFile.read(Self.path(keras, "sequential.keras")).spec)
        let weights = try WeightBinding.resolve(try KerasFile.readWeights(path), in: spec)
        #expect(try Self.loaded(weights) == Self.genuine(keras, "sequential"))
    }

    @Test func shardsTogetherAreTheWeights() throws {
        let path = Self.path("keras-3.15", "sequential.weights.json")
        #expect(try KerasFile.kind(path) == .objectWeights)
        let stored = try KerasFile.readWeights(path)
        let spec = try #require(try KerasFile.read(Self.path("keras-3.15", "sequential.keras")).spec)
        #expect(try Self.loaded(try WeightBinding.resolve(stored, in: spec)) == Self.genuine("keras-3.15", "sequential"))
    }

    @Test func optimizersComeInTheOrderOfTheirNumbers() throws {
        let training = try #require(try KerasFile.read(Self.path("keras-3.15", "sequential.keras")).training)
        #expect(training.dialect == .keras3)
        #expect(training.optimizerWeights.map(\.name) == (0..<22).map(String.init))
        #expect(training.optimizerWeights[0].tensor.dtype == .int64)
        #expect(training.compileSettings["loss"] == "categorical_crossentropy")
        #expect(try KerasFile.read(Self.path("keras-2.13", "sequential.keras")).training?.dialect == .tfKeras)
    }

    // MARK: - Names

    @Test(arguments: ["functional", "sequential"])
    func placesAndNamesAreGenuine(_ model: String) throws {
        for (keras, target) in [
            ("keras-3.15", KerasTarget(.keras3)), ("keras-3.0", KerasTarget(.keras3, version: "3.0.5")),
            ("tf-keras-2.21", KerasTarget(.tfKeras)), ("keras-2.13", KerasTarget(.tfKeras, version: "2.13.1")),
        ] {
            let stored = try KerasFile.read(Self.path(keras, model + ".keras"))
            let spec = try #require(stored.spec), genuine = try #require(stored.weights)
            let placed = try ObjectNaming.place(try WeightBinding.resolve(genuine, in: spec), of: spec, for: target)
            let expected = Dictionary(uniqueKeysWithValues: genuine.layers.map { ($0.name, $0) })
            let given = Dictionary(uniqueKeysWithValues: placed.layers.map { ($0.name, $0) })
            // The layer that a Bidirectional was made of has no arrays.
            let known = { (name: String) in !name.contains("/bidirectional/layer") }
            #expect(Set(given.keys.filter(known)) == Set(expected.keys.filter(known)), "\(keras)")
            for (name, object) in expected where known(name) {
                #expect(given[name]?.weights.map(\.name) == object.weights.map(\.name), "\(keras) \(name)")
                // Sublayers are named by counters of the process.
                guard name.split(separator: "/").count <= 2 else { continue }
                #expect(given[name]?.label == object.label, "\(keras) \(name)")
            }
        }
    }

    @Test func classesAreNamedAsKerasNamesThem() {
        let names = [
            "Conv2DTranspose": "conv2d_transpose", "PReLU": "p_re_lu", "LSTMCell": "lstm_cell", "my>OwnLayer": "own_layer",
            "GlobalAveragePooling1D": "global_average_pooling1d", "TFOpLambda": "tf_op_lambda", "GRU": "gru",
        ]
        for (className, name) in names { #expect(ObjectNaming.snakeCase(className) == name) }
    }

    @Test func numbersCountAsNumbers() {
        let names = ["layers/dense_10", "layers/dense", "vars", "layers/dense_2", "layers/dense_2/x"]
        #expect(
            names.sorted { NaturalOrder($0) < NaturalOrder($1) }
                == ["layers/dense", "layers/dense_2", "layers/dense_2/x", "layers/dense_10", "vars"])
        #expect(!(NaturalOrder("a_99999999999999999999999") < NaturalOrder("a_99999999999999999999999")))
    }

    // MARK: - Unusual files

    private func dense(_ name: String) -> LayerSpec { LayerSpec(className: "Dense", name: name, config: ["name": .string(name), "units": 1]) }

    private func stored(_ objects: [(String, Int)]) -> StoredWeights {
        StoredWeights(
            layers: objects.map { name, count in
                StoredWeights.Layer(
                    name: name,
                    weights: (0..<count).map { StoredWeights.Weight(name: String($0), tensor: LazyTensor(Tensor([Float($0)]))) })
            }, scheme: .objects)
    }

    /// Numbers of tf.keras 2.12 to 2.14 skip: the rank within the class counts.
    @Test func skippingNumbersAreRanks() throws {
        let spec = ModelSpec(kind: .sequential, name: "m", layers: ["a", "b", "c"].map(dense))
        let old = "_layer_checkpoint_dependencies/"
        let resolution = try ObjectNaming.resolve(stored([(old + "dense_2", 2), (old + "dense_4", 2), (old + "dense", 2)]), in: spec)
        #expect(resolution.disagreements.isEmpty)
        #expect(
            resolution.weights.weights.map { "\($0.outline.name) \($0.fileName ?? "")" }.filter { $0.contains("kernel") }
                == ["a/kernel \(old)dense/vars/0", "b/kernel \(old)dense_2/vars/0", "c/kernel \(old)dense_4/vars/0"])
    }

    @Test func everyDisagreementIsTold() throws {
        let spec = ModelSpec(kind: .sequential, name: "m", layers: ["a", "b"].map(dense))
        #expect {
            try WeightBinding.resolve(stored([("layers/dense", 1), ("layers/conv2d", 2)]), in: spec)
        } throws: { error in
            guard let error = error as? LocatedError else { return false }
            return error.code == "weights.mismatch" && error.message.contains("has 2 weights, the file 1")
                && error.message.contains("\"b\" is not in the file") && error.message.contains("\"layers/conv2d\" is not in the model")
        }
    }

    /// What nobody knows goes out as it came in.
    @Test func unknownClassesKeepTheirArrays() throws {
        let spec = ModelSpec(kind: .sequential, name: "m", layers: [LayerSpec(className: "own>MyLayer", name: "mine"), dense("a")])
        let file = stored([("layers/my_layer", 1), ("layers/my_layer/inner/dense", 2), ("layers/dense", 2)])
        let weights = try WeightBinding.resolve(file, in: spec)
        #expect(
            weights.weights.map(\.fileName)
                == ["layers/my_layer/vars/0", "layers/my_layer/inner/dense/vars/0", "layers/my_layer/inner/dense/vars/1",
                    "layers/dense/vars/0", "layers/dense/vars/1"])
        let placed = try ObjectNaming.place(weights, of: spec, for: KerasTarget(.keras3))
        #expect(placed.layers.filter { !$0.weights.isEmpty }.map { "\($0.name) \($0.weights.count)" }
            == ["layers/my_layer 1", "layers/my_layer/inner/dense 2", "layers/dense 2"])
    }

    /// Saved on Windows: one group with the whole path for a name.
    @Test func backSlashesSeparateNames() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("w.weights.h5").path
        let writer = try HDF5Writer(creating: path)
        try writer.createGroup("vars")
        for index in 0..<2 {
            try writer.writeDataset("layers\\dense/vars/\(index)", Tensor([Float(index)]))
        }
        try writer.close()
        let read = try KerasFile.readWeights(path)
        #expect(read.layers.map(\.name).contains("layers/dense"))
        let spec = ModelSpec(kind: .sequential, name: "m", layers: [dense("a")])
        #expect(try WeightBinding.resolve(read, in: spec).weights.map(\.outline.name) == ["a/kernel", "a/bias"])
    }

    @Test func aMapLeadsToNoOtherFolder() throws {
        let json = try JSON.parse(#"{"metadata": {}, "weight_map": {"/layers/dense/vars": "../secret.weights.h5"}}"#)
        #expect { try ShardedWeights(json, at: "x.weights.json") } throws: { ($0 as? LocatedError)?.code == "shards.name" }
    }
}

/// Weights cut into files, as `save_weights(…, max_shard_size=…)` of Keras 3.10 and later writes them.
@Suite struct ShardWritingTests {
    private func model() throws -> (spec: ModelSpec, weights: ModelWeights) {
        let stored = try KerasFile.read(ObjectStoreTests.path("keras-3.15", "sequential.keras"))
        let spec = try #require(stored.spec)
        return (spec, try WeightBinding.resolve(try #require(stored.weights), in: spec))
    }

    /// Cuts where genuine Keras cuts: the map's places are those of the genuine file, whose optimizer stands behind the layers.
    @Test func filesAreCutAsGenuineOnes() throws {
        let (spec, weights) = try model()
        let folder = try Fixtures.temporaryFolder()
        let path = folder.appendingPathComponent("sequential.weights.json").path
        // max_shard_size=5e-7
        try KerasWriter.writeShards(weights, of: spec, for: KerasTarget(.keras3), largest: Int(5e-7 * 1_073_741_824), to: path)
        func map(_ path: String) throws -> ConfigObject {
            try #require(try JSON.parse(InputFile.readBytes(path)).object?["weight_map"]?.object)
        }
        let own = try map(path)
        var genuine = try map(ObjectStoreTests.path("keras-3.15", "sequential.weights.json"))
        genuine["/optimizer/vars"] = nil
        #expect(own == genuine)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                == ["sequential.weights.json", "sequential_00000.weights.h5", "sequential_00001.weights.h5"])
        #expect(try KerasFile.kind(path) == .objectWeights)
        let read = try WeightBinding.resolve(try KerasFile.readWeights(path), in: spec)
        #expect(try ObjectStoreTests.loaded(read) == ObjectStoreTests.loaded(weights))
    }

    @Test func whatCantBeWrittenIsNotBegun() throws {
        let (spec, weights) = try model()
        let folder = try Fixtures.temporaryFolder()
        let path = folder.appendingPathComponent("w.weights.json").path
        func code(_ target: KerasTarget, _ largest: Int) -> String? {
            do { try KerasWriter.writeShards(weights, of: spec, for: target, largest: largest, to: path) } catch { return error.code }
            return nil
        }
        #expect(code(KerasTarget(.keras3), 100) == "shards.size")
        #expect(code(KerasTarget(.tfKeras), 1000) == "container.target")
        #expect(code(KerasTarget(.keras3, version: "3.9.0"), 1000) == "container.target")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
}
