import Foundation
@testable import SwiftKeras
import TestSupport
import Testing

/// Genuine files of every generation after two steps: five more give what the Keras that wrote them gets.
@Suite("Resuming genuine training")
struct ResumeTests {
    struct Batches: Decodable {
        var x: [[Float]]
        var y: [[Float]]
    }
    struct Resumed: Decodable {
        var saved: [[Float]]
        var after: [[Float]]
    }

    /// Those whose steps are the same in every run. Standalone Keras reads the step count (Adam, `decay`) in a race with its
    /// increment, and Keras 1.2.2 on TensorFlow 1.0 the weights with their update, so that those files say little.
    static let files = [
        "keras-1.2.2/rmsprop.h5", "keras-2.2.4/sgd.h5", "keras-2.2.4/rmsprop.h5", "keras-2.3.1/sgd.h5", "keras-2.3.1/rmsprop.h5",
    ] + ["tf.keras-2.4.0", "tf.keras-2.13.1", "tf-keras-2.21.0", "keras-3.0.5", "keras-3.15.1"].flatMap { keras in
        let names = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.path("formats/training/\(keras)"))) ?? []
        // tf-keras saves no state of its older optimizers into archives.
        return names.filter { $0.hasSuffix(".h5") || ($0.hasSuffix(".keras") && !$0.hasPrefix("legacy")) }.sorted().map { "\(keras)/\($0)" }
    }

    private static func decode<Value: Decodable>(_ path: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("formats/training/" + path))))
    }

    @Test(arguments: files)
    func fiveSteps(_ file: String) throws {
        let parts = file.split(separator: "/").map(String.init)
        let name = String(parts[1].prefix { $0 != "." })
        let expected = try #require(try (Self.decode("\(parts[0])/resumed.json") as [String: Resumed])[name])
        let batches: Batches = try Self.decode("batches.json")
        let model = try Model(Fixtures.path("formats/training/\(file)"))
        #expect(try model.compiled().optimizerState != nil)
        let x = Tensor(batches.x.dropFirst(2).flatMap(\.self)).reshaped(to: [40, 4])
        let y = Tensor(batches.y.dropFirst(2).flatMap(\.self)).reshaped(to: [40, 3])
        try model.fit(x, y, batchSize: 8, epochs: 1, verbose: 0, shuffle: false)
        let weights = try model.weights().tensors
        try #require(weights.count == expected.after.count)
        var worst: Float = 0
        for (weight, genuine) in zip(weights, expected.after) {
            for (a, b) in zip(weight.array(as: Float.self), genuine) { worst = max(worst, abs(a - b)) }
        }
        #expect(worst <= 1e-5, "\(file): \(worst)")
    }
}
