import Datasets
import Foundation
import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing

/// A model of genuine Keras and what it computed: a line of `fixtures/layers/index.json` (Keras 2.3.1) or
/// `fixtures/layers1/index.json` (Keras 1.2.2), the functional probe, or
/// a line of an index of `fixtures/catalogue` (Keras 3.15.1).
struct ParityCase: Sendable, CustomTestStringConvertible {
    var path: String
    /// The architecture, the weights and the arrays, in `path`: below `fixtures/layers` or, of a catalogue, the whole path.
    var model = "model.json"
    var weights = "weights.h5"
    var archive = "case.npz"
    var className: String
    var inputCount: Int
    var outputCount: Int
    /// Whether there are outputs in training.
    var training: Bool
    /// Whether there are gradients.
    var gradients = true
    /// Calls at inference one after another, states kept.
    var calls = 1
    var stateful: Bool { calls > 1 }
    /// How far outputs may be away, where it isn't what the others may.
    var tolerance: Double?
    var trainableWeights: [String]
    /// Those that have a `u`.
    var updatedWeights: [String]

    var testDescription: String { isOfCatalogue ? "\(className)/\(model)" : path }

    /// Two inputs (one of words, masked), a shared layer, two outputs: `fixtures/probe`.
    static let probe = ParityCase(
        path: "../probe", archive: "probe.npz", className: "Model", inputCount: 2, outputCount: 2, training: true,
        trainableWeights: [
            "embedding/embeddings:0", "reader/kernel:0", "reader/recurrent_kernel:0", "reader/bias:0", "shared/kernel:0",
            "shared/bias:0", "topic/kernel:0", "topic/bias:0", "score/kernel:0", "score/bias:0",
        ], updatedWeights: [])

    /// The layers' cases, the probe and the catalogue.
    static let everything = all + [probe] + catalogue

    /// Of Keras 2.3.1, and of 1.2.2 what later ones lack.
    static let all = index("layers") + index("layers1").map { example in
        var example = example
        example.path = "../layers1/" + example.path
        return example
    }

    private static func index(_ folder: String) -> [ParityCase] {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("\(folder)/index.json")))
            return try #require(try JSON.parse(Array(data)).array).map { try ParityCase($0) }
        } catch {
            Issue.record(error)
            return []
        }
    }

    func file(_ name: String) -> String {
        isOfCatalogue ? "\(path)/\(name)" : Fixtures.path("layers/\(path)/\(name)")
    }

    /// Arrays of `case.npz` called `prefix` with a number, as many as there are.
    func arrays(_ prefix: String, suffix: String = "") throws -> [Tensor] {
        let archive = try NPZ(reading: file(archive))
        var arrays: [Tensor] = []
        while archive.names.contains("\(prefix)\(arrays.count)\(suffix)") {
            arrays.append(try archive.tensor("\(prefix)\(arrays.count)\(suffix)"))
        }
        return arrays
    }

    func array(_ name: String) throws -> Tensor? {
        let archive = try NPZ(reading: file(archive))
        return archive.names.contains(name) ? try archive.tensor(name) : nil
    }
}

extension ParityCase {
    init(_ line: ConfigValue) throws {
        let object = try #require(line.object)
        func names(_ key: String) throws -> [String] { try #require(object[key]?.array).compactMap(\.string) }
        path = try #require(object["path"]?.string)
        className = try #require(object["class"]?.string)
        inputCount = try #require(object["inputs"]?.array).count
        outputCount = try #require(object["outputs"]?.array).count
        training = object["training"] == true
        calls = object["stateful"] == true ? 2 : 1
        trainableWeights = try names("trainable_weights")
        updatedWeights = Array(try names("non_trainable_weights").prefix(try #require(object["updated_weights"]?.integer)))
    }
}

extension ParityCase {
    /// Every case of `fixtures/catalogue`, family by family, random models that once came out wrong, and those of a folder of the
    /// same form that the environment names.
    static let catalogue: [ParityCase] =
        cases(in: Fixtures.path("catalogue")) + cases(in: Fixtures.path("random_models"))
        + (ProcessInfo.processInfo.environment["SWIFT_KERAS_CATALOGUE"].map { cases(in: $0) } ?? [])

    private static func cases(in folder: String) -> [ParityCase] {
        do {
            let families = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".json") }
            return try families.sorted().flatMap { family in
                let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(family)"))
                return try #require(try JSON.parse(Array(data)).array).map { try ParityCase(catalogue: $0, folder) }
            }
        } catch {
            Issue.record(error)
            return []
        }
    }

    private init(catalogue line: ConfigValue, _ folder: String) throws {
        let object = try #require(line.object)
        let name = try #require(object["case"]?.string)
        className = try #require(object["class"]?.string)
        path = "\(folder)/\(className)"
        (model, weights, archive) = ("\(name).keras", "\(name).keras", "\(name).npz")
        training = object["training"] == true
        gradients = object["gradients"] == true
        calls = try #require(object["calls"]?.integer)
        tolerance = object["tolerance"]?.number
        trainableWeights = try #require(object["trainable"]?.array).compactMap(\.string)
        updatedWeights = try #require(object["others"]?.array).compactMap(\.string)
        (inputCount, outputCount) = (0, 0)
    }

    var isOfCatalogue: Bool { model.hasSuffix(".keras") }
}
