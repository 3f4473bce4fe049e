import Datasets
import Foundation
@testable import KerasFormat
import KerasSpec
import Layers
@testable import SwiftKeras
import Tensors
import TestSupport
import Testing

/// `load_weights` with its options, held against what genuine Keras took, left and refused (fixtures/generate/make_loading.py).
@Suite struct LoadingTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        var model: String
        var weights: String
        var by_name: Bool
        var skip_mismatch: Bool
        var loaded: [String]?
        var error: String?
        var keras = ""

        private enum CodingKeys: String, CodingKey { case model, weights, by_name, skip_mismatch, loaded, error }

        var isObjects: Bool { !weights.hasSuffix(".h5") || weights.hasSuffix(".weights.h5") }
        var testDescription: String {
            "\(keras): \(weights) into \(model)\(by_name ? ", by name" : "")\(skip_mismatch ? ", skipping" : "")"
        }
        var path: String { Fixtures.path("loading/\(keras)/\(model)") }
        var weightsPath: String { Fixtures.path("loading/\(keras)/\(weights)") }

        /// What is Keras 3's way here where the older ones know no such thing: skipping without names; and names of objects, which
        /// no Keras knows.
        var isOurs: Bool {
            by_name && isObjects || skip_mismatch && !by_name && !isObjects && keras != "keras-3.15.1" || givesAnotherShape
        }
        /// Keras 2.3.1 on TensorFlow 1.15 looks at no shape when it goes by order, and gives variables the file's.
        var givesAnotherShape: Bool { keras == "keras-2.3.1" && !by_name && model.hasSuffix("wider.json") && loaded != nil }

        static func all(_ keras: String) -> [Case] {
            guard let data = FileManager.default.contents(atPath: Fixtures.path("loading/\(keras)/cases.json")),
                var cases = try? JSONDecoder().decode([Case].self, from: data)
            else { return [] }
            for index in cases.indices { cases[index].keras = keras }
            return cases
        }
    }

    static let cases = ["keras-2.3.1", "tf-keras-2.21.0", "keras-3.15.1"].flatMap(Case.all)

    /// `layer/index`, as the fixture names weights.
    static func numbered(_ report: LoadingReport, _ model: Model) throws -> Set<String> {
        let loaded = Set(report.loaded)
        var names: Set<String> = []
        for layer in try model.program().layerSlots(in: try model.parameterTable()) {
            for (index, slot) in layer.slots.enumerated() where loaded.contains(slot.path) { names.insert("\(layer.name)/\(index)") }
        }
        return names
    }

    @Test func fixturesAreThere() {
        #expect(Self.cases.count == 252)
        #expect(Self.cases.filter { !$0.isOurs }.count == 160)
    }

    @Test(arguments: cases.filter { !$0.isOurs })
    func asGenuineKeras(_ example: Case) throws {
        let model = try Model(contentsOf: example.path)
        let before = try model.weights()
        guard let expected = example.loaded else {
            let error = try #require(throws: LocatedError.self) {
                try model.loadWeights(example.weightsPath, byName: example.by_name, skipMismatch: example.skip_mismatch)
            }
            #expect(error.category == .mismatch && error.code == "weights.mismatch")
            #expect(try model.weights().version == before.version)
            // The first shapes that Keras names are named.
            if let genuine = example.error?.firstMatch(of: /expects? shape (\([\d, ]+\)).* shape (\([\d, ]+\))/) {
                #expect(error.message.contains("\(genuine.1)") && error.message.contains("\(genuine.2)"))
            }
            return
        }
        let report = try model.loadWeights(example.weightsPath, byName: example.by_name, skipMismatch: example.skip_mismatch)
        #expect(try Self.numbered(report, model) == Set(expected))
        let after = try model.weights()
        for (index, slot) in after.table.slots.enumerated() {
            #expect((after.tensors[index] == before.tensors[index]) != report.loaded.contains(slot.path), "\(slot.path)")
        }
        #expect(report.isComplete == (report.kept.isEmpty && report.unread.isEmpty && report.notLoaded.isEmpty))
        if !report.kept.isEmpty { #expect(!report.notLoaded.isEmpty) }
    }

    @Test func namesOfObjectsAreTaken() throws {
        // Keras 3.15 writes names into .weights.h5; tf-keras's archive tells them in its architecture.
        for weights in ["keras-3.15.1/source.weights.h5", "keras-3.15.1/source.keras", "tf-keras-2.21.0/source.keras"] {
            let model = try Model(contentsOf: Fixtures.path("loading/keras-3.15.1/renamed.json"))
            let report = try model.loadWeights(Fixtures.path("loading/\(weights)"), byName: true)
            #expect(try Self.numbered(report, model) == ["a/0", "a/1", "n/0", "n/1", "n/2", "n/3", "c/0", "c/1"])
            #expect(report.notLoaded.map(\.place) == ["b2"] && report.notLoaded.map(\.reason) == [.missingInFile])
            #expect(report.unread.map(\.reason) == [.missingInModel] && report.unread.allSatisfy { $0.place.contains("dense_1") })
        }
        let model = try Model(contentsOf: Fixtures.path("loading/keras-3.15.1/renamed.json"))
        let error = try #require(throws: LocatedError.self) {
            try model.loadWeights(Fixtures.path("loading/tf-keras-2.21.0/source.weights.h5"), byName: true)
        }
        #expect(error.category == .unsupported && error.code == "weights.byName")
    }

    @Test func whatIsBehindAMismatchOfAnObjectIsTold() throws {
        let model = try Model(
            contentsOf: Fixtures.path("loading/keras-3.15.1/wider.json"),
            weights: Fixtures.path("loading/keras-3.15.1/source.weights.h5"), skipMismatch: true)
        let report = try #require(model.loadingReport)
        let reasons = Dictionary(report.notLoaded.map { ($0.place, $0.reason) }, uniquingKeysWith: { first, _ in first })
        #expect(reasons["b/kernel"] == .shapes && reasons["b/bias"] == .behindMismatch && reasons["c/kernel"] == .shapes)
        #expect(report.lines[0] == "loaded 2 of 10 weights")
        #expect(report.lines.contains("not loaded: b/kernel has the shape (5, 6), the file's \"layers/dense_1/vars/0\" (5, 4)"))
    }

    @Test func weightsKeepWhatTheModelsOwnFileHolds() throws {
        let whole = Fixtures.path("loading/keras-3.15.1/source.keras")
        let model = try Model(
            contentsOf: whole, weights: Fixtures.path("loading/keras-2.3.1/nested.h5"), byName: true)
        #expect(try #require(model.loadingReport).loaded.isEmpty)
        let plain = try Model(whole)
        #expect(try model.weights().tensors == plain.weights().tensors)
    }

    /// Weights of Keras 2, on TensorFlow or Theano (whose kernels are turned), into the architecture that Keras 3 has for the
    /// model; by name, too.
    @Test(arguments: ["keras-2.2.4_tf1.13", "keras-2.3.1_tf1.15", "keras-2.3.1_theano_channels_last"], [false, true])
    func weightsOfAnotherKeras(_ sample: String, _ byName: Bool) throws {
        let folder = "samples/\(sample)/mini1"
        let old = try #require(try KerasFile.read(Fixtures.path("\(folder)/model.json")).spec)
        var notes: [UpgradeNote] = []
        let text = try KerasWriter.architecture(old, for: .keras3, &notes)
        let path = try Fixtures.temporaryFolder().appendingPathComponent("model.json").path
        try text.write(to: path)
        let model = try Model(contentsOf: path)
        #expect(model.spec.provenance?.dialect == .keras3)
        let report = try model.loadWeights(Fixtures.path("\(folder)/weights.h5"), byName: byName)
        #expect(report.isComplete && report.loaded.count == 6)
        let (x, y) = (try NPY.read(Fixtures.path("\(folder)/x.npy")), try NPY.read(Fixtures.path("\(folder)/y.npy")))
        let own = try model.predict(x)
        #expect(own.shape == y.shape && zip(own.floats, y.floats).allSatisfy { abs($0 - $1) < 1e-5 })
    }
}
