import Datasets
import Foundation
import TestSupport
import Testing

@testable import SwiftKeras

/// Trainings that genuine Keras recorded (`fixtures/parity`), held against the same steps here.
@Suite struct TrainingVerificationTests {
    static let folders: [String] = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.path("parity")))?.sorted() ?? []

    static func file(_ folder: String, _ name: String) -> String {
        let path = Fixtures.path("parity/\(folder)/\(name)")
        return FileManager.default.fileExists(atPath: path + ".h5") ? path + ".h5" : path + ".keras"
    }

    static func record(_ folder: String) throws -> NPZ { try NPZ(reading: Fixtures.path("parity/\(folder)/training.npz")) }

    /// The record with some arrays changed or added; nil takes one away.
    static func record(_ folder: String, changing: [String: Tensor?]) throws -> NPZ {
        let genuine = try record(folder)
        var arrays: [(name: String, tensor: Tensor)] = []
        for name in genuine.names where changing[name] == nil { arrays.append((name, try genuine.tensor(name))) }
        for (name, tensor) in changing.sorted(by: { $0.key < $1.key }) { if let tensor { arrays.append((name, tensor)) } }
        let scratch = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: scratch) }
        let path = scratch.appendingPathComponent("record.npz").path
        try NPZ.write(arrays, to: path)
        return try NPZ(reading: path)
    }

    static func scaled(_ tensor: Tensor, by factor: Float) -> Tensor {
        let values = tensor.asType(.float32).withUnsafeElements(as: Float.self) { $0.map { $0 * factor } }
        return Tensor(values, shape: tensor.shape)
    }

    @Test("losses, gradients and weights are genuine Keras's", arguments: folders)
    func parity(_ folder: String) throws {
        let model = try Model(contentsOf: Self.file(folder, "before"))
        let before = try model.weights().tensors
        let genuine = try Self.record(folder)
        let report = try model.verifyTraining(
            genuine, after: [5: try Model(contentsOf: Self.file(folder, "after-5"))], relativeTolerance: 5e-5, absoluteTolerance: 1e-6)
        #expect(report.passed, "\(report)")
        #expect(report.steps == 5 && report.batchSize == 4 && report.losses.count == 5 && !report.isRandom)
        #expect(report.gradients.count == genuine.names.count { $0.hasPrefix("gradient/") } && !report.gradients.isEmpty)
        #expect(report.weights.map(\.steps) == [5] && report.weights[0].arrays.allSatisfy { $0.relativeError < 1e-6 })
        #expect(report.weights[0].arrays.count == (try model.weights().table.slots.count { $0.slot.isSaved }))
        let largest = report.gradients.map(\.scale).max() ?? 0
        #expect(report.gradients.allSatisfy { $0.maxAbsoluteError < 1e-6 * largest })
        // The model itself was not trained.
        #expect(try model.weights().tensors == before)
    }

    @Test("another learning rate shows in the weights and later losses, not in the gradients")
    func departure() throws {
        let folder = "keras-2.3.1-opt_sgd_momentum"
        let model = try Model(contentsOf: Self.file(folder, "before"))
        var settings = try #require(try model.compileSettings())
        settings.optimizer.learningRate *= 1.5
        _ = try model.recompile(settings)
        let report = try model.verifyTraining(
            try Self.record(folder), after: [5: try Model(contentsOf: Self.file(folder, "after-5"))])
        #expect(!report.passed)
        #expect(report.gradients.allSatisfy(\.passed) && !report.weights[0].passed)
        #expect(report.losses[0].passed && !report.losses[1].passed)
    }

    @Test("a gradient that isn't genuine is found, by name and by number")
    func wrongGradient() throws {
        let folder = "keras-2.3.1-nested_functional"
        let model = try Model(contentsOf: Self.file(folder, "before"))
        let genuine = try Self.record(folder)
        let wrong = Self.scaled(try genuine.tensor("gradient/2"), by: 1.001)
        let byNumber = try model.verifyTraining(try Self.record(folder, changing: ["gradient/2": wrong]))
        #expect(byNumber.gradients.filter { !$0.passed }.count == 1)
        let name = byNumber.gradients[2].name
        #expect(!byNumber.gradients[2].passed && name.contains("/"))
        for spelled in [name, name + ":0", "model_7/" + name] {
            let byName = try model.verifyTraining(try Self.record(folder, changing: ["gradient/2": nil, "gradient/\(spelled)": wrong]))
            #expect(byName.gradients.filter { !$0.passed }.map(\.name) == [name])
        }
        // A repetition that departs as far, as another number of threads might, allows it.
        let again = try Self.record(folder, changing: ["gradient/2": Self.scaled(wrong, by: 1.001)])
        #expect(try model.verifyTraining(try Self.record(folder, changing: ["gradient/2": wrong]), repeated: again).passed)
    }

    @Test("weights after some steps by path in the record")
    func weightsInRecord() throws {
        let folder = "keras-3.15.1-batchnorm"
        let model = try Model(contentsOf: Self.file(folder, "before"))
        let after = try Model(contentsOf: Self.file(folder, "after-5")).weights()
        let slots = after.table.slots
        let kernel = try #require(slots.firstIndex { $0.path.hasSuffix("kernel") })
        var changes: [String: Tensor?] = ["loss": Tensor?.none]
        changes["after/5/\(slots[kernel].path)"] = after.tensors[kernel]
        changes["after/5/\(kernel + 1)"] = after.tensors[kernel + 1]
        let report = try model.verifyTraining(try Self.record(folder, changing: changes))
        #expect(report.passed && report.losses.isEmpty && report.steps == 5)
        #expect(report.weights[0].arrays.map(\.name) == [slots[kernel].path, slots[kernel + 1].path])
    }

    @Test("records that don't fit are refused with what is expected")
    func refusals() throws {
        let folder = "keras-2.3.1-opt_sgd_momentum"
        let model = try Model(contentsOf: Self.file(folder, "before"))
        let gradient = try Self.record(folder).tensor("gradient/0")
        let cases: [([String: Tensor?], String)] = [
            (["gradient/99": gradient], "verify.weight"), (["gradient/dense_9/kernel": gradient], "verify.weight"),
            (["gradient/1": gradient], "verify.shape"), (["after/0/dense_1/kernel": gradient], "verify.after"),
            (["after/x": gradient], "verify.after"), (["after/6/0": gradient], "verify.steps"),
            (["loss": Tensor([Float](repeating: 1, count: 9), shape: [9])], "verify.steps"), (["t0": Tensor?.none], "verify.training"),
            (["batch_size": Tensor([Int32(0)], shape: [])], "verify.batch_size"),
        ]
        for (changes, code) in cases {
            let record = try Self.record(folder, changing: changes)
            let error = #expect(throws: LocatedError.self) { try model.verifyTraining(record) }
            #expect(error?.code == code, "\(changes.keys): \(String(describing: error))")
            #expect(error?.category == .mismatch)
        }
        let bare = try Self.record(folder, changing: Dictionary(uniqueKeysWithValues: try Self.record(folder).names.filter {
            $0 == "loss" || $0.hasPrefix("gradient/")
        }.map { ($0, Tensor?.none) }))
        #expect(throws: LocatedError.self) { try model.verifyTraining(bare) }
    }

    @Test("dropout is told")
    func random() throws {
        let model = try Sequential([Dense(4, inputShape: [5]), Dropout(0.5), Dense(3, activation: .softmax)])
        try model.compile(loss: .categoricalCrossentropy, optimizer: SGD())
        #expect(try model.verifyTraining(try Self.record("keras-2.3.1-opt_sgd_momentum", changing: Dictionary(
            uniqueKeysWithValues: (0..<6).map { ("gradient/\($0)", Tensor?.none) }))).isRandom)
    }
}
