import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Genuine files of Keras 1.2.2: what they say goes up to Keras 3's words, and comes back.
@Suite struct Keras1Tests {
    static let folder = Fixtures.path("formats/keras1")

    /// Every architecture of `fixtures/formats/keras1`, without its ending.
    static let models: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }.sorted()
    }()

    static func text(_ model: String) throws -> String {
        String(decoding: try InputFile.readBytes("\(folder)/\(model).json"), as: UTF8.self)
    }

    static func spec(_ model: String) throws -> ModelSpec { try ArchitectureReader.spec(from: try JSON.parse(text(model))) }

    static func backend(_ model: String) -> String { model.contains("theano") ? "theano" : "tensorflow" }

    static func stored(_ model: String) throws -> StoredWeights {
        try KerasFile.readWeights("\(folder)/\(model).weights.h5", backend: backend(model))
    }

    /// What only Keras 1 has.
    static func isOwn(_ model: String) -> Bool { model.hasPrefix("own_words") }

    @Test func thereAreModels() { #expect(Self.models.count >= 8) }

    // MARK: - Reading

    @Test(arguments: models)
    func architecturesAreRead(_ model: String) throws {
        let spec = try Self.spec(model)
        #expect(spec.provenance?.dialect == .keras1)
        #expect(spec.provenance?.kerasVersion == "1.2.2")
        for layer in spec.layers { Self.checkWords(layer) }
    }

    /// No layer keeps a key of Keras 1 unless its class is of Keras 1 alone.
    private static func checkWords(_ layer: LayerSpec) {
        if let model = layer.model?.value { return model.layers.forEach(checkWords) }
        let own: Set<String> = ["Highway", "MaxoutDense", "SReLU", "ParametricSoftplus", "Lambda", "Merge"]
        guard !own.contains(layer.className) else { return }
        let words: Set<String> = [
            "nb_filter", "nb_row", "init", "border_mode", "subsample", "dim_ordering", "bias", "inner_init", "consume_less",
            "p", "sigma", "W_regularizer", "W_constraint", "input_dtype", "atrous_rate", "mode", "length", "pool_length",
        ]
        let left = words.intersection(layer.config.keys)
        #expect(left.isEmpty, "\(layer.className) \(layer.name) still says \(left)")
    }

    @Test(arguments: models)
    func weightsFind(_ model: String) throws {
        let spec = try Self.spec(model)
        let weights = try WeightBinding.resolve(try Self.stored(model), in: spec)
        #expect(!weights.weights.isEmpty)
        for weight in weights.weights {
            let tensor = try weight.tensor.load()
            #expect(tensor.shape == weight.tensor.shape, "\(weight.outline.name)")
        }
    }

    @Test func wholeModelsHoldTraining() throws {
        let model = try KerasFile.read("\(Self.folder)/whole_tensorflow_tf.h5")
        let spec = try #require(model.spec)
        #expect(spec.provenance?.dialect == .keras1)
        #expect(spec.provenance?.kerasVersion == "1.2.2")
        let weights = try #require(model.weights)
        #expect(weights.kerasVersion == nil)
        #expect(try WeightBinding.resolve(weights, in: spec).weights.count == 8)
        let training = try #require(model.training)
        #expect(training.dialect == .keras1)
        #expect(training.compileSettings["loss"] == "mse")
        // Two moments of each of six trained arrays; Keras 1 keeps no count of iterations.
        #expect(training.optimizerWeights.count == 12 || training.optimizerWeights.count == 13)
    }

    /// `layer_0/param_0`: read by order, layers without weights included.
    @Test func weightsBeforeKeras1AreCounted() throws {
        let path = "\(Self.folder)/counted.h5"
        #expect(try KerasFile.kind(path) == .weights)
        let spec = try Self.spec("stateful_tensorflow_tf")
        let counted = try WeightBinding.resolve(KerasFile.readWeights(path), in: spec)
        let named = try WeightBinding.resolve(Self.stored("stateful_tensorflow_tf"), in: spec)
        #expect(counted.weights.map(\.outline) == named.weights.map(\.outline))
        for (a, b) in zip(counted.weights, named.weights) {
            let (x, y) = (try a.tensor.load(), try b.tensor.load())
            #expect(x == y)
        }
        let partial = try KerasFile.inspect(path)
        #expect(partial.dialect == .keras1)
        #expect(partial.problems.isEmpty)
    }

    // MARK: - Writing

    @Test(arguments: models)
    func unchangedArchitecturesComeOutByteForByte(_ model: String) throws {
        var notes: [UpgradeNote] = []
        #expect(try KerasWriter.architecture(Self.spec(model), for: KerasTarget(.keras1), &notes) == Self.text(model))
    }

    /// Without a look at the file's own words.
    static func downgraded(_ spec: ModelSpec, usesSources: Bool = false) throws -> ConfigObject {
        var spec = spec
        spec.provenance = nil
        var notes: [UpgradeNote] = []
        return try KerasWriter.toJSON(spec, for: KerasTarget(.keras1), usesSources: usesSources, &notes)
    }

    @Test(arguments: models.filter { !isOwn($0) && !$0.hasPrefix("merged") && !$0.hasPrefix("sequences") }, [false, true])
    func theSpecAloneGivesGenuineWords(_ model: String, usesSources: Bool) throws {
        let genuine = try #require(JSON.parse(Self.text(model)).object)
        let own = try Self.downgraded(Self.spec(model), usesSources: usesSources)
        Self.expectSame(Self.sorted(own), Self.sorted(genuine), "$")
    }

    /// A cosine makes Keras sort the layers anew.
    private static func sorted(_ document: ConfigObject) -> ConfigValue {
        guard var config = document["config"]?.object, let layers = config["layers"]?.array else { return .object(document) }
        config["layers"] = .array(layers.sorted { ($0.object?["name"]?.string ?? "") < ($1.object?["name"]?.string ?? "") })
        return .object(document.with("config", .object(config)))
    }

    /// Equal but for the order of keys, integers for floats, and names of models that Keras 1 doesn't save.
    static func expectSame(_ a: ConfigValue, _ b: ConfigValue, _ path: String) {
        switch (a, b) {
        case (.object(let a), .object(let b)):
            for key in Set(a.keys).union(b.keys).sorted() {
                guard let x = a[key], let y = b[key] else {
                    Issue.record("\(path).\(key): \(a[key]?.summary ?? "nothing") instead of \(b[key]?.summary ?? "nothing")")
                    continue
                }
                expectSame(x, y, "\(path).\(key)")
            }
        case (.array(let a), .array(let b)) where a.count == b.count:
            for (index, pair) in zip(a, b).enumerated() { expectSame(pair.0, pair.1, "\(path)[\(index)]") }
        default:
            if let x = a.number, let y = b.number { return #expect(x == y, "\(path)") }
            #expect(a == b, "\(path)")
        }
    }

    /// A TimeDistributedDense comes out as Dense within TimeDistributed, merged models as one functional model: written again
    /// and read, it says the same.
    @Test(arguments: models.filter { !isOwn($0) })
    func whatIsWrittenSaysTheSame(_ model: String) throws {
        let spec = try Self.spec(model)
        let again = try ArchitectureReader.spec(from: .object(Self.downgraded(spec)))
        #expect(again.layers.map(\.name) == spec.layers.map(\.name))
        for (a, b) in zip(again.layers, spec.layers) {
            #expect(a.className == b.className)
            #expect(a.calls == b.calls)
            Self.expectSame(.object(a.config), .object(b.config), a.name)
        }
    }

    @Test(arguments: models)
    func weightsComeOutTheSame(_ model: String) throws {
        let spec = try Self.spec(model)
        let stored = try Self.stored(model)
        guard stored.backend != "theano" else { return }
        let weights = try WeightBinding.resolve(stored, in: spec)
        let written = try LegacyNaming.place(weights, of: spec, for: KerasTarget(.keras1))
        // Inputs of joined models stand among our layers alone; a Sequential within a Sequential has a name of ours.
        let (own, genuine) = (written.layers.filter { !$0.weights.isEmpty }, stored.layers.filter { !$0.weights.isEmpty })
        #expect(own.map(\.name).filter { !$0.hasPrefix("sequential") } == genuine.map(\.name).filter { $0 != "top_2" })
        #expect(own.count == genuine.count)
        for (a, b) in zip(own, genuine) {
            #expect(a.weights.map(\.name) == b.weights.map(\.name))
            for (x, y) in zip(a.weights, b.weights) {
                let (left, right) = (try x.tensor.load(), try y.tensor.load())
                #expect(left == right, "\(x.name)")
            }
        }
    }

    // MARK: - For genuine Keras 2.3.1

    /// Writes each model as Keras 2.3.1 has it into the folder that KERAS1_OUT names, for check_formats_keras1.py.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["KERAS1_OUT"] != nil), arguments: models)
    func writeForKeras2(_ model: String) throws {
        let out = try #require(ProcessInfo.processInfo.environment["KERAS1_OUT"])
        let spec = try Self.spec(model)
        let weights = try WeightBinding.resolve(try Self.stored(model), in: spec)
        let target = KerasTarget(.keras2)
        var notes: [UpgradeNote] = []
        do {
            let text = try KerasWriter.architecture(spec, for: target, &notes)
            try text.write(toFile: "\(out)/\(model).json", atomically: true, encoding: .utf8)
            try KerasWriter.writeWeights(weights, of: spec, for: target, to: "\(out)/\(model).weights.h5")
        } catch let error as LocatedError { #expect(Self.isOwn(model), "\(error)") }
    }

    /// Writes each model as Keras 1.2.2 has it, from the spec alone.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["KERAS1_OUT"] != nil), arguments: models)
    func writeForKeras1(_ model: String) throws {
        let out = try #require(ProcessInfo.processInfo.environment["KERAS1_OUT"]) + "/keras1"
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        var spec = try Self.spec(model)
        let weights = try WeightBinding.resolve(try Self.stored(model), in: spec)
        guard let document = try? Self.downgraded(spec) else { return #expect(Self.isOwn(model)) }
        spec.provenance = nil
        try JSON.text(.object(document)).write(toFile: "\(out)/\(model).json", atomically: true, encoding: .utf8)
        try KerasWriter.writeWeights(weights, of: spec, for: KerasTarget(.keras1), to: "\(out)/\(model).weights.h5")
    }
}
