import Foundation
@testable import SwiftKeras
import Synchronization
import TestSupport
import Testing
import Training

@Suite("TensorBoard")
struct TensorBoardTests {
    @Test("check sums, and records around data")
    func records() {
        // RFC 3720, B.4.
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
        #expect(CRC32C.checksum(Array(0..<32)) == 0x46dd_794e)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283)
        // TensorFlow 2.21's TFRecordWriter on b"swift".
        #expect(
            EventFile.record(Array("swift".utf8)) == [
                5, 0, 0, 0, 0, 0, 0, 0, 234, 178, 4, 62, 115, 119, 105, 102, 116, 18, 119, 196, 86,
            ])
    }

    @Test("buckets of histograms as TensorBoard counts them")
    func buckets() {
        let rows = EventFile.buckets([0, 1, 2, 3, 3, .nan], count: 3)
        #expect(rows.map(\.left) == [0, 1, 2] && rows.map(\.right) == [1, 2, 3] && rows.map(\.count) == [1, 1, 3])
        #expect(EventFile.buckets([2, 2], count: 3).map(\.count) == [0, 0, 2])
        #expect(EventFile.buckets([], count: 3).isEmpty)
    }

    /// The records' data, once their check sums are right.
    private func events(in folder: String) throws -> [[UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix("keras_embedding") }
        try #require(names.count == 1 && names[0].hasPrefix("events.out.tfevents."))
        var rest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + names[0])))[...]
        var events: [[UInt8]] = []
        while !rest.isEmpty {
            let count = rest.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
            let data = Array(rest.dropFirst(12).prefix(count))
            #expect(Array(rest.prefix(16 + count)) == EventFile.record(data))
            events.append(data)
            rest = rest.dropFirst(16 + count)
        }
        return events
    }

    @Test("what is written, and where")
    func training() throws {
        let folder = NSTemporaryDirectory() + "swift-keras-board-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let x = Tensor((0..<40).map { Float($0 % 7) / 7 }, shape: [10, 4])
        let y = Tensor((0..<10).map { Float($0 % 2) }, shape: [10, 1])
        let model = try Sequential([Dense(1, activation: .sigmoid, inputShape: [4])], seed: 1)
        try model.compile(loss: .binaryCrossentropy, optimizer: SGD(), metrics: [.accuracy])
        let board = try TensorBoard(logDir: folder, histogramFreq: 2, updateFreq: .batches(2))
        try model.fit(x, y, batchSize: 3, epochs: 3, verbose: 0, callbacks: [board], validationData: (x, y))
        func tags(_ part: String) throws -> [String] {
            try events(in: folder + "/" + part).compactMap { data in
                let text = String(decoding: data, as: UTF8.self)
                return ["epoch_learning_rate", "epoch_loss", "epoch_accuracy", "batch_loss", "batch_accuracy", "/histogram", "evaluation_loss_vs_iterations",
                    "evaluation_accuracy_vs_iterations", "graph_keras_model", "brain.Event:2"].first { text.contains($0) }
            }
        }
        let train = try tags("train")
        #expect(train.first == "brain.Event:2" && train.dropFirst().first == "graph_keras_model")
        #expect(train.count { $0 == "epoch_loss" } == 3 && train.count { $0 == "epoch_learning_rate" } == 3)
        // Twelve batches; two weights, epochs 0 and 2.
        #expect(train.count { $0 == "batch_loss" } == 6 && train.count { $0 == "batch_accuracy" } == 6)
        #expect(train.count { $0 == "/histogram" } == 4)
        let validation = try tags("validation")
        #expect(validation.count { $0 == "epoch_accuracy" } == 3 && validation.count { $0 == "evaluation_loss_vs_iterations" } == 3)
        #expect(#expect(throws: LocatedError.self) { try TensorBoard(logDir: "x", updateFreq: .batches(0)) }?.code == "callback.update_freq")
    }

    @Test("pictures of weights as Keras draws them")
    func pictures() throws {
        func drawn(_ dims: [Int]) throws -> [(shape: Shape, pixels: [UInt8])]? {
            let shape = Shape(dims)
            // From below 0 to above 1.
            let weight = Tensor((0..<shape.count).map { Float($0) * 0.1 - 0.1 }, shape: shape)
            return try WeightPictures(weight)?.encoded().map { bytes in
                let image = try Image(encoded: bytes)
                return (image.pixels.shape, image.pixels.array(as: UInt8.self))
            }
        }
        // tf.image.convert_image_dtype: cut off, times 255.5, without its fraction.
        let vector = try #require(try drawn([1, 4]))
        #expect(vector.count == 1 && vector[0].shape == [4, 1, 1] && vector[0].pixels == [0, 0, 25, 51])
        let matrix = try #require(try drawn([3, 2]))
        #expect(matrix.count == 1 && matrix[0].shape == [2, 3, 1] && matrix[0].pixels == [0, 25, 76, 0, 51, 102])
        #expect(try drawn([2, 3])?[0].shape == [2, 3, 1])
        let kernel = try #require(try drawn([2, 1, 2, 4]))
        #expect(kernel.count == 3 && kernel[1].shape == [2, 2, 1] && kernel[1].pixels == [0, 102, 204, 255])
        #expect(try drawn([5, 2, 2, 3])?.map(\.shape) == [[2, 2, 3], [2, 2, 3], [2, 2, 3]])
        #expect(try drawn([2, 3, 3, 5]) == nil && drawn([1, 1]) == nil && drawn([2, 2, 2, 2, 3]) == nil)
    }

    @Test("pictures, embeddings and speeds are written when they are wanted; profiles are refused")
    func more() throws {
        let folder = NSTemporaryDirectory() + "swift-keras-board-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let x = Tensor((0..<20).map { Float($0 % 5) }, shape: [10, 2]), y = Tensor((0..<10).map { Float($0 % 2) }, shape: [10, 1])
        func model() throws -> Sequential {
            let model = try Sequential([Embedding(5, 3, inputLength: 2, name: "words"), Flatten(), Dense(1)], seed: 1)
            try model.compile(loss: .meanSquaredError, optimizer: SGD())
            return model
        }
        let board = try TensorBoard(
            logDir: folder, histogramFreq: 1, writeImages: true, writeStepsPerSecond: true, updateFreq: .batches(1), embeddingsFreq: 2,
            embeddingsMetadata: .files(["words": "wörds \"a\".tsv"]))
        let trained = try model()
        try trained.fit(x, y, batchSize: 5, epochs: 3, verbose: 0, callbacks: [board])
        let texts = try events(in: folder + "/train").map { String(decoding: $0, as: UTF8.self) }
        // Two weights that are drawn and three epochs; two batches an epoch.
        #expect(texts.count { $0.contains("/image") && $0.contains("images") } == 6)
        #expect(texts.count { $0.contains("batch_steps_per_second") } == 6 && texts.count { $0.contains("epoch_steps_per_second") } == 3)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder + "/train").filter { $0.hasPrefix("keras") }.sorted()
        #expect(names == ["keras_embedding.ckpt-0.weights.h5", "keras_embedding.ckpt-2.weights.h5"])
        let read = try model()
        try read.loadWeights(folder + "/train/" + names[1])
        #expect(try read.weights().tensors == trained.weights().tensors)
        #expect(
            try String(contentsOfFile: folder + "/projector_config.pbtxt", encoding: .utf8)
                == "embeddings {\n  tensor_name: \"layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE\"\n  metadata_path: \"w\\303\\266rds \\\"a\\\".tsv\"\n}\n")
        func code(_ make: () throws -> TensorBoard) -> String? {
            (#expect(throws: LocatedError.self) { try model().fit(x, y, verbose: 0, callbacks: [make()]) })?.code
        }
        #expect(code { try TensorBoard(logDir: folder, embeddingsFreq: 1, embeddingsMetadata: .files(["flatten": "a"])) } == "callback.embeddings_metadata")
        #expect(code { try TensorBoard(logDir: folder, profileBatch: 2) } == "callback.profile_batch")
        #expect(code { try TensorBoard(logDir: folder, embeddingsFreq: -1) } == "callback.embeddings_freq")
    }

    @Test("averages are measured in the weights' place")
    func averages() throws {
        let x = Tensor((0..<40).map { Float($0 % 7) / 7 }, shape: [10, 4])
        let y = Tensor((0..<10).map { Float($0 % 2) }, shape: [10, 1])
        func model() throws -> Sequential {
            let model = try Sequential([Dense(1, inputShape: [4])], seed: 1)
            var optimizer = SGD(learningRate: 0.1)
            optimizer.settings.average = OptimizerSettings.Average(momentum: 0.5)
            try model.compile(loss: .meanSquaredError, optimizer: optimizer)
            model.state.withLock { $0.compiled?.generation = .keras3 }
            return model
        }
        /// What stands in the weights after each epoch, for callbacks that come later.
        final class Reader: Callback {
            var weights: [[Float]] = []
            func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
                weights.append(training.weights.flatMap(\.floats))
            }
        }
        let plain = try model(), swapped = try model(), both = try model()
        let (raw, kept, averages) = (Reader(), Reader(), Reader())
        let history = try plain.fit(x, y, epochs: 3, verbose: 0, callbacks: [raw], validationData: (x, y), shuffle: false)
        let other = try swapped.fit(x, y, epochs: 3, verbose: 0, callbacks: [SwapEMAWeights(), kept], validationData: (x, y), shuffle: false)
        let third = try both.fit(
            x, y, epochs: 3, verbose: 0, callbacks: [SwapEMAWeights(swapOnEpoch: true), averages], validationData: (x, y), shuffle: false)
        #expect(history["loss"] == other["loss"] && history["val_loss"] != other["val_loss"])
        #expect(other.history == third.history)
        #expect(raw.weights == kept.weights)
        // average ← (average + weight) / 2, beginning with the first step's weights.
        var average = raw.weights[0]
        for epoch in 1..<3 { average = zip(average, raw.weights[epoch]).map { ($0 + $1) / 2 } }
        #expect(zip(averages.weights[2], average).allSatisfy { abs($0 - $1) < 1e-6 })
        // All three end with the averages.
        for model in [plain, swapped, both] {
            #expect(try zip(model.weights().tensors.flatMap(\.floats), average).allSatisfy { abs($0 - $1) < 1e-6 })
        }
        let without = try Sequential([Dense(1, inputShape: [4])], seed: 1)
        try without.compile(loss: .meanSquaredError, optimizer: SGD())
        #expect(#expect(throws: LocatedError.self) { try without.fit(x, y, verbose: 0, callbacks: [SwapEMAWeights()]) }?.code == "callback.ema")
    }
}
