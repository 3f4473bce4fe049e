import Files
import Foundation
import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

@Suite struct WeightNamingTests {
    // MARK: - Order and names, without files

    static let names: ConfigObject = {
        (try? JSON.parse(InputFile.readBytes(Fixtures.path("formats/keras2/names.json"))))?.object ?? [:]
    }()

    @Test(arguments: names.keys)
    func namesAndOrderAreGenuine(_ graph: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("formats/keras2/graphs/\(graph).json"))
        let spec = try ArchitectureReader.spec(from: try JSON.parse(bytes))
        let layers = spec.kind == .sequential ? spec.layers.filter { $0.className != "InputLayer" } : spec.layers
        let expected = try #require(Self.names[graph]?.array)
        #expect(layers.count == expected.count)
        for (layer, genuine) in zip(layers, expected) {
            let pair = try #require(genuine.array)
            #expect(.string(layer.name) == pair[0])
            // A model that was never built has no weights to name; one that is wrapped is nobody's layer here.
            guard let names = pair[1].array, !names.isEmpty, layer.name != "time_distributed_3" else { continue }
            let owners = try #require(WeightOwner.owners(in: layer, for: .keras2))
            let places = LegacyOrder.places(owners, in: layer, for: .keras2)
            #expect(LegacyNames.names(of: places, owners, in: layer, of: spec, for: .keras2).map(ConfigValue.string) == names)
        }
    }
}

@Suite struct WeightBindingTests {
    static func stored(_ layers: [(String, [(String, Shape)])]) -> StoredWeights {
        StoredWeights(
            layers: layers.map { name, weights in
                StoredWeights.Layer(
                    name: name,
                    weights: weights.map { StoredWeights.Weight(name: $0, tensor: LazyTensor(Tensor(zeros: $1))) })
            }, kerasVersion: "2.3.1", backend: "tensorflow")
    }

    static let good: [(String, [(String, Shape)])] = [
        ("conv2d_1", [("conv2d_1/kernel:0", [3, 3, 3, 4]), ("conv2d_1/bias:0", [4])]), ("flatten_1", []),
        ("dense_1", [("dense_1/kernel:0", [64, 16]), ("dense_1/bias:0", [16])]),
        ("dense_2", [("dense_2/kernel:0", [16, 10]), ("dense_2/bias:0", [10])]),
    ]

