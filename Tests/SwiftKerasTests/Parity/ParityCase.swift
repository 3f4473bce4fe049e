import Datasets
import Foundation
import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing

/// One line of `fixtures/layers/index.json`, or the functional probe: a model of genuine Keras 2.3.1 and what it computed.
struct ParityCase: Sendable, CustomTestStringConvertible {
    var path: String
    /// The arrays.
    var archive = "case.npz"
    var className: String
    var inputCount: Int
    var outputCount: Int
    /// Whether there are gradients.
    var training: Bool
    var stateful: Bool
    var trainableWeights: [String]
    /// Those that have a `u`.
    var updatedWeights: [String]

    var testDescription: String { path }

    /// Two inputs (one of words, masked), a shared layer, two outputs: `fixtures/probe`.
    static let probe = ParityCase(
        path: "../probe", archive: "probe.npz", className: "Model", inputCount: 2, outputCount: 2, training: true,
        stateful: false,
        trainableWeights: [
            "embedding/embeddings:0", "reader/kernel:0", "reader/recurrent_kernel:0", "reader/bias:0", "shared/kernel:0",
            "shared/bias:0", "topic/kernel:0", "topic/bias:0", "score/kernel:0", "score/bias:0",
        ], updatedWeights: [])

    /// The layers' cases and the probe.
    static let everything = all + [probe]

    static let all: [ParityCase] = {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("layers/index.json")))
            return try #require(try JSON.parse(Array(data)).array).map { try ParityCase($0) }
        } catch {
            Issue.record(error)
            return []
        }
    }()

    func file(_ name: String) -> String { Fixtures.path("layers/\(path)/\(name)") }

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
        stateful = object["stateful"] == true
        trainableWeights = try names("trainable_weights")
        updatedWeights = Array(try names("non_trainable_weights").prefix(try #require(object["updated_weights"]?.integer)))
    }
}
