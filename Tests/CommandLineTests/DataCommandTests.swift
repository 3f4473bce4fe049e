import Foundation
import TestSupport
import Testing

/// Keras's data sets by name, from stand-ins in a cache of their own; the network is never asked.
@Suite("data sets by name")
struct DataCommandTests {
    private let home = ["KERAS_HOME": Fixtures.path("datasets/cache"), "https_proxy": "http://127.0.0.1:1"]

    /// A small network in Keras 2.3's JSON.
    private func network(_ layers: String) throws -> String {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("net.json").path
        let text = """
            {"class_name": "Sequential", "config": {"name": "net", "layers": [\(layers)]}, "keras_version": "2.3.1", "backend": "tensorflow"}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func dense(_ units: Int, _ activation: String, inputs: Int? = nil) -> String {
        let shape = inputs.map { ", \"batch_input_shape\": [null, \($0)], \"dtype\": \"float32\"" } ?? ""
        return """
            {"class_name": "Dense", "config": {"name": "dense_\(units)", "units": \(units), "activation": "\(activation)", "use_bias": true\(shape)}}
            """
    }

    private func train(_ layers: String, _ data: String, loss: String, _ more: [String] = []) throws -> Tool.Result {
        let output = try Fixtures.temporaryFolder().appendingPathComponent("out.h5").path
        return try Tool.run(
            ["train", network(layers), data, "--loss", loss, "--optimizer", "sgd", "--learning-rate", "0.001", "--output", output] + more, environment: home)
    }

    @Test("texts as sequences for an Embedding, as rows for anything else; tables; pictures")
    func trains() throws {
        let embedding = """
            {"class_name": "Embedding", "config": {"name": "embedding", "batch_input_shape": [null, 6], "dtype": "float32", "input_dim": 40, "output_dim": 3, \
            "input_length": 6}}, {"class_name": "Flatten", "config": {"name": "flatten"}}, \(dense(1, "sigmoid"))
            """
        let flat = "{\"class_name\": \"Flatten\", \"config\": {\"name\": \"flatten\", \"batch_input_shape\": [null, 28, 28], \"dtype\": \"float32\"}}, \(dense(10, "softmax"))"
        for (layers, data, loss) in [
            (embedding, "imdb", "binary_crossentropy"), (dense(46, "softmax", inputs: 25), "reuters", "sparse_categorical_crossentropy"),
            (dense(1, "linear", inputs: 13), "boston_housing", "mse"), (dense(1, "linear", inputs: 8), "california_housing", "mse"),
            (flat, "mnist", "sparse_categorical_crossentropy"), (flat, "fashion_mnist", "sparse_categorical_crossentropy"),
        ] {
            let result = try train(layers, data, loss: loss, ["--no-download"])
            #expect(result.status == 0, "\(data): \(result.errors)")
        }
        // Another length than the model's is told.
        let result = try train(embedding, "imdb", loss: "binary_crossentropy", ["--sequence-length", "5"])
        #expect(result.status == 67, "\(result.errors)")
    }

    @Test("what is absent is named, with the file that is expected")
    func absent() throws {
        let empty = try Fixtures.temporaryFolder().path
        for more in [["--no-download"], []] {
            let trained = try Tool.run(
                ["train", "digits/cnn.json", "mnist", "--loss", "sparse_categorical_crossentropy", "--output", empty + "/out.h5"] + more,
                environment: ["KERAS_HOME": empty, "https_proxy": "http://127.0.0.1:1"])
            #expect(trained.status == 66, "\(trained.errors)")
            #expect(trained.errors.contains(empty + "/datasets/mnist.npz") && trained.errors.contains("/mnist.npz and put it there"), "\(trained.errors)")
        }
    }
}
