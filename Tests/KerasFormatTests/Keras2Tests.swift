import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Genuine JSON of Keras 2.3.1 goes up to Keras 3's words and comes back the same.
@Suite struct Keras2Tests {
    // MARK: - Fixtures

    static func json(_ fixture: String) throws -> ConfigValue {
        try JSON.parse(InputFile.readBytes(Fixtures.path(fixture)))
    }

    static func object(_ fixture: String) throws -> ConfigObject { try #require(json(fixture).object) }

    /// Every architecture of Keras 2 under `fixtures/`.
    static let architectures: [String] = {
        let root = Fixtures.path("")
        let all = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
        return all.filter { path in
            path.hasSuffix("model.json") || path.hasSuffix("architecture.json") || path.hasPrefix("formats/keras2/graphs/")
        }
        .filter { path in !path.contains("broken") && !path.contains("keras-3") && !path.contains("tf") || path.hasPrefix("samples/keras-2.") }
        .filter { !$0.hasPrefix("layers1/") }
        .sorted()
    }()

    @Test func thereAreArchitectures() { #expect(Self.architectures.count >= 15) }

    @Test(arguments: architectures)
    func architecturesComeOutTheSame(_ fixture: String) throws {
        let text = String(decoding: try InputFile.readBytes(Fixtures.path(fixture)), as: UTF8.self)
        let spec = try ArchitectureReader.spec(from: try JSON.parse(text))
        #expect(spec.provenance?.dialect == .keras2)
        #expect(try keras2Text(spec) == text, "as it was read")

        guard spec.provenance?.kerasVersion == "2.3.1" else {
            // Older ones are written in 2.3.1's words, which mean the same.
            var upgraded = spec
            upgraded.provenance = nil
            let rewritten = try Self.downgraded(upgraded)
            #expect(rewritten["keras_version"] == "2.3.1")
            return #expect(try ArchitectureReader.spec(from: .object(rewritten)).says(the: spec))
        }
        // Without the document we are the writer, whose kernels are TensorFlow's.
        let ours = text.replacing("\"backend\": \"theano\"", with: "\"backend\": \"tensorflow\"")
        var fromSources = spec
        fromSources.provenance = nil
        #expect(try keras2Text(fromSources) == ours, "from each layer's source")

        let downgraded = try Self.downgraded(fromSources)
        #expect(JSON.text(.object(downgraded)) == ours, "downgraded without the source")
    }

    /// Written from the spec alone.
    static func downgraded(_ spec: ModelSpec) throws -> ConfigObject {
        var notes: [UpgradeNote] = []
        return try KerasWriter.toJSON(spec, for: KerasTarget(.keras2), usesSources: false, &notes)
    }

    // MARK: - Classes

    static let classes: ConfigObject = (try? object("formats/keras2/classes.json")) ?? [:]

    @Test func allClassesAreThere() {
        let written = Set(Self.classes.values.compactMap { $0.object?["class_name"]?.string })
        let missing = Set(ClassRule.all.keys).subtracting(written).subtracting(Self.innerClasses)
        #expect(missing.isEmpty, "classes without a genuine case: \(missing)")
    }

    /// Cells stand inside their layers.
    static let innerClasses: Set<String> = [
        "SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTM2DCell", "StackedRNNCells",
    ]

    @Test(arguments: classes.keys)
    func layersGoUpAndDownAgain(_ name: String) throws {
        let json = try #require(Self.classes[name]?.object)
        let className = try #require(json["class_name"]?.string)
        guard let rule = ClassRule.rule(for: className) else {
            #expect(ClassRule.keptClasses.contains(className))
            return
        }
        let config = try #require(json["config"]?.object)
        var (upgraded, shape) = try ConfigUpgrade.upgrade(config, by: rule, at: .root)
        ConfigUpgrade.keep(shape, in: &upgraded, by: rule)
        var refusals: [String] = []
        let downgraded = ConfigUpgrade.downgrade(upgraded, by: rule) { refusals.append($0) }
        #expect(refusals.isEmpty)
        #expect(JSON.text(.object(downgraded)) == JSON.text(.object(config)))
    }

    static let keras3Classes: ConfigObject = (try? object("formats/keras3/classes.json")) ?? [:]

    /// Genuine Keras 3.15 prints the same keys in the same order.
    @Test(arguments: keras3Classes.keys)
    func upgradedKeysAreKeras3s(_ className: String) throws {
        let expected = try #require(Self.keras3Classes[className]?.object).keys
        let rule = try #require(ClassRule.all[className])
        if Self.innerClasses.contains(className) { return #expect(rule.keras3 == Array(expected)) }
        let config = try #require(Self.classes[className]?.object?["config"]?.object)
        let upgraded = try ConfigUpgrade.upgrade(config, by: rule, at: .root).config
        #expect(upgraded.keys.filter { !$0.hasPrefix("legacy>") } == Array(expected))
    }

    @Test func settingsAreTranslated() throws {
        let dense = try upgraded("Dense_everything")
        #expect(dense["activation"] == "legacy>hard_sigmoid")
        #expect(dense["dtype"] == "float64")
        #expect(dense["trainable"] == false)
        #expect(
            dense["kernel_initializer"] == [
                "module": "keras.initializers", "class_name": "VarianceScaling",
                "config": ["seed": nil, "scale": 2.0, "mode": "fan_in", "distribution": "truncated_normal"],
                "registered_name": nil,
            ])
        #expect(
            dense["kernel_regularizer"] == [
                "module": "keras.regularizers", "class_name": "L1L2",
                "config": ["l1": 0.009999999776482582, "l2": 0.019999999552965164], "registered_name": nil,
            ])
        #expect(
            dense["kernel_constraint"] == [
                "module": "keras.constraints", "class_name": "MaxNorm", "config": ["max_value": 3, "axis": 0],
                "registered_name": nil,
            ])
        #expect(try upgraded("LeakyReLU")["negative_slope"] == 0.30000001192092896)
        #expect(try upgraded("BatchNormalization")[LegacyName.varianceRule] == "keras-2.3")
        #expect(try upgraded("GRU")["reset_after"] == false)
        #expect(try upgraded("ConvLSTM2D")["recurrent_activation"] == "legacy>hard_sigmoid")
        #expect(try upgraded("Conv2D")["groups"] == 1)
        #expect(try upgraded("LSTM")[LegacyName.kept] == ConfigValue?.none)
        #expect(try upgraded("LSTM_implementation_1")[LegacyName.kept] == ["implementation": 1])
        #expect(try upgraded("Embedding_input_length")[LegacyName.kept] == ["input_length": 7])
    }

