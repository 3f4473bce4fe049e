import Datasets
import Foundation
import TestSupport
import Tensors
import Testing

/// Against genuine Keras 3.15.1: `fixtures/imagenet`.
@Suite struct ImageNetTests {
    static let modules = """
        convnext densenet efficientnet efficientnet_v2 imagenet_utils inception_resnet_v2 inception_v3 mobilenet mobilenet_v2 \
        mobilenet_v3 nasnet resnet resnet50 resnet_v2 vgg16 vgg19 xception
        """.split(separator: " ").map(String.init)

    private let arrays: NPZ

    init() throws { arrays = try NPZ(reading: Fixtures.path("imagenet/imagenet.npz")) }

    private func distance(_ a: Tensor, _ b: Tensor) -> Float {
        a.shape == b.shape ? zip(a.floats, b.floats).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test(arguments: modules) func preprocessInput(_ module: String) throws {
        let x = try arrays.tensor("x")
        let mode = try ImageNet.Preprocessing(for: module)
        let expected = try arrays.tensor("module/\(module)")
        #expect(distance(try ImageNet.preprocessInput(x, mode), expected) < 1e-6)
        // One picture, and bytes.
        let one = try ImageNet.preprocessInput(x.rows(1..<2).reshaped(to: [2, 3, 3]).asType(.uint8), mode)
        #expect(distance(one, expected.rows(1..<2).reshaped(to: [2, 3, 3])) < 1e-6)
    }

    @Test(arguments: ["caffe", "tf", "torch"]) func channelsFirst(_ mode: String) throws {
        let x = try arrays.tensor("x").floats
        var first = [Float](repeating: 0, count: x.count)
        for sample in 0..<2 {
            for cell in 0..<6 {
                for channel in 0..<3 { first[(sample * 3 + channel) * 6 + cell] = x[(sample * 6 + cell) * 3 + channel] }
            }
        }
        let got = try ImageNet.preprocessInput(
            Tensor(first, shape: [2, 3, 2, 3]), try ImageNet.Preprocessing(for: mode), channelsFirst: true)
        #expect(distance(got, try arrays.tensor("first/\(mode)")) < 1e-6)
    }

    @Test(arguments: [
        ("ResNet50", ImageNet.Preprocessing.caffe), ("ResNet152V2", .tf), ("MobileNetV3Small", .none), ("DenseNet201", .torch),
        ("EfficientNetV2B3", .none), ("EfficientNetB7", .none), ("NASNetLarge", .tf), ("ConvNeXtXLarge", .none), ("VGG19", .caffe),
    ])
    func models(_ name: String, _ mode: ImageNet.Preprocessing) throws {
        #expect(try ImageNet.Preprocessing(for: name) == mode)
    }

    @Test(arguments: ["", "ResNet51", "resnet50v3", "mobilenetv4"]) func unknownNames(_ name: String) {
        let error = #expect(throws: LocatedError.self) { try ImageNet.Preprocessing(for: name) }
        #expect(error?.code == "preprocess.name")
    }

    @Test func decodePredictions() throws {
        let text = (0..<1000).map { "\"\($0)\": [\"n\($0)\", \"class \($0)\"]" }.joined(separator: ", ")
        let path = try Fixtures.temporaryFolder().appendingPathComponent("index.json").path
        try "{\(text)}".write(toFile: path, atomically: true, encoding: .utf8)
        let classes = try ImageNet.classes(at: path)
        let scores = try arrays.tensor("scores")
        let guesses = try ImageNet.decodePredictions(scores, top: 7, classes: classes)
        let best = try arrays.tensor("best").asType(.float32).floats.map { "n\(Int($0))" }
        #expect(guesses.flatMap { $0.map(\.id) } == best)
        #expect(guesses[1][0].score == scores.floats[1000...].max())
        #expect(throws: LocatedError.self) { try ImageNet.decodePredictions(Tensor(zeros: [2, 10]), classes: classes) }
    }

    @Test(arguments: ["[]", "{\"0\": [\"a\"]}", "{\"0\": [\"a\", \"b\"], \"2\": [\"c\", \"d\"]}", "no"])
    func brokenIndex(_ text: String) throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("index.json").path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: LocatedError.self) { try ImageNet.classes(at: path) }
        #expect(error?.code == "labels.imagenet")
    }
}
