import Foundation
import KerasSpec
import TestSupport
import Testing

@testable import KerasFormat
@testable import SwiftKeras

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

    @Test("a model of Theano's is the same on TensorFlow but for a rule, which both tell", arguments: ["keras-1.2.2_theano_tf", "keras-2.3.1_theano"])
    func theano(source: String) throws {
        let genuine = Fixtures.path("zoo/\(source)/batchnorm/whole.h5")
        let folder = try Fixtures.temporaryFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let written = folder.appendingPathComponent("whole.h5").path
        let notes = try ModelConversion(input: genuine, weights: nil, output: written, weightsOutput: nil, backend: "theano").run()
        #expect(notes.contains { $0.contains("by TensorFlow's rule") }, "\(notes)")
        let comparison = try ModelComparison(genuine, written, backendA: "theano")
        #expect(comparison.isEqual, "\(comparison.differences)")
        #expect(comparison.notes.contains { $0.contains("moving variance") }, "\(comparison.notes)")
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

    // MARK: - Axes, arrangements, classes of one's own

    @Test("axes counted from the end are those counted from the beginning", arguments: [4, 2])
    func axes(rank: Int) throws {
        let shape: [Int] = rank == 4 ? [6, 6, 2] : [5]
        let folder = try Fixtures.temporaryFolder()
        func saved(_ axis: Int, _ name: String) throws -> String {
            let input = Input(shape: shape, name: "i")
            let x = rank == 4 ? try Conv2D(3, (3, 3), name: "c")(input) : try Dense(3, name: "c")(input)
            let model = try Model(inputs: [input], outputs: [try BatchNormalization(axis: axis, name: "n")(x)], name: "m")
            let path = folder.appendingPathComponent(name).path
            try model.toJSON().write(to: path)
            return path
        }
        let (last, counted) = (try saved(-1, "a.json"), try saved(rank - 1, "b.json"))
        let text = try String(contentsOfFile: last, encoding: .utf8)
        #expect(text.contains(#""axis": -1"#))
        let comparison = try ModelComparison(last, counted)
        #expect(comparison.isEqual, "\(comparison.differences)")
        if rank == 4 {
            let other = try ModelComparison(last, try saved(1, "c.json"))
            #expect(other.differences.map(\.description).contains { $0.hasPrefix("layer n: axis: ") }, "\(other.differences)")
        }
    }

    /// The same weights in lists and in groups by objects; Keras 3.15's groups bear names, tf.keras 2.13's don't.
    @Test(
        "weights alone in different arrangements are compared by names, else by shapes",
        arguments: [("keras-3.15", "sequential"), ("keras-2.13", "sequential"), ("keras-3.0", "sequential"), ("keras-3.15", "functional")])
    func arrangements(keras: String, model: String) throws {
        let archive = Fixtures.path("formats/containers/\(keras)/\(model).keras")
        let stored = try KerasFile.read(archive)
        let spec = try #require(stored.spec)
        var weights = try WeightBinding.resolve(try #require(stored.weights), in: spec)
        let folder = try Fixtures.temporaryFolder()
        let (lists, objects) = (folder.appendingPathComponent("a.h5").path, folder.appendingPathComponent("b.weights.h5").path)
        try KerasWriter.writeWeights(weights, of: spec, for: KerasTarget(.tfKeras), to: lists)
        let version = keras == "keras-3.15" ? "3.15.1" : "3.0.5"
        try KerasWriter.writeObjectWeights(weights, of: spec, for: KerasTarget(.keras3, version: version), to: objects)
        let comparison = try ModelComparison(lists, objects)
        #expect(comparison.isEqual, "\(comparison.differences.prefix(5))")
        #expect(comparison.weightsCompared == weights.weights.count { $0.outline.role != .seed } )
        #expect(try ModelComparison(objects, lists).isEqual)
        #expect(comparison.notes.contains { $0.contains("paired by their arrays") } == (keras != "keras-3.15"), "\(comparison.notes)")
        // One number changed is found.
        let index = try #require(weights.weights.firstIndex { $0.outline.path.last == "bias" })
        let bias = try weights.weights[index].tensor.load()
        weights.weights[index].tensor = LazyTensor(Tensor(bias.array(as: Float.self).map { $0 + 1 }, shape: bias.shape))
        try KerasWriter.writeWeights(weights, of: spec, for: KerasTarget(.tfKeras), to: lists)
        let differences = try ModelComparison(lists, objects).differences
        #expect(differences.count == 1 && differences.first?.key == "values", "\(differences)")
    }

    @Test("weights alone that nothing tells apart are refused, and why")
    func ambiguous() throws {
        func stored(_ scheme: StoredWeights.Scheme, _ names: [String]) -> StoredWeights {
            StoredWeights(
                layers: names.map { StoredWeights.Layer(name: $0, weights: [StoredWeights.Weight(name: "0", tensor: LazyTensor(Tensor(zeros: [2])))]) },
                scheme: scheme)
        }
        let folder = try Fixtures.temporaryFolder()
        let (a, b) = (folder.appendingPathComponent("a.h5").path, folder.appendingPathComponent("b.weights.h5").path)
        try KerasWriter.writeWeights(stored(.layers, ["x", "y"]), for: KerasTarget(.keras2), to: a)
        try KerasWriter.writeObjectWeights(stored(.objects, ["layers/dense", "layers/embedding"]), for: KerasTarget(.keras3), to: b)
        let error = #expect(throws: LocatedError.self) { try ModelComparison(a, b) }
        #expect(error?.code == "compare.weights" && error?.category == .unsupported)
        #expect(error?.message.contains("x, y, layers/dense, layers/embedding") == true, "\(error?.message ?? "")")
    }

    private static let own = Fixtures.path("formats/wild/custom.h5")

    @Test("classes of one's own, Lambda and what is nested in a model are compared by what files say of them")
    func ownClasses() throws {
        #expect(try ModelComparison(Self.own, Self.own).isEqual)
        let folder = try Fixtures.temporaryFolder()
        let json = folder.appendingPathComponent("a.json").path
        _ = try ModelConversion(input: Self.own, weights: nil, output: json, weightsOutput: nil).run()
        let text = try String(contentsOfFile: json, encoding: .utf8)
        #expect(try ModelComparison(Self.own, json).isEqual)
        for (old, new, line) in [
            (#""by": 3.0"#, #""by": 4.0"#, "layer inner/own_within: by: 3.0 in A, 4.0 in B"),
            (#""units": 3"#, #""units": 4"#, "layer inner/within: units: 3 in A, 4 in B"),
            (#""function": ["4"#, #""function": ["5"#, "layer bytes: function: "),
            (#""class_name": "Scale""#, #""class_name": "Other""#, "layer inner/own_within: class: Scale in A, Other in B"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text, "\(old) isn't there")
            let path = folder.appendingPathComponent("b.json").path
            try changed.write(toFile: path, atomically: true, encoding: .utf8)
            let lines = try ModelComparison(Self.own, path).differences.map(\.description)
            #expect(lines.contains { $0.hasPrefix(line) }, "\(lines)")
        }
    }
}
