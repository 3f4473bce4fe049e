import Datasets
import Foundation
@testable import KerasFormat
import KerasSpec
import Layers
@testable import SwiftKeras
import Tensors
import TestSupport
import Testing

/// mean + exp(log_variance / 2) · noise, as the Python class of `fixtures/generate/make_models.py` has it.
private struct Sampling: CustomLayer {
    static let className = "Sampling"
    var common: LayerCommon

    init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) { self.common = common }

    func encode(into config: inout ConfigObject) {}

    func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] { [] }

    func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
        [try inputs[0] + ops.exp(0.5 * inputs[1]) * inputs[2]]
    }
}

/// `fixtures/models`: small models of well-known kinds, trained by genuine Keras 3.15.1 and here.
@Suite struct GenuineModelTests {
    private struct Example {
        let folder: String

        func model(_ file: String) throws -> Model {
            try Model(
                contentsOf: Fixtures.path("models/\(folder)/\(file).keras"), customObjects: ["models>Sampling": .layer(Sampling.self)])
        }

        func arrays(_ letter: Character) throws -> [Tensor] {
            let npz = try NPZ(reading: Fixtures.path("models/\(folder)/data.npz"))
            return try npz.names.filter { $0.first == letter && $0.dropFirst().allSatisfy(\.isNumber) }.sorted().map {
                try npz.tensor($0)
            }
        }

        func loss(_ name: String) throws -> Tensor { try NPZ(reading: Fixtures.path("models/\(folder)/data.npz")).tensor(name) }
    }

    private func expect(_ got: [Tensor], _ expected: [Tensor], within tolerance: Double, _ what: String) {
        #expect(got.count == expected.count && !expected.isEmpty)
        for (index, (a, b)) in zip(got, expected).enumerated() {
            let (error, note) = departure(of: a, from: b)
            #expect(error <= tolerance, "\(what) \(index): \(error) \(note)")
        }
    }

    /// The weights of both, held against each other by name; an error is in parts of `change`, the largest that training made.
    private func expectWeights(
        of model: Model, _ genuine: Model, from start: Model, within tolerance: Double, _ what: String
    ) throws {
        let (ours, theirs, before) = (try model.weights(), try genuine.weights(), try start.weights())
        let paths = ours.table.slots.map(\.path)
        #expect(paths == theirs.table.slots.map(\.path))
        var change = 0.0
        for (a, b) in zip(theirs.tensors, before.tensors) { change = max(change, difference(a, b)) }
        #expect(change > 0)
        for (path, (a, b)) in zip(paths, zip(ours.tensors, theirs.tensors)) {
            let error = difference(a, b) / change
            #expect(error <= tolerance, "\(what) \(path): \(error) of the largest change")
        }
    }

    private func difference(_ a: Tensor, _ b: Tensor) -> Double {
        zip(a.floats, b.floats).map { abs(Double($0) - Double($1)) }.max() ?? 0
    }

    private func fit(_ model: Model, _ example: Example, steps: Int) throws -> [Tensor] {
        let (x, y) = (try example.arrays("x"), try example.arrays("y"))
        let history = try model.fit(x, y, batchSize: x[0].shape[0], epochs: steps, verbose: 0, shuffle: false)
        let losses = try #require(history.history["loss"]).map { Float($0) }
        return [Tensor(losses, shape: [losses.count])]
    }

    static let names = ["transformer", "transformer_adam", "unet", "siamese", "vae"]

    @Test(arguments: names) func predictions(_ name: String) throws {
        let example = Example(folder: name)
        expect(try example.model("sgd").predict(try example.arrays("x")), try example.arrays("p"), within: 1e-5, "prediction")
        expect(try example.model("ten").predict(try example.arrays("x")), try example.arrays("q"), within: 1e-5, "trained prediction")
    }

    /// One step of SGD: the change of each weight is its gradient.
    @Test(arguments: names) func gradients(_ name: String) throws {
        let example = Example(folder: name)
        let model = try example.model("sgd")
        expect(try fit(model, example, steps: 1), [try example.loss("loss1")], within: 1e-5, "loss")
        try expectWeights(of: model, try example.model("one"), from: try example.model("sgd"), within: 1e-4, "weights after one step")
    }

    @Test(arguments: names) func tenSteps(_ name: String) throws {
        let example = Example(folder: name)
        let model = try example.model("start")
        expect(try fit(model, example, steps: 10), [try example.loss("loss")], within: 2e-5, "loss")
        try expectWeights(of: model, try example.model("ten"), from: try example.model("start"), within: 1e-3, "weights after ten steps")
        expect(try model.predict(try example.arrays("x")), try example.arrays("q"), within: 2e-4, "prediction")
    }

    /// What genuine Keras wrote is written again and read again, with the same predictions.
    @Test(arguments: names) func written(_ name: String) throws {
        let example = Example(folder: name)
        let path = try Fixtures.temporaryFolder().path + "/\(name).keras"
        try example.model("ten").save(path)
        let again = try Model(contentsOf: path, customObjects: ["models>Sampling": .layer(Sampling.self)])
        expect(try again.predict(try example.arrays("x")), try example.arrays("q"), within: 1e-5, "prediction")
    }

