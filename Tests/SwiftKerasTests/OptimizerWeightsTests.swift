import Foundation
import KerasSpec
import TestSupport
import Testing

@testable import KerasFormat
@testable import SwiftKeras

/// Optimizer state in `.weights.h5`, as genuine Kerases write it (`fixtures/generate/make_optimizer_weights.py`).
@Suite struct OptimizerWeightsTests {
    static let sources = ["keras-3.15", "tf-keras-2.21"]
    static let names = ["adam", "momentum", "nadam", "schedule"]

    private func path(_ source: String, _ file: String) -> String { Fixtures.path("formats/optimizer_weights/\(source)/\(file)") }

    private func state(_ path: String) throws -> [Tensor] { try KerasFile.readWeights(path).optimizer.map { try $0.tensor.load() } }

    private func converted(_ input: String, weights: String? = nil, to name: String = "out.weights.h5", for target: KerasTarget? = nil) throws -> (String, [String]) {
        let output = try Fixtures.temporaryFolder().appendingPathComponent(name).path
        let notes = try ModelConversion(input: input, weights: weights, output: output, weightsOutput: nil, target: target).run()
        return (output, notes)
    }

    @Test(arguments: sources, names)
    func stateStaysInItsOwnLayout(_ source: String, _ name: String) throws {
        let genuine = path(source, "\(name).weights.h5")
        let expected = try state(genuine)
        #expect(expected.count > 6)
        for (input, weights) in [(genuine, nil), (path(source, "\(name).keras"), nil), (path(source, "\(name).json"), genuine)] as [(String, String?)] {
            let target: KerasTarget = source.hasPrefix("tf") ? .tfKeras : .keras3
            let (output, _) = try converted(input, weights: weights, for: target)
            #expect(try state(output) == expected, "\(input)")
            let comparison = try ModelComparison(genuine, output)
            #expect(comparison.isEqual, "\(comparison.differences)")
        }
    }

    @Test("Keras 3's state becomes tf-keras's without settings, tf-keras's becomes Keras 3's with them", arguments: names)
    func stateChangesItsLayout(_ name: String) throws {
        let (old, _) = try converted(path("keras-3.15", "\(name).json"), weights: path("keras-3.15", "\(name).weights.h5"), for: .tfKeras)
        let genuine = try state(path("tf-keras-2.21", "\(name).weights.h5"))
        #expect(try state(old).map(\.shape) == genuine.map(\.shape))
        let (new, _) = try converted(path("tf-keras-2.21", "\(name).keras"), for: .keras3)
        #expect(try state(new).map(\.shape) == state(path("keras-3.15", "\(name).weights.h5")).map(\.shape))
        let (bare, notes) = try converted(path("tf-keras-2.21", "\(name).json"), weights: path("tf-keras-2.21", "\(name).weights.h5"), for: .keras3)
        if name != "schedule" {
            #expect(try state(bare).isEmpty)
            #expect(notes.contains { $0.contains("state was left out") })
        }
    }

    @Test func stateWithoutPlaceIsNoted() throws {
        let (_, notes) = try converted(path("keras-3.15", "adam.json"), weights: path("keras-3.15", "adam.weights.h5"), to: "out.h5")
        #expect(notes.contains { $0.contains("state was left out: nothing tells how the model is trained") })
    }

    @Test func compareSeesState() throws {
        let whole = path("keras-3.15", "adam.keras")
        let own = try ModelComparison(whole, path("keras-3.15", "adam.weights.h5"))
        #expect(own.isEqual && !own.notes.contains { $0.contains("training") })
        // A step count apart.
        let other = try ModelComparison(path("keras-3.15", "adam.weights.h5"), path("keras-3.15", "nadam.weights.h5"))
        #expect(other.differences.contains { $0.part == .optimizer })
        let (bare, _) = try converted(path("keras-3.15", "adam.weights.h5"), for: .tfKeras)
        #expect(try ModelComparison(path("keras-3.15", "adam.weights.h5"), bare).differences.map(\.part) == [.optimizer])
    }

    @Test("compare loads weights by name")
    func compareByName() throws {
        let folder = Fixtures.path("samples/keras-2.3.1_tf1.15/mini1")
        let (strict, loose) = (LoadingOptions(), LoadingOptions(byName: true))
        let plain = try ModelComparison("\(folder)/model.json", "\(folder)/whole.h5", weightsA: "\(folder)/weights.h5", loading: strict)
        let named = try ModelComparison("\(folder)/model.json", "\(folder)/whole.h5", weightsA: "\(folder)/weights.h5", loading: loose)
        #expect(plain.isEqual && named.isEqual && plain.weightsCompared == named.weightsCompared)
        // Another model's weights: nothing has the name, so that nothing is compared, which is told.
        let mini2 = Fixtures.path("samples/keras-2.3.1_tf1.15/mini2")
        #expect(throws: LocatedError.self) {
            try ModelComparison("\(folder)/model.json", "\(folder)/model.json", weightsA: "\(mini2)/weights.h5", weightsB: "\(folder)/weights.h5")
        }
        let partial = try ModelComparison(
            "\(folder)/model.json", "\(folder)/model.json", weightsA: "\(mini2)/weights.h5", weightsB: "\(folder)/weights.h5",
            loading: LoadingOptions(byName: true, skipMismatch: true))
        #expect(partial.notes.contains { $0.hasPrefix("A: loaded") })
    }

    @Test("activations that Keras 3 wrote as functions are written by their names", arguments: [KerasTarget.keras1, .keras2])
    func functionsAreNames(_ target: KerasTarget) throws {
        let text = try String(contentsOfFile: path("keras-3.15", "adam.json"), encoding: .utf8)
        let changed = text.replacingOccurrences(
            of: #""activation": "tanh""#,
            with: #""activation": {"module": "builtins", "class_name": "function", "config": "tanh", "registered_name": "function"}"#)
        #expect(changed != text)
        let spec = try ArchitectureReader.spec(from: try JSON.parse(changed))
        var notes: [UpgradeNote] = []
        let written = try KerasWriter.architecture(spec, for: target, &notes)
        #expect(written.contains(#""activation": "tanh""#))
    }
}