    private func message(_ layers: [(String, [(String, Shape)])]) throws -> LocatedError {
        let error = try #require(throws: LocatedError.self) {
            try WeightBinding.bind(Self.stored(layers), to: Mini1.slots, in: Mini1.spec)
        }
        #expect(error.category == .mismatch)
        #expect(error.code == "weights.mismatch")
        return error
    }

    @Test func orderDecidesNotNames() throws {
        var layers = Self.good
        layers[0].0 = "x"
        layers[2].1[0].0 = "y"
        let bound = try WeightBinding.bind(Self.stored(layers), to: Mini1.slots, in: Mini1.spec)
        #expect(bound.count == 6)
        #expect(bound["dense_1/kernel"]?.shape == [64, 16])
    }

    @Test func allWrongShapesAreTold() throws {
        var layers = Self.good
        layers[0].1[0].1 = [5, 5, 3, 4]
        layers[3].1[1].1 = [11]
        let error = try message(layers)
        #expect(error.message.contains("conv2d_1/kernel has the shape (3, 3, 3, 4), the file's \"conv2d_1/kernel:0\" (5, 5, 3, 4)"))
        #expect(error.message.contains("dense_2/bias has the shape (10,), the file's \"dense_2/bias:0\" (11,)"))
        #expect(error.hint == nil)
    }

    @Test func missingAndExtraLayersAreTold() throws {
        let missing = try message(Array(Self.good.dropLast()))
        #expect(missing.message.contains("the model has 3 layers with weights, the file 2; \"dense_2\" is not in the file"))
        let extra = try message(Self.good + [("dense_3", [("dense_3/kernel:0", [1, 1])])])
        #expect(extra.message.contains("the file's \"dense_3\" is not in the model"))
    }

    @Test func wrongNumberOfWeightsIsTold() throws {
        var layers = Self.good
        layers[2].1.removeLast()
        #expect(try message(layers).message.contains("\"dense_1\" has 2 weights, the file 1"))
    }

    @Test func anotherModelIsGuessedFromNames() throws {
        let error = try message([("block1_conv1", [("k", [1])]), ("block1_conv2", [("k", [1])])])
        #expect(error.hint?.contains("\"block1_conv1\", \"block1_conv2\"") == true)
    }

    /// As genuine Keras does.
    @Test(arguments: [DType.int32, .int8, .int64, .float64, .float16, .bfloat16])
    func numbersOfOtherTypesBecomeFloats(_ dtype: DType) throws {
        var stored = Self.stored(Self.good)
        let kernel = Tensor((0..<108).map { Float($0 % 7 - 3) }, shape: [3, 3, 3, 4])
        stored.layers[0].weights[0].tensor = LazyTensor(kernel.asType(dtype))
        let bound = try WeightBinding.bind(stored, to: Mini1.slots, in: Mini1.spec)
        #expect(try bound["conv2d_1/kernel"]?.load() == kernel)
    }

    @Test func byNameLeavesOthersAlone() throws {
        let layers: [(String, [(String, Shape)])] = [
            ("dense_2", [("k", [16, 10]), ("b", [10])]), ("elsewhere", [("k", [1])]),
        ]
        let bound = try WeightBinding.bind(
            Self.stored(layers), to: Mini1.slots, in: Mini1.spec, LoadingOptions(byName: true)
        ).values
        #expect(Set(bound.keys) == ["dense_2/kernel", "dense_2/bias"])
        #expect(throws: LocatedError.self) {
            try WeightBinding.bind(
                Self.stored([("dense_2", [("k", [16, 11]), ("b", [10])])]), to: Mini1.slots, in: Mini1.spec, LoadingOptions(byName: true))
        }
    }

    @Test func doublesAndHalvesBecomeFloats() throws {
        var stored = Self.stored(Self.good)
        stored.layers[3].weights[1].tensor = LazyTensor(Tensor([Double](repeating: 0.5, count: 10)))
        let tensor = try #require(try WeightBinding.bind(stored, to: Mini1.slots, in: Mini1.spec)["dense_2/bias"]?.load())
        #expect(tensor == Tensor([Float](repeating: 0.5, count: 10)))
    }

    @Test func theanosKernelsAreTurned() throws {
        let folder = "samples/keras-2.3.1_theano_channels_last/mini1/"
        let spec = try #require(try KerasFile.read(Fixtures.path(folder + "model.json")).spec)
        let stored = try KerasFile.readWeights(Fixtures.path(folder + "weights.h5"))
        #expect(stored.backend == "theano")
        let theirSlots = zip(Mini1.slots, spec.layers.dropFirst()).map { slots, layer in
            LayerSlots(
                name: layer.name, className: layer.className,
                slots: slots.slots.map { PlacedSlot(layerPath: [layer.name], slot: $0.slot) })
        }
        let bound = try WeightBinding.bind(stored, to: theirSlots, in: spec)
        let convolution = theirSlots[0].name
        let raw = try #require(stored.layers[0].weights.first).tensor.load().floats
        let turned = try #require(try bound[convolution + "/kernel"]?.load()).floats
        for row in 0..<3 {
            for column in 0..<3 {
                for channel in 0..<12 {
                    #expect(turned[(row * 3 + column) * 12 + channel] == raw[((2 - row) * 3 + 2 - column) * 12 + channel])
                }
            }
        }
        let dense = try #require(stored.layers.first { $0.name == theirSlots[5].name }).weights[0].tensor.load()
        #expect(try bound[theirSlots[5].name + "/kernel"]?.load() == dense)
    }
}

/// What we write has the structure that genuine Keras 2.3.1 writes.
@Suite struct WrittenFilesTests {
    /// All groups, attributes with their kinds, and datasets of a file, but for values.
    static func structure(_ path: String) throws -> [String] {
        let file = try HDF5File(reading: path)
        var lines: [String] = []
        func attributes(_ object: String) throws {
            for name in try file.attributes(of: object) {
                guard let value = try file.attribute(name, of: object) else { continue }
                lines.append("\(object)@\(name) \(value)")
            }
        }
        try attributes("")
        var objects: [(String, HDF5Link.Kind)] = []
        try file.walk { (path, link) throws(LocatedError) in objects.append((path, link.kind)) }
        for (path, kind) in objects {
            lines.append("\(path) \(kind.rawValue)")
            if kind == .dataset {
                let info = try file.datasetInfo(path)
                let values = try file.dataset(path).load().withUnsafeBytes { Array($0).hashValue }
                lines.append("\(path) \(info.shape) \(info.dtype) \(info.byteOrder) \(info.layout) \(info.filters) \(values)")
            }
            try attributes(path)
        }
        return lines
    }

    static let folders = ["samples/keras-2.3.1_tf1.15/mini1", "samples/keras-2.3.1_tf2.1/mini1"]

    @Test(arguments: folders)
    func weightsAreWrittenAsKerasDoes(_ folder: String) throws {
        let genuine = Fixtures.path(folder + "/weights.h5")
        let spec = try #require(try KerasFile.read(Fixtures.path(folder + "/model.json")).spec)
        let weights = try WeightBinding.resolve(try KerasFile.readWeights(genuine), in: spec)
        let ours = try Fixtures.temporaryFolder().appendingPathComponent("weights.h5").path
        try KerasWriter.writeWeights(weights, of: spec, for: KerasTarget(.keras2), to: ours)
        #expect(try Self.structure(ours) == Self.structure(genuine))
    }

