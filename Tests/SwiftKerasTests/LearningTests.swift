import Foundation
import KerasSpec
@testable import SwiftKeras
import Synchronization
import TestSupport
import Testing
import Training

/// Real handwritten digits, a part of them, and a small network with dropout for them.
private enum Digits {
    static func load(_ count: Int = 256) throws -> (x: Tensor, y: Tensor) {
        let file = try NPZ(reading: Fixtures.path("digits/digits.npz"))
        return (try file.tensor("x").rows(0..<count).asType(.float32) / 16, try file.tensor("y").rows(0..<count))
    }

    static func model(seed: UInt64 = 3) throws -> Sequential {
        let model = try Sequential(
            [
                Conv2D(8, (3, 3), activation: .relu, inputShape: [8, 8, 1]), MaxPooling2D(poolSize: (2, 2)),
                BatchNormalization(momentum: 0.8), Flatten(), Dropout(0.25), Dense(10, activation: .softmax),
            ], seed: seed)
        try model.compile(loss: .sparseCategoricalCrossentropy, optimizer: RMSprop(learningRate: 0.005), metrics: [.accuracy])
        return model
    }
}

@Suite("Learning")
struct LearningTests {
    @Test("digits are learned, and evaluate tells loss and accuracy")
    func learns() throws {
        let (x, y) = try Digits.load()
        let model = try Digits.model()
        let before = try model.evaluate(x, y)
        let history = try model.fit(x, y, batchSize: 32, epochs: 8, verbose: 0, validationSplit: 0.25)
        let after = try model.evaluate(x, y)
        #expect(after.count == 2 && after[0] < before[0] / 2 && after[1] > 0.8, "\(before) → \(after) \(history.history)")
        #expect(Array(history.history.keys).sorted() == ["accuracy", "loss", "val_accuracy", "val_loss"])
        #expect(history.epoch == Array(0..<8))
    }

    @Test("the same seed gives the same weights whatever the thread count, another seed others")
    func determinism() throws {
        let (x, y) = try Digits.load(96)
        func trained(seed: UInt64, threads: Int) throws -> Tensor {
            let model = try Digits.model()
            try model.fit(x, y, batchSize: 20, epochs: 2, verbose: 0, seed: seed, threads: threads)
            return try model.predict(x)
        }
        let one = try trained(seed: 1, threads: 1)
        #expect(try trained(seed: 1, threads: 2) == one)
        #expect(try trained(seed: 1, threads: 3) == one)
        #expect(try trained(seed: 2, threads: 2) != one)
    }

