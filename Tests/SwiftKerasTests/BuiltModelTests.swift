import Foundation
import SwiftKeras
import TestSupport
import Testing

@Suite("Models built in Swift")
struct BuiltModelTests {
    @Test(
        "the notebook's networks say and print what genuine Keras 2.3 does",
        arguments: [("net1", NotebookModels.first), ("net2", NotebookModels.second)])
    func notebook(folder: String, build: @Sendable () throws -> Sequential) throws {
        let model = try build()
        let genuine = Fixtures.path("notebook/\(folder)")
        #expect(try model.toJSON() == String(contentsOfFile: "\(genuine)/cifar10_architecture.json", encoding: .utf8))
        #expect(try model.summary() == String(contentsOfFile: "\(genuine)/summary.txt", encoding: .utf8))
    }

    @Test("genuine weights fit a model built in Swift, and come out of it as they were")
    func weights() throws {
        let sample = Fixtures.path("notebook/net2")
        let model = try NotebookModels.second()
        try model.loadWeights("\(sample)/cifar10_weights.h5")
        let fixture = try NPZ(reading: "\(sample)/predictions.npz")
        #expect(try model.verify(fixture, relativeTolerance: 0, absoluteTolerance: 1e-5).passed)

        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let saved = folder.appendingPathComponent("weights.h5").path
        try model.saveWeights(saved)
        let again = try Model(json: "\(sample)/cifar10_architecture.json", weights: saved)
        let x = try fixture.tensor("x0")
        #expect(try again.predict(x) == model.predict(x))
    }

    @Test("a shared layer, two inputs and two outputs become Keras's functional model")
    func functional() throws {
        let words = Input(shape: [nil], dtype: "int32", name: "words")
        let features = Input(shape: [5], name: "features")
        let shared = Dense(4, activation: .tanh, name: "shared")
        let read = try LSTM(5)(Embedding(20, 6, maskZero: true)(words))
        let (a, b) = (try shared(read), try shared(features))
        let added = try Add()([a, b])
        let joined = try Concatenate()([added, a, features])
        let model = try Model(
            inputs: [words, features],
            outputs: [Dense(3, activation: .softmax, name: "topic")(joined), Dense(1, name: "score")(added)])
        let text = try model.toJSON()
        #expect(text.contains(#""inbound_nodes": [[["lstm_1", 0, 0, {}]], [["features", 0, 0, {}]]]"#), "\(text)")
        #expect(text.contains(#""output_layers": [["topic", 0, 0], ["score", 0, 0]]"#))
        let outputs = try model.predict([Tensor([3, 4, 0, 1, 0, 0] as [Int32], shape: [2, 3]), Tensor(zeros: [2, 5])])
        #expect(outputs.map(\.shape) == [[2, 3], [2, 1]])

        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("model.h5").path
        try model.save(path)
        #expect(try Model(path).summary() == model.summary())
    }

    @Test("a layer that can't take what comes is refused, and the model stays as it was")
    func wrongShape() throws {
        let model = Sequential()
        try model.add(Dense(4, inputShape: [3]))
        let error = #expect(throws: LocatedError.self) { try model.add(Conv2D(8, (3, 3))) }
        #expect(error?.category == .mismatch)
        #expect(error?.description.contains("conv2d_1") == true, "\(String(describing: error))")
        try model.add(Activation(.softmax))
        #expect(try model.predict(Tensor(zeros: [2, 3])).shape == [2, 4])
    }

    @Test("the same seed gives the same weights, another seed others")
    func seeds() throws {
        func kernel(_ seed: UInt64) throws -> Tensor {
            let model = try Sequential([Dense(4, inputShape: [3])], seed: seed)
            return try model.predict(Tensor([1, 2, 3] as [Float], shape: [1, 3]))
        }
        #expect(try kernel(7) == kernel(7))
        #expect(try kernel(7) != kernel(8))
    }
}
