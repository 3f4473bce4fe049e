import Foundation
import SwiftKeras
import TestSupport
import Testing

private let sample = "samples/keras-2.3.1_tf1.15/mini2"

private func miniature() throws -> Model { try Model(Fixtures.path("\(sample)/whole.h5")) }

@Suite("Prediction")
struct RunningTests {
    @Test("batches, threads and repetition don't change a bit of the result")
    func determinism() throws {
        let model = try miniature()
        let x = try NPY.read(Fixtures.path("\(sample)/x.npy"))
        let whole = try model.predict(x, batchSize: 64, threads: 1)
        for threads in [1, 2, 3] { #expect(try model.predict(x, batchSize: 64, threads: threads) == whole) }
        let parts = try model.predict(x, batchSize: 5)
        #expect(parts.shape == whole.shape)
        for (a, b) in zip(parts.floats, whole.floats) { #expect(abs(a - b) < 1e-6) }
    }

    @Test("several threads predict with one model at the same time")
    func concurrency() async throws {
        let model = try miniature()
        let x = try NPY.read(Fixtures.path("\(sample)/x.npy"))
        let expected = try model.predict(x)
        let results = await withTaskGroup(of: Tensor?.self) { group in
            for _ in 0..<16 { group.addTask { try? model.predict(x) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.count == 16)
        for result in results { #expect(result == expected) }
    }

    @Test("no samples give no predictions")
    func empty() throws {
        #expect(try miniature().predict(Tensor(zeros: [0, 16, 16, 3])).shape == [0, 10])
    }

    @Test("indices outside the table are refused, with the layer's name")
    func indices() throws {
        let model = try Sequential([Embedding(10, 3, inputShape: [4])])
        #expect(try model.predict(Tensor([0, 1, 2, 9] as [Int32], shape: [1, 4])).shape == [1, 4, 3])
        for wrong in [-1, 10] as [Int32] {
            let error = #expect(throws: LocatedError.self) {
                try model.predict(Tensor([0, wrong, 2, 3] as [Int32], shape: [1, 4]))
            }
            #expect(error?.category == .mismatch)
            #expect(error?.description.contains("embedding_1") == true)
        }
    }

    @Test("arrays that don't fit say which input, expected and got")
    func shapes() throws {
        let error = #expect(throws: LocatedError.self) { try miniature().predict(Tensor(zeros: [2, 16, 16, 1])) }
        #expect(error?.description == "conv2d_1_input: expected an array of shape (None, 16, 16, 3), got (2, 16, 16, 1)")
        let count = #expect(throws: LocatedError.self) { try miniature().predict([Tensor(zeros: [1]), Tensor(zeros: [1])]) }
        #expect(count?.code == "input.count")
    }

    @Test("layers can be tapped, and absent ones are named")
    func taps() throws {
        let model = try miniature()
        let x = try NPY.read(Fixtures.path("\(sample)/x.npy"))
        let prediction = try model.predict([x], taps: ["conv2d_1", "flatten_1"], batchSize: 7)
        #expect(prediction.layers["conv2d_1"]?.shape == [x.shape[0], 16, 16, 4])
        #expect(prediction.layers["flatten_1"]?.shape.rank == 2)
        let error = #expect(throws: LocatedError.self) { try model.predict([x], taps: ["conv9"]) }
        #expect(error?.message.contains("conv9") == true)
    }
}

@Suite("Files")
struct FileTests {
    @Test("a whole model keeps its compile settings and optimizer state through reading and writing")
    func training() throws {
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("model.h5").path
        try miniature().save(path)
        let (before, after) = (try Inspection(of: Fixtures.path("\(sample)/whole.h5")), try Inspection(of: path))
        #expect(before.optimizer == "RMSprop" && after.optimizer == "RMSprop")
        #expect(!before.optimizerWeights.isEmpty)
        #expect(before.optimizerWeights.map(\.name) == after.optimizerWeights.map(\.name))
        #expect(before.weights.map(\.name) == after.weights.map(\.name))
        #expect(before.weights.map { "\(String(describing: $0.statistics))" } == after.weights.map { "\(String(describing: $0.statistics))" })
    }

    @Test("overwrite: false leaves a file alone")
    func overwriting() throws {
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("weights.h5").path
        try miniature().saveWeights(path)
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let error = #expect(throws: LocatedError.self) { try miniature().saveWeights(path, overwrite: false) }
        #expect(error?.category == .cannotCreate)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test("what is written twice is the same, byte for byte")
    func deterministic() throws {
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (a, b) = (folder.appendingPathComponent("a.h5"), folder.appendingPathComponent("b.h5"))
        let model = try miniature()
        try model.save(a.path)
        try model.save(b.path)
        #expect(try Data(contentsOf: a) == Data(contentsOf: b))
    }
}