    @Test("a layer that a target lacks is named, not what its weights would mean for the optimizer")
    func refusedLayers() throws {
        let model = try Sequential([GRU(3, resetAfter: true, inputShape: [4, 2]), Dense(1)])
        try model.compile(loss: .meanSquaredError, optimizer: Adam())
        _ = try model.trainOnBatch(Tensor(zeros: [2, 4, 2]), Tensor(zeros: [2, 1]))
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("old.h5").path
        let error = try #require(throws: LocatedError.self) { try model.save(path, for: .keras1) }
        #expect(error.code == "architecture.inexpressible" && error.category == .unsupported && error.message.contains("reset_after"), "\(error)")
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("training that was saved half way goes on as if it had not stopped", arguments: [true, false])
    func resuming(readsFile: Bool) throws {
        let (x, y) = try Digits.load(96)
        let through = try Digits.model()
        try through.fit(x, y, epochs: 2, verbose: 0, shuffle: false)
        var half: Model = try Digits.model()
        try half.fit(x, y, epochs: 1, verbose: 0, shuffle: false)
        if readsFile {
            let folder = try Fixtures.temporaryFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let path = folder.appendingPathComponent("half.h5").path
            try half.save(path)
            half = try Model(path)
        }
        try half.fit(x, y, epochs: 2, verbose: 0, shuffle: false, initialEpoch: 1)
        #expect(try half.predict(x) == through.predict(x))
    }

    @Test("another learning rate keeps the optimizer's state, another optimizer doesn't")
    func recompiling() throws {
        let (x, y) = try Digits.load(64)
        let model = try Digits.model()
        try model.fit(x, y, verbose: 0)
        let loss = CompileSettings(optimizer: RMSprop(learningRate: 0.1), loss: .sparseCategoricalCrossentropy)
        #expect(try model.recompile(loss) == false)
        #expect(try model.trainingSpec()?.optimizerWeights.first?.tensor.load().array(as: Int64.self) == [2])
        #expect(try model.recompile(CompileSettings(optimizer: SGD(), loss: .sparseCategoricalCrossentropy)))
        #expect(try model.trainingSpec()?.optimizerWeights.isEmpty == true)
    }

    @Test("every optimizer's state goes through a file of Keras 3, and training goes on as if it hadn't", arguments: Optimizers.classes.map { $0.className })
    func everyOptimizer(_ name: String) throws {
        let (x, y) = try Digits.load(64)
        var optimizer: any Optimizer = try Optimizers.named(name)
        optimizer.schedule = .exponentialDecay(initialLearningRate: 0.01, decaySteps: 2, decayRate: 0.5)
        let settings = CompileSettings(optimizer: optimizer, loss: .sparseCategoricalCrossentropy)
        func model() throws -> Model {
            let path = try Fixtures.temporaryFolder().appendingPathComponent("start.keras").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try Digits.model().save(path, for: .keras3)
            let model = try Model(path)
            try model.compile(settings)
            return model
        }
        let through = try model()
        let start = try through.weights().tensors
        try through.fit(x, y, epochs: 2, verbose: 0, shuffle: false)
        #expect(try through.weights().tensors != start)
        let half = try model()
        try half.fit(x, y, verbose: 0, shuffle: false)
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("half.keras").path
        try half.save(path)
        let resumed = try Model(path)
        #expect(try resumed.compiled().settings.optimizer.schedule == optimizer.schedule)
        try resumed.fit(x, y, epochs: 2, verbose: 0, shuffle: false, initialEpoch: 1)
        #expect(try resumed.predict(x) == through.predict(x))
    }

    @Test("state of other weights is left out with a note")
    func strangeState() throws {
        let (x, y) = try Digits.load(32)
        let model = try Model(Fixtures.path("formats/training/keras-2.3.1/adam.h5"))
        #expect(try model.trainingNotes().isEmpty)
        let arrays = try #require(try model.trainingSpec()?.optimizerWeights)
        let digits = try Digits.model()
        try digits.compile(CompileSettings(optimizer: Adam(), loss: .sparseCategoricalCrossentropy))
        digits.state.withLock { state in
            state.training = TrainingSpec(
                compileSettings: ["optimizer_config": "adam", "loss": "sparse_categorical_crossentropy"], dialect: .keras2,
                optimizerWeights: Array(arrays.dropLast(2)))
            state.compiled = nil
        }
        #expect(try digits.trainingNotes().count == 1)
        #expect(try digits.compiled().optimizerState == nil)
        try digits.fit(x, y, verbose: 0)
        #expect(try digits.trainingNotes().isEmpty)
    }

    @Test("a model that was not compiled, and data that don't fit, are refused and change nothing")
    func refusals() throws {
        let (x, y) = try Digits.load(32)
        let plain = try Sequential([Flatten(inputShape: [8, 8, 1]), Dense(10, activation: .softmax)])
        let uncompiled = #expect(throws: LocatedError.self) { try plain.fit(x, y, verbose: 0) }
        #expect(uncompiled?.code == "model.notCompiled")
        let model = try Digits.model()
        let before = try model.predict(x)
        #expect(throws: LocatedError.self) { try model.fit(x, y.rows(0..<31), verbose: 0) }
        #expect(throws: LocatedError.self) { try model.fit(x, toCategorical(y, numClasses: 10), verbose: 0) }
        #expect(throws: LocatedError.self) { try model.fit(x, Tensor([Int32](repeating: 10, count: 32)), verbose: 0) }
        #expect(throws: LocatedError.self) { try model.fit(x, y, batchSize: 0, verbose: 0) }
        #expect(throws: LocatedError.self) { try model.fit(x, y, verbose: 0, validationSplit: 1.5) }
        #expect(try model.predict(x) == before)
    }
}