    /// Keras 2.3.1: a mask of steps goes past Softmax layers to an LSTM.
    @Test func keras2HandsMasksPastSoftmax() throws {
        let model = try Model(contentsOf: Fixtures.path("models/keras2_softmax/model.h5"))
        let npz = try NPZ(reading: Fixtures.path("models/keras2_softmax/data.npz"))
        expect(try model.predict([try npz.tensor("x")]), [try npz.tensor("y")], within: 1e-5, "prediction")
    }

    /// `CtcLoss` of Keras 3.0 to 3.2 is `CTCLoss` of later ones: read, and written by the target's name for it.
    @Test(arguments: ["3.0.5", "3.15.1"]) func nodesOfCTC(_ version: String) throws {
        let example = Example(folder: "ctc_node")
        let model = try example.model(version)
        expect(try model.predict(try example.arrays("x")), [try example.loss("y")], within: 1e-5, "loss")
        for (target, name) in [("3.0.5", "CtcLoss"), ("3.15.1", "CTCLoss")] {
            var notes: [UpgradeNote] = []
            let document = try Keras3Dialect.write(model.spec, for: KerasTarget(.keras3, version: target), usesSources: true, &notes)
            let classes = try #require(document["config"]?.object?["layers"]?.array).compactMap { $0.object?["class_name"]?.string }
            #expect(classes.last == name, "\(version) to \(target)")
        }
    }

    /// What layers do with masks is their generation's: `fixtures/generate/make_masks.py`.
    @Test(arguments: ["2.2.4", "2.3.1", "2.4.0", "2.15.0", "3.0.5", "3.15.1"]) func masksOfGenerations(_ version: String) throws {
        let model = try Model(contentsOf: Fixtures.path("models/masks/\(version)\(version.hasPrefix("3") ? ".keras" : ".h5")"))
        let npz = try NPZ(reading: Fixtures.path("models/masks/\(version).npz"))
        let expected = try (0..<npz.names.count - 1).map { try npz.tensor("y\($0)") }
        expect(try model.predict([try npz.tensor("x")]), expected, within: 1e-5, "output")
    }

    /// Attention that was causal by itself is told so with its call, and written for tf.keras 2.4 as that had it.
    @Test func causalAttentionIsToldByItsCall() throws {
        let spec = try Model(contentsOf: Fixtures.path("models/masks/2.4.0.h5")).spec
        let attention = try #require(spec.layers.first { $0.className == "Attention" })
        #expect(attention.config["causal"] == nil && attention.calls[0].keywords["use_causal_mask"] == .constant(true))
        var edited = spec
        edited.name = "another"
        for (version, isOwn) in [("2.4.0", true), ("2.15.0", false)] {
            var notes: [UpgradeNote] = []
            edited.layers = spec.layers.map { layer in
                var layer = layer
                layer.source = nil
                return layer
            }
            let document = try KerasWriter.document(of: causal(edited), for: KerasTarget(.tfKeras, version: version), usesSources: false, &notes)
            let layers = try #require(document["config"]?.object?["layers"]?.array)
            let written = try #require(layers.first { $0.object?["class_name"] == "Attention" }?.object)
            #expect((written["config"]?.object?["causal"] == true) == isOwn)
            #expect(JSON.text(written["inbound_nodes"] ?? .null).contains("use_causal_mask") == !isOwn)
        }
    }

    /// The attention of a model alone.
    private func causal(_ spec: ModelSpec) -> ModelSpec {
        var alone = spec
        let kept: Set<String> = ["InputLayer", "Embedding", "Attention"]
        alone.layers = spec.layers.filter { kept.contains($0.className) }
        alone.outputs = .tensor(TensorReference(layer: alone.layers.last?.name ?? ""))
        return alone
    }

    /// Policies of layers within a layer: all is computed in float32, and written as it was read.
    @Test func policiesByPath() throws {
        let model = try Model(contentsOf: Fixtures.path("models/dtype_policies/mapped.keras"))
        let npz = try NPZ(reading: Fixtures.path("models/dtype_policies/mapped.npz"))
        // bfloat16 has eight bits.
        expect(try model.predict([try npz.tensor("x")]), [try npz.tensor("y")], within: 1e-2, "prediction")
        let attention = try #require(model.spec.layers.first { $0.className == "MultiHeadAttention" })
        let policies = try #require(DTypePolicyMap(attention.config["dtype"]))
        #expect(policies.fallback == "float32" && policies.names == ["attention/query": "mixed_bfloat16"])
        let layer = try LayerRegistry.builtIn.decode(attention)
        #expect(layer.config["dtype"] == attention.config["dtype"])
        var notes: [UpgradeNote] = []
        #expect(throws: LocatedError.self) { try KerasWriter.document(of: model.spec, for: KerasTarget(.keras3, version: "3.0.5"), &notes) }
    }

    /// Keras 3.15 can't open it either, and says of a layer in it that it has too many variables.
    @Test func quantizedAttentionIsRefusedWithTheTruth() throws {
        let error = #expect(throws: LocatedError.self) {
            try Model(contentsOf: Fixtures.path("models/dtype_policies/quantized_attention.keras"))
        }
        #expect(error?.code == "weights.mismatch" && error?.hint?.contains("before it is quantized") == true)
    }
}
