import Datasets
import Foundation
import KerasSpec
import TestSupport
import Testing

@testable import KerasFormat
@testable import SwiftKeras

/// Functions of TensorFlow between input and output, as tf-keras 2.21, tf.keras 2.4 and TensorFlow 2.1 keep them
/// (`fixtures/generate/make_tf_functions.py`): read as operations of Keras 3, computed as genuine, written for Keras 3.
@Suite struct TensorFlowFunctionTests {
    static let folder = "formats/tf_functions"
    static let sources = [
        "tf-keras-2.21", "tf-keras-2.4", "keras-2.3-tf2", "tf-keras-2.21.linalg", "tf-keras-2.4.linalg", "keras-2.3-tf2.linalg",
    ]

    /// What stays a function of TensorFlow: it asks for shapes, or nothing of Keras 3 computes it.
    static let kept: [String: Set<String>] = [
        "tf-keras-2.21": ["K.switch", "gather.batch_dims", "image.central_crop", "image.sobel_edges"],
        "tf-keras-2.4": ["K.resize_images", "K.switch", "gather.batch_dims", "image.central_crop"],
        "tf-keras-2.21.linalg": [], "tf-keras-2.4.linalg": [], "keras-2.3-tf2.linalg": ["image.per_image_standardization"],
        "keras-2.3-tf2": [
            "K.batch_flatten", "K.dot", "K.ones_like", "K.resize_images", "argsort", "clip_by_norm", "einsum", "gather.batch_dims",
            "image.per_image_standardization", "image.resize.antialias", "nn.softmax_cross_entropy_with_logits", "ones_like",
            "reduce_logsumexp", "repeat", "sort", "tensordot",
        ],
    ]

    @Test(arguments: sources)
    func functionsAreOperations(_ source: String) throws {
        let document = try #require(try JSON.parse(try String(contentsOfFile: Fixtures.path("\(Self.folder)/\(source).json"), encoding: .utf8)).object)
        let arrays = try NPZ(reading: Fixtures.path("\(Self.folder)/\(source).npz"))
        let names = Set(arrays.names)
        #expect(document.count > (source.hasSuffix(".linalg") ? 34 : 230))
        var computed = 0
        var kept: Set<String> = []
        for (name, architecture) in document {
            let spec = try ArchitectureReader.spec(from: architecture)
            let rest = spec.layers.filter { TfKerasGraph.operationClasses.contains($0.className) }
            guard rest.isEmpty else {
                kept.insert(name)
                var notes: [UpgradeNote] = []
                let error = #expect(throws: LocatedError.self) { try KerasWriter.architecture(spec, for: .keras3, &notes) }
                #expect(error?.category == .unsupported && error?.message.contains("TensorFlow's function") == true, "\(name)")
                continue
            }
            var notes: [UpgradeNote] = []
            #expect(throws: Never.self, "\(source) \(name)") { try KerasWriter.architecture(spec, for: .keras3, &notes) }
            func all(_ letter: String) throws -> [Tensor] {
                try (0..<4).map { "\(name)/\(letter)\($0)" }.filter(names.contains).map { try arrays.tensor($0) }
            }
            let outputs: [Tensor]
            do { outputs = try Model(spec: spec).predict(try all("x")) } catch {
                Issue.record("\(source) \(name): \(error)")
                continue
            }
            let expected = try all("y")
            #expect(outputs.count == expected.count, "\(source) \(name)")
            for (output, wanted) in zip(outputs, expected) {
                let comparison = try Comparison(
                    name: name, got: output, expected: wanted, relativeTolerance: 1e-4, absoluteTolerance: 1e-5)
                #expect(comparison.passed, "\(source) \(name): off by \(comparison.maxAbsoluteError)")
            }
            computed += 1
        }
        #expect(kept == Self.kept[source])
        #expect(computed + kept.count == document.count)
    }
}