    @Test func bidirectionalHoldsBothDirections() throws {
        let config = try upgraded("Bidirectional_backwards_sum")
        let forward = try #require(config["layer"]?.object?["config"]?.object)
        let backward = try #require(config["backward_layer"]?.object?["config"]?.object)
        #expect(forward["name"] == "forward_reader")
        #expect(backward["name"] == "backward_reader")
        #expect(forward["go_backwards"] == true)
        #expect(backward["go_backwards"] == false)
        #expect(forward["reset_after"] == false)
    }

    private func upgraded(_ name: String) throws -> ConfigObject {
        let json = try #require(Self.classes[name]?.object)
        let className = try #require(json["class_name"]?.string)
        let rule = try #require(ClassRule.rule(for: className))
        return try ConfigUpgrade.upgrade(try #require(json["config"]?.object), by: rule, at: .root).config
    }

    /// What older files of Keras 2 leave out means what Keras 2.3 takes it for.
    @Test func absentKeysMeanKeras2sDefaults() throws {
        let rule = try #require(ClassRule.all["GRU"])
        let config = try ConfigUpgrade.upgrade(["name": "g", "units": 3], by: rule, at: .root).config
        #expect(config["reset_after"] == false)
        #expect(config["trainable"] == true)
        #expect(config["dtype"] == "float32")
        // And Keras 3's when the spec leaves them out.
        var refusals: [String] = []
        let downgraded = ConfigUpgrade.downgrade(["name": "g", "units": 3], by: rule) { refusals.append($0) }
        #expect(downgraded["reset_after"] == true)
        #expect(refusals.isEmpty)
    }

    // MARK: - What Keras 2.3 can't say

    @Test(arguments: [
        ("Conv2D", "groups", 2, "groups 2"), ("Dense", "activation", "gelu", "activation gelu"),
        ("Dense", "activation", "hard_sigmoid", "activation hard_sigmoid"),
        ("LSTM", "zero_output_for_mask", true, "zero_output_for_mask true"),
        ("BatchNormalization", "renorm", true, "renorm true"), ("Dense", "lora_rank", 4, "lora_rank 4"),
        ("Dense", "dtype", "mixed_float16", "dtype policy"),
        (
            "Dense", "kernel_initializer",
            ["module": "keras.initializers", "class_name": "STFT", "config": [:], "registered_name": nil], "initializer STFT"
        ),
        (
            "Dense", "kernel_regularizer",
            ["module": "keras.regularizers", "class_name": "OrthogonalRegularizer", "config": [:], "registered_name": nil],
            "regularizer OrthogonalRegularizer"
        ),
    ] as [(String, String, ConfigValue, String)])
    func whatKeras2LacksIsRefused(_ className: String, _ key: String, _ value: ConfigValue, _ reason: String) throws {
        var config = try #require(Self.keras3Classes[className]?.object)
        config[key] = value
        config["name"] = "x"
        let spec = ModelSpec(
            kind: .sequential, name: "m", layers: [LayerSpec(className: className, name: "x", config: config)])
        let error = try #require(throws: LocatedError.self) { try keras2Text(spec) }
        #expect(error.code == "architecture.inexpressible")
        #expect(error.category == .unsupported)
        #expect(error.message.contains("x: \(reason)"), "\(error)")
    }

    /// Keras 3's own default configurations can be said in Keras 2.3's words, if the class exists there.
    @Test(arguments: keras3Classes.keys)
    func keras3sDefaultsCanBeSaid(_ className: String) throws {
        let rule = try #require(ClassRule.all[className])
        let config = try #require(Self.keras3Classes[className]?.object)
        var refusals: [String] = []
        let downgraded = ConfigUpgrade.downgrade(config, by: rule) { refusals.append($0) }
        #expect(refusals.isEmpty)
        #expect(!JSON.text(.object(downgraded)).contains("\"module\""))
        if !Self.innerClasses.contains(className), let genuine = Self.classes[className]?.object?["config"]?.object,
            Set(downgraded.keys) != Set(genuine.keys)
        {
            // Only where Keras 3 doesn't say what Keras 2.3 writes.
            #expect(className == "Bidirectional", "\(downgraded.keys) for \(genuine.keys)")
        }
    }

    @Test func allRefusedLayersAreNamed() throws {
        let spec = ModelSpec(
            kind: .sequential, name: "m",
            layers: [
                LayerSpec(className: "LayerNormalization", name: "a", config: ["name": "a"]),
                LayerSpec(className: "Activation", name: "b", config: ["name": "b", "activation": "silu"]),
                LayerSpec(
                    className: "Sequential", name: "inner",
                    model: ModelSpec(
                        kind: .sequential, name: "inner",
                        layers: [LayerSpec(className: "UnitNormalization", name: "c", config: ["name": "c"])])),
            ])
        let error = try #require(throws: LocatedError.self) { try keras2Text(spec) }
        #expect(
            error.message
                == "expected what Keras 2.3 can say, got a: class LayerNormalization; b: activation silu; inner/c: class UnitNormalization")
    }
}