    @Test(arguments: [
        "samples/keras-2.3.1_tf1.15/mini1", "samples/keras-2.3.1_tf1.15/mini2", "samples/keras-2.3.1_tf2.1/mini1", "probe",
    ])
    func wholeModelsAreWrittenAsKerasDoes(_ folder: String) throws {
        let genuine = Fixtures.path(folder + "/whole.h5")
        let model = try KerasFile.readModel(genuine)
        let spec = try #require(model.spec)
        let weights = try WeightBinding.resolve(try #require(model.weights), in: spec)
        let training = try #require(model.training)
        #expect(!training.optimizerWeights.isEmpty)
        let ours = try Fixtures.temporaryFolder().appendingPathComponent("whole.h5").path
        var notes: [UpgradeNote] = []
        try KerasWriter.writeWholeModel(weights, of: spec, training: training, for: .keras2, to: ours, &notes)
        #expect(try Self.structure(ours) == Self.structure(genuine))

        // Writing over the file that the weights are still read from.
        let again = try KerasFile.readModel(ours)
        try KerasWriter.writeWholeModel(
            try WeightBinding.resolve(try #require(again.weights), in: spec), of: try #require(again.spec),
            training: again.training, for: .keras2, to: ours, &notes)
        #expect(try Self.structure(ours) == Self.structure(genuine))
    }

    @Test func olderKeras2IsReadToo() throws {
        let folder = "samples/keras-2.2.4_tf1.13/mini1/"
        let model = try KerasFile.readModel(Fixtures.path(folder + "whole.h5"))
        let spec = try #require(model.spec)
        #expect(spec.provenance?.kerasVersion == "2.2.4")
        #expect(try WeightBinding.bind(try #require(model.weights), to: Mini1.slots, in: spec).count == 6)
        #expect(model.training?.optimizerWeights.isEmpty == false)
        let json = String(decoding: try InputFile.readBytes(Fixtures.path(folder + "model.json")), as: UTF8.self)
        #expect(try keras2Text(spec) == json)
    }

    @Test func architectureOfAWholeModelIsThatOfToJSON() throws {
        let folder = "samples/keras-2.3.1_tf1.15/mini1/"
        let spec = try #require(try KerasFile.readModel(Fixtures.path(folder + "whole.h5")).spec)
        let json = String(decoding: try InputFile.readBytes(Fixtures.path(folder + "model.json")), as: UTF8.self)
        #expect(try keras2Text(spec) == json)
    }

    /// Keras 1 looks for one attribute, however long; later Kerases for its parts.
    @Test(arguments: [KerasTarget.keras1, .keras2])
    func longListsOfNamesAreWhatTheTargetReads(_ target: KerasTarget) throws {
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let long = String(repeating: "a_name_that_goes_on_", count: 12)
        let names = (0..<300).map { "\(long)\($0)" }
        let array = LazyTensor(Tensor([Float](repeating: 1, count: 2)))
        let stored = StoredWeights(
            layers: names.map { StoredWeights.Layer(name: $0, weights: [StoredWeights.Weight(name: $0 + "_W:0", tensor: array)]) }
                + [StoredWeights.Layer(name: "last", weights: names.map { StoredWeights.Weight(name: $0, tensor: array) })],
            kerasVersion: target.version, backend: "tensorflow")
        let path = folder.appendingPathComponent("weights.h5").path
        try KerasWriter.writeWeights(stored, for: target, to: path)
        let file = try HDF5File(reading: path)
        for group in ["", "last"] {
            let attribute = group.isEmpty ? "layer_names" : "weight_names"
            let held = try file.attributes(of: group)
            #expect(held.contains(attribute) == (target == .keras1))
            #expect(held.contains(attribute + "0") == (target != .keras1))
        }
        let again = try #require(try KerasFile.read(path).weights)
        #expect(again.layers.map(\.name) == stored.layers.map(\.name))
        #expect(again.layers.last?.weights.map(\.name) == names)
    }

    @Test func whatCannotBeSaidLeavesNoFile() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("x.json").path
        let spec = ModelSpec(
            kind: .sequential, name: "m", layers: [LayerSpec(className: "LayerNormalization", name: "a")])
        #expect(throws: LocatedError.self) { try keras2Text(spec) }
        #expect(throws: LocatedError.self) {
            var notes: [UpgradeNote] = []
            try KerasWriter.writeWholeModel(ModelWeights(), of: spec, for: .keras2, to: path, &notes)
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
