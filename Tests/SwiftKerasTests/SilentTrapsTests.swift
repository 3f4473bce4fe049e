import Datasets
import Foundation
import KerasSpec
import TestSupport
import Testing
import Training

@testable import KerasFormat
@testable import SwiftKeras

/// Files that load without a word and compute something else, unless one knows: one test a trap, each against what genuine Keras
/// 1.2.2, 2.3.1, tf-keras 2.21 and Keras 3.15.1 made of the same model (`fixtures/generate/make_traps.py`).
///
/// More of each: hard_sigmoid, reset_after, leaky_relu, nested index, Flatten in `Keras1TrapTests`; optimizers' rules in
/// `OptimizerTraceTests`, with `decay` and epsilon of every optimizer; losses and accuracies in `LossFixtureTests`; variances
/// in `NormalizationTests`; name lists longer than an attribute in `SoundFileTests`.
@Suite struct SilentTrapsTests {
    static let kerases = ["keras-1.2", "keras-2.3", "tf-keras-2.21", "keras-3.15"]

    struct Trap: Sendable, CustomTestStringConvertible {
        var keras: String
        var name: String
        var testDescription: String { "\(keras) \(name)" }

        init(_ keras: String, _ name: String) { (self.keras, self.name) = (keras, name) }

        var path: String { Fixtures.path("traps/\(keras)/\(name)" + (keras == "keras-3.15" ? ".keras" : ".h5")) }
        var model: Model { get throws { try Model(path) } }
        var spec: ModelSpec { get throws { try #require(try KerasFile.read(path).spec) } }

        func arrays(_ letter: Character) throws -> [Tensor] {
            let file = try NPZ(reading: Fixtures.path("traps/\(keras)/\(name).npz"))
            return try file.names.filter { $0.first == letter }.sorted().map { try file.tensor($0) }
        }

        func layer(_ className: String) throws -> ConfigObject {
            try #require(try spec.layers.first { $0.className == className }).config
        }
    }

    /// Every Keras with each of the names, but for those pairs that no Keras wrote.
    static func traps(_ names: String..., from kerases: [String] = kerases) -> [Trap] {
        kerases.flatMap { keras in names.map { Trap(keras, $0) } }
    }

    private static func close(_ a: Tensor, _ b: Tensor, _ tolerance: Double) throws -> Bool {
        try a.shape == b.shape
            && Comparison(name: "", got: a, expected: b, relativeTolerance: tolerance, absoluteTolerance: tolerance).passed
    }

    /// Holds predictions against genuine ones.
    private func predicts(_ trap: Trap) throws {
        let outputs = try trap.model.predict(try trap.arrays("x"))
        let expected = try trap.arrays("y")
        #expect(outputs.count == expected.count)
        for (output, genuine) in zip(outputs, expected) { #expect(try Self.close(output, genuine, 1e-5), "\(trap)") }
    }

    /// Trains as genuine Keras did, and holds the weights and what `evaluate` gives against its.
    private func trains(_ trap: Trap, steps: Int, tolerance: Double = 1e-5) throws {
        let model = try trap.model
        let (x, t, expected) = (try trap.arrays("x"), try trap.arrays("t"), try trap.arrays("v"))
        try model.fit(x, t, batchSize: x[0].shape[0], epochs: steps, verbose: 0, shuffle: false)
        let own = try model.weights().tensors
        for genuine in expected {
            #expect(try own.contains { try Self.close($0, genuine, tolerance) }, "\(trap): no weight is \(genuine.shape) as genuine")
        }
        let genuine = try #require(try trap.arrays("e").first).asType(.float64).array(as: Double.self)
        let measured = Array(try model.evaluation(x, t, batchSize: x[0].shape[0]).values)
        #expect(measured.count == genuine.count, "\(trap): \(measured) \(genuine)")
        for (a, b) in zip(measured, genuine) { #expect(abs(a - b) <= 1e-5 + 1e-5 * abs(b), "\(trap): \(measured), genuine \(genuine)") }
    }

    // MARK: - What layers compute

    @Test("hard_sigmoid's two meanings", arguments: traps("hard_sigmoid"))
    func hardSigmoid(_ trap: Trap) throws {
        try predicts(trap)
        let activation = try trap.layer("Activation")["activation"]
        #expect(activation == (trap.keras == "keras-3.15" ? "hard_sigmoid" : .string(LegacyName.hardSigmoid)))
    }

    /// It is what gates take where a file of Keras before 2.3 says nothing; later ones take sigmoid.
    @Test("hard_sigmoid as the eras' default of gates", arguments: traps("hard_sigmoid_lstm", "hard_sigmoid_gru"))
    func hardSigmoidDefaults(_ trap: Trap) throws {
        try predicts(trap)
        let layer = try trap.layer(trap.name.hasSuffix("gru") ? "GRU" : "LSTM")
        #expect(layer["recurrent_activation"] == (trap.keras == "keras-1.2" ? .string(LegacyName.hardSigmoid) : "sigmoid"))
    }

    @Test(
        "reset_after: off by default in standalone Keras, on since",
        arguments: traps("reset_after") + traps("reset_after_other", from: Array(kerases.dropFirst())))
    func resetAfter(_ trap: Trap) throws {
        try predicts(trap)
        let isStandalone = trap.keras == "keras-1.2" || trap.keras == "keras-2.3"
        #expect(try trap.layer("GRU")["reset_after"] == .bool(isStandalone == (trap.name == "reset_after_other")))
    }

    @Test(
        "leaky_relu slopes: the layer's is 0.3, the activation's 0.2",
        arguments: traps("leaky_relu") + traps("leaky_relu_activation", from: ["tf-keras-2.21", "keras-3.15"]))
    func leakyReluSlopes(_ trap: Trap) throws {
        try predicts(trap)
        guard trap.name == "leaky_relu" else { return }
        #expect(try abs((trap.layer("LeakyReLU")["negative_slope"]?.number ?? 0) - 0.3) < 1e-6)
    }

    /// Keras 1 flattens as arrays stand: `Keras1TrapTests`.
    @Test(
        "channels_first Flatten→Dense: channels are put last before",
        arguments: traps("channels_first_flatten", from: Array(kerases.dropFirst())))
    func channelsFirstFlatten(_ trap: Trap) throws { try predicts(trap) }

    /// Calls of a nested model are counted from 1 where it was called when it was built: a shift exchanges the two outputs.
    @Test("nested node index", arguments: traps("nested_node"))
    func nestedNodeIndex(_ trap: Trap) throws {
        try predicts(trap)
        let inner = try #require(try trap.spec.layers.first { $0.model != nil })
        #expect(inner.calls.map { $0.arguments.flatMap(\.tensors).map(\.layer) } == [["a"], ["b"]])
    }

    // MARK: - How weights are kept

    @Test("order from name lists, never from links' order", arguments: traps("order"))
    func orderFromNameLists(_ trap: Trap) throws { try predicts(trap) }

    /// tf-keras can't save such a model.
    @Test("duplicate weight names", arguments: traps("duplicate_names", from: kerases.filter { $0 != "tf-keras-2.21" }))
    func duplicateWeightNames(_ trap: Trap) throws {
        try predicts(trap)
        // And again when they are written: names may not meet.
        for target in [KerasTarget(.keras2), KerasTarget(.tfKeras), KerasTarget(.keras3)] {
            let folder = try Fixtures.temporaryFolder()
            let path = folder.appendingPathComponent("a.h5").path
            _ = try ModelConversion(input: trap.path, weights: nil, output: path, weightsOutput: nil, target: target).run()
            let own = try Model(path).predict(try trap.arrays("x"))[0]
            #expect(try Self.close(own, try trap.arrays("y")[0], 1e-5), "\(target)")
        }
    }

    // MARK: - How models are trained

    /// lr / (1 + decay · step). Keras 2.3.1 reads the step in a race with its increment: the file says, `fit` can't be compared.
    @Test("optimizer decay", arguments: traps("decay", from: ["keras-1.2", "tf-keras-2.21"]))
    func optimizerDecay(_ trap: Trap) throws { try trains(trap, steps: 3) }

    /// Gradients of 1e-8: epsilon decides. Standalone Keras adds it to the root, later RMSprop adds it below; 1e-8 in Keras 1, else
    /// 1e-7. Keras 2.3.1's Adam reads its step in a race.
    @Test(
        "epsilon defaults, and where epsilon stands",
        arguments: traps("epsilon_rmsprop", "epsilon_adagrad") + traps("epsilon_adam", from: kerases.filter { $0 != "keras-2.3" }))
    func epsilon(_ trap: Trap) throws { try trains(trap, steps: 3, tolerance: 2e-5) }

    /// Keras 1.2.2 itself trains to NaN here (`OptimizerTraceTests` and `Keras1TrapTests` tell its rule). Of the batch as it is (Keras 1, Keras 3; tf-keras for vectors), unbiased (2.3), unbiased where the fused kernel runs (tf-keras
    /// for pictures).
    @Test("batch normalization's variance rules", arguments: traps("variance_2d", "variance_4d", from: Array(kerases.dropFirst())))
    func varianceRules(_ trap: Trap) throws { try trains(trap, steps: 2) }

    @Test("accuracy by output shape", arguments: traps("accuracy_binary", "accuracy_categorical", "accuracy_sparse"))
    func accuracyByShape(_ trap: Trap) throws { try trains(trap, steps: 1) }

    /// Negative as a loss everywhere; the metric of that name is positive from Keras 2 on; Keras 1 takes means, not sums.
    @Test("cosine_proximity's sign", arguments: traps("cosine_proximity"))
    func cosineProximity(_ trap: Trap) throws { try trains(trap, steps: 1) }

    @Test(
        "an activity regularizer's share: of the batch's sum, or of its mean over samples",
        arguments: traps("activity_regularizer"))
    func activityRegularizer(_ trap: Trap) throws { try trains(trap, steps: 2) }

    /// Keras 3.0.5, the one older at hand, doesn't write the setting, so that no file of its own can show this.
    @Test func activityRegularizersShareInKeras3() {
        let isMean = ["3.0.5", "3.9.0", "3.13.2", "3.14.0", "3.15.1", nil].map(TrainingGeneration.keras3.averagesActivity)
        #expect(isMean == [false, false, false, true, true, true])
    }

    /// More of it: `LookupTraceTests`.
    @Test("rows that are looked up twice in a batch", arguments: traps("lookups"))
    func lookups(_ trap: Trap) throws { try trains(trap, steps: 3) }

    /// tf.keras and Keras 2.3 do as the call says; in Keras 3 the model's own flag wins.
    @Test("training=False of a call", arguments: traps("training_said", from: Array(kerases.dropFirst())))
    func trainingSaid(_ trap: Trap) throws { try trains(trap, steps: 2) }

    @Test("training=True of a call", arguments: traps("inference_said", from: Array(kerases.dropFirst())))
    func inferenceSaid(_ trap: Trap) throws {
        try predicts(trap)
        var notes: [UpgradeNote] = []
        _ = try KerasWriter.architecture(trap.spec, for: .keras3, &notes)
        #expect(notes.contains { $0.text.contains("override that") } == (trap.keras != "keras-3.15"), "\(notes)")
    }
}
