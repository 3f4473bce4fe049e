import Foundation
import SwiftKeras
import TestSupport
import Testing

private let mini = Fixtures.path("samples/keras-2.3.1_tf1.15/mini1")
private let mini2 = Fixtures.path("samples/keras-2.3.1_tf1.15/mini2")

private let pictures = Tensor([Float](repeating: 1, count: 2 * 8 * 8 * 3), shape: [2, 8, 8, 3])
private let classes = Tensor((0..<20).map { $0 == 3 || $0 == 14 ? 1 : 0 } as [Float], shape: [2, 10])

@Suite("compare")
struct ModelComparisonTests {
    /// The sample's architecture with a text replaced, in a file of its own.
    private func changed(_ old: String, _ new: String, of folder: String = mini) throws -> String {
        let text = try String(contentsOfFile: "\(folder)/model.json", encoding: .utf8)
        let replaced = text.replacingOccurrences(of: old, with: new)
        #expect(replaced != text, "\(old) is not in the sample")
        let path = try Fixtures.temporaryFolder().appendingPathComponent("model.json").path
        try replaced.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test("the pair and the whole file of one model are equal", arguments: [mini, mini2])
    func pairAndWhole(folder: String) throws {
        let comparison = try ModelComparison(
            "\(folder)/model.json", "\(folder)/whole.h5", weightsA: "\(folder)/weights.h5")
        #expect(comparison.isEqual, "\(comparison.differences)")
        #expect(comparison.layersCompared > 5 && comparison.weightsCompared > 5)
        #expect(comparison.notes.contains { $0.contains("training settings") })
    }

    @Test("weights alone are compared with a model by its meaning, and with weights by name")
    func weightsAlone() throws {
        let withModel = try ModelComparison("\(mini)/whole.h5", "\(mini)/weights.h5")
        #expect(withModel.isEqual && withModel.weightsCompared == 6)
        let alone = try ModelComparison("\(mini)/weights.h5", "\(mini)/weights.h5")
        #expect(alone.isEqual && alone.weightsCompared == 6)
    }

    @Test(
        "spellings of one meaning are equal",
        arguments: [
            (#""class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": null}"#,
             #""class_name": "GlorotUniform", "config": {"seed": 7}"#),
            (#""kernel_regularizer": null"#, #""kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.0}}"#),
            (#""activation": "linear""#, #""activation": null"#),
            (#""strides": [1, 1]"#, #""strides": 1"#),
            (#""rate": 0.25"#, #""rate": 0.25000000000000001"#),
            (#""noise_shape": null, "#, ""),
        ])
    func spellings(old: String, new: String) throws {
        let other = try changed(old, new)
        let comparison = try ModelComparison("\(mini)/model.json", other)
        #expect(comparison.isEqual, "\(comparison.differences)")
    }

    @Test(
        "what differs is told, each in one line",
        arguments: [
            (#""units": 16"#, #""units": 17"#, "layer dense_1: units: 16 in A, 17 in B"),
            (#""rate": 0.25"#, #""rate": 0.5"#, "layer dropout_1: rate: 0.25 in A, 0.5 in B"),
            (#""name": "dense_1""#, #""name": "dense_9""#, "layer dense_1: name: dense_1 in A, dense_9 in B"),
            (#""activation": "softmax""#, #""activation": "sigmoid""#, #"activation: "softmax" in A, "sigmoid" in B"#),
            (#""activation": "relu""#, #""activation": "hard_sigmoid""#, #"in A, "legacy>hard_sigmoid" in B"#),
            (#""class_name": "Flatten", "config": {"#, #""class_name": "Permute", "config": {"dims": [3, 1, 2], "#, "class: Flatten in A, Permute in B"),
        ])
    func difference(old: String, new: String, line: String) throws {
        let comparison = try ModelComparison("\(mini)/model.json", try changed(old, new))
        #expect(!comparison.isEqual)
        #expect(comparison.differences.contains { $0.description.hasSuffix(line) }, "\(comparison.differences)")
    }

    @Test("other connections of a functional model are told")
    func connections() throws {
        let a = Input(shape: [4], name: "a")
        let left = try Dense(4, name: "left")(a)
        let right = try Dense(4, name: "right")(left)
        let one = try Model(inputs: [a], outputs: [Add(name: "sum")([left, right])], name: "m")
        let other = try Model(inputs: [a], outputs: [Add(name: "sum")([right, right])], name: "m")
        let folder = try Fixtures.temporaryFolder()
        let (x, y) = (folder.appendingPathComponent("a.json").path, folder.appendingPathComponent("b.json").path)
        try one.toJSON().write(to: x)
        try other.toJSON().write(to: y)
        let lines = try ModelComparison(x, y).differences.map(\.description)
        #expect(lines == ["connection sum: inputs: left, right in A, right, right in B"])
        #expect(try ModelComparison(x, x).isEqual)
    }

    @Test("values are compared exactly unless a tolerance allows more")
    func values() throws {
        let model = try Model(contentsOf: "\(mini)/model.json", weights: "\(mini)/weights.h5")
        let folder = try Fixtures.temporaryFolder()
        let path = folder.appendingPathComponent("other.h5").path
        try model.compile(loss: .categoricalCrossentropy, optimizer: SGD(learningRate: 1e-4))
        try model.fit(pictures, classes, epochs: 1, verbose: 0)
        try model.saveWeights(path)
        let exact = try ModelComparison("\(mini)/model.json", "\(mini)/model.json", weightsA: "\(mini)/weights.h5", weightsB: path)
        let line = try #require(exact.differences.first { $0.place == "dense_2/bias" })
        #expect(line.part == .weight && line.key == "values" && line.index?.count == 1)
        #expect((line.maxAbsoluteDifference ?? 0) > 0)
        #expect(line.description.hasPrefix("weight dense_2/bias: values: differ by up to "))
        let loose = try ModelComparison(
            "\(mini)/model.json", "\(mini)/model.json", weightsA: "\(mini)/weights.h5", weightsB: path,
            tolerance: ModelComparison.Tolerance(absolute: 0.1))
        #expect(loose.isEqual)
    }

    @Test("training settings and optimizer state")
    func training() throws {
        let folder = try Fixtures.temporaryFolder()
        func saved(_ name: String, _ optimizer: any Optimizer, epochs: Int) throws -> String {
            let model = try Model("\(mini)/whole.h5")
            try model.compile(loss: .categoricalCrossentropy, optimizer: optimizer)
            if epochs > 0 {
                try model.fit(
                    pictures, classes, epochs: epochs, verbose: 0)
            }
            let path = folder.appendingPathComponent(name).path
            try model.save(path)
            return path
        }
        let one = try saved("one.h5", RMSprop(learningRate: 0.001), epochs: 1)
        let two = try saved("two.h5", RMSprop(learningRate: 0.001), epochs: 2)
        let faster = try saved("faster.h5", RMSprop(learningRate: 0.01), epochs: 1)
        let fresh = try saved("fresh.h5", SGD(), epochs: 0)
        let steps = try ModelComparison(one, two).differences.map(\.description)
        #expect(steps.contains("optimizer: iterations: 1 in A, 2 in B"), "\(steps)")
        #expect(steps.contains { $0.hasPrefix("optimizer dense_2/bias/velocity: values: differ by up to ") }, "\(steps)")
        let rate = try ModelComparison(one, faster).differences.map(\.description)
        #expect(rate.contains { $0.hasPrefix("training: optimizer: learning_rate: ") }, "\(rate)")
        let kind = try ModelComparison(one, fresh).differences.map(\.description)
        #expect(kind.contains("training: optimizer: RMSprop in A, SGD in B"), "\(kind)")
        #expect(try ModelComparison(one, one).isEqual)
    }
}
