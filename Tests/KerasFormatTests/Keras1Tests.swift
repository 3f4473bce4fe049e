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
}
