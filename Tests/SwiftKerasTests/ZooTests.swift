import Datasets
import Foundation
import TestSupport
import Testing

@testable import SwiftKeras

/// Small models of every generation, as genuine Keras saved them (`fixtures/zoo`): predictions are genuine's wherever the engine
/// has the layers.
@Suite struct ZooTests {
    static let files: [String] = {
        let paths = FileManager.default.enumerator(atPath: Fixtures.path("zoo"))?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix("/whole.h5") || $0.hasSuffix("/whole.keras") }.sorted()
    }()

    @Test(arguments: files)
    func predictionsAreGenuine(_ file: String) throws {
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        let path = Fixtures.path("zoo/\(folder)/fixture.npz")
        let arrays = try NPZ(reading: path)
        func all(_ letter: Character) throws -> [Tensor] {
            try arrays.names.filter { $0.first == letter && $0.dropFirst().allSatisfy(\.isNumber) }
                .sorted { $0.count == $1.count ? $0 < $1 : $0.count < $1.count }.map { try arrays.tensor($0) }
        }
        let outputs: [Tensor]
        do {
            let model = try Model(contentsOf: Fixtures.path("zoo/\(file)"), backend: file.contains("theano") ? "theano" : nil)
            outputs = try model.predict(try all("x"))
        } catch let error as LocatedError {
            guard error.category == .unsupported else { throw error }
            return
        }
        let expected = try all("y")
        #expect(outputs.count == expected.count && !expected.isEmpty)
        for (output, genuine) in zip(outputs, expected) {
            let comparison = try Comparison(
                name: file, got: output, expected: genuine, relativeTolerance: 1e-5, absoluteTolerance: 1e-5)
            #expect(comparison.passed, "\(file): \(comparison.maxAbsoluteError)")
        }
    }

    /// Of Keras 1 on TensorFlow, those whose steps are recorded from gradients that were taken before anything was written.
    static let calm = ["conv_lstm", "time_distributed_conv"]

    /// Standalone Keras on TensorFlow 1 reads its count of steps, and Keras 1 its weights, while others write them: what came of that
    /// says little (fixtures/zoo/README.md).
    static let trained = files.filter { file in
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        guard FileManager.default.fileExists(atPath: Fixtures.path("zoo/\(folder)/steps.npz")) else { return false }
        if file.hasPrefix("keras-1.2.2/") { return calm.contains { folder.hasSuffix("/" + $0) } }
        return !(file.hasPrefix("keras-2.") && !folder.contains("theano") && ["decay", "adam", "nadam", "adamax", "amsgrad"].contains { folder.hasSuffix($0) })
    }

    /// Trained on where genuine Keras left off, its momenta and all, models predict what it predicts after the same five batches.
    @Test(arguments: trained)
    func fiveStepsMoreAreGenuine(_ file: String) throws {
        let folder = file.split(separator: "/").dropLast().joined(separator: "/")
        let steps = try NPZ(reading: Fixtures.path("zoo/\(folder)/steps.npz")), fixture = try NPZ(reading: Fixtures.path("zoo/\(folder)/fixture.npz"))
        func all(_ letter: Character, of file: NPZ) throws -> [Tensor] {
            try file.names.filter { $0.first == letter && $0.dropFirst().allSatisfy(\.isNumber) }.sorted().map { try file.tensor($0) }
        }
        let model = try Model(contentsOf: Fixtures.path("zoo/\(file)"), backend: file.contains("theano") ? "theano" : nil)
        try model.fit(try all("x", of: steps), try all("y", of: steps), batchSize: 4, epochs: 1, verbose: 0, shuffle: false)
        for (output, genuine) in zip(try model.predict(try all("x", of: fixture)), try all("p", of: steps)) {
            let scale = max(1, genuine.floats.map(abs).max() ?? 1)
            let comparison = try Comparison(
                name: file, got: output, expected: genuine, relativeTolerance: 0, absoluteTolerance: Double(1e-5 * scale))
            #expect(comparison.passed, "\(file): \(comparison.maxAbsoluteError)")
        }
    }

    @Test func everyModelIsThere() { #expect(Self.files.count >= 40) }
}
