import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Models are written in tf.keras's words, and say the same when they are read again. Genuine tf-keras 2.21 has loaded what
/// this writes of the same files.
@Suite struct TfKerasTests {
    static let genuine: [String] = [
        "tf-keras-2.21.0/embedding_bidirectional/whole.keras", "tf-keras-2.21.0/encoder_decoder/whole.keras",
        "tf-keras-2.21.0/multi_head_attention/whole.keras", "tf-keras-2.21.0/nested_one_frozen/whole.keras",
        "tf-keras-2.21.0/ops_nodes/whole.keras", "tf.keras-2.4.0/gru_default/whole.h5", "tf.keras-2.4.0/ops_nodes/whole.h5",
    ]

    static func spec(_ file: String) throws -> ModelSpec {
        try #require(try KerasFile.read(Fixtures.path("zoo/" + file)).spec)
    }

    @Test(arguments: genuine)
    func genuineModelsComeOutTheSame(_ file: String) throws {
        let spec = try Self.spec(file)
        #expect(spec.provenance?.dialect == .tfKeras)
        var notes: [UpgradeNote] = []
        let unchanged = try KerasWriter.document(of: spec, for: .tfKeras, &notes)
        #expect(ConfigValue.object(unchanged) == spec.provenance?.document, "as it was read")

        var alone = spec
        alone.provenance = nil
        for usesSources in [true, false] {
            let written = try KerasWriter.toJSON(alone, for: .tfKeras, usesSources: usesSources, &notes)
            let again = try ArchitectureReader.spec(from: .object(written))
            #expect(again.provenance?.dialect == .tfKeras)
            #expect(again.says(the: spec), "uses sources: \(usesSources)")
        }
        #expect(notes.isEmpty)
    }

    /// Layers of Keras 2.3 keep their meaning in tf.keras; only what tf.keras can't say differs: Keras 2.3's own variance rule.
    @Test(arguments: Keras2Tests.architectures)
    func olderModelsKeepTheirMeaning(_ fixture: String) throws {
        let text = String(decoding: try InputFile.readBytes(Fixtures.path(fixture)), as: UTF8.self)
        let spec = try ArchitectureReader.spec(from: try JSON.parse(text))
        var notes: [UpgradeNote] = []
        let written: ConfigObject
        do throws(LocatedError) { written = try KerasWriter.toJSON(spec, for: .tfKeras, &notes) } catch {
            return #expect(
                error.code == "architecture.inexpressible" && (text.contains("\"Highway\"") || text.contains("\"MaxoutDense\"")), "\(error)")
        }
        let again = try ArchitectureReader.spec(from: .object(written))
        #expect(again.provenance?.dialect == .tfKeras)
        #expect(again.kind == spec.kind && again.name == spec.name)
        #expect(again.layers.map(\.name) == spec.layers.map(\.name))
        #expect(again.layers.map(\.className) == spec.layers.map(\.className))
        #expect(again.layers.map(\.calls) == spec.layers.map(\.calls))
        #expect(again.inputs == spec.inputs && again.outputs == spec.outputs)
        #expect(again.layers.map(Self.meaning) == spec.layers.map(Self.meaning))
        // Within wrappers, too, only the variance rule is worth a note, and zeros in masked steps.
        #expect(notes.allSatisfy { $0.text.contains("masked steps") } || text.contains("\"BatchNormalization\""))
    }

    /// Settings without what each generation adds of its own, within wrappers too.
    static func meaning(_ layer: LayerSpec) -> ConfigObject { meaning(layer.config) }

    private static func meaning(_ config: ConfigObject) -> ConfigObject {
        var config = config
        for key in [LegacyName.kept, LegacyName.varianceRule] { config.removeValue(forKey: key) }
        return config.mapValues(meaning)
    }

    private static func meaning(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .object(let object): .object(meaning(object))
        case .array(let items): .array(items.map(meaning))
        default: value
        }
    }

    @Test func hardSigmoidIsTheOldOne() throws {
        var layer = LayerSpec(className: "Activation", name: "a", config: ["name": "a", "activation": .string(LegacyName.hardSigmoid)])
        var spec = ModelSpec(kind: .sequential, name: "m", layers: [layer])
        var notes: [UpgradeNote] = []
        let text = try KerasWriter.architecture(spec, for: .tfKeras, &notes)
        #expect(text.contains("\"activation\": \"hard_sigmoid\""))

        // Alone, Keras 3's can be said by other layers; within a layer it can't.
        layer.config["activation"] = "hard_sigmoid"
        spec.layers = [layer]
        #expect(!(try KerasWriter.architecture(spec, for: .tfKeras, &notes)).contains("\"hard_sigmoid\""))
        spec.layers = [
            LayerSpec(
                className: "LSTM", name: "l", config: ["name": "l", "units": 2, "recurrent_activation": "hard_sigmoid"])
        ]
        #expect { _ = try KerasWriter.architecture(spec, for: .tfKeras, &notes) } throws: { error in
            (error as? LocatedError)?.code == "architecture.inexpressible"
        }
    }

    @Test func refusalsNameAllLayers() throws {
        let inner = ModelSpec(
            kind: .sequential, name: "inner",
            layers: [LayerSpec(className: "RMSNormalization", name: "deep", config: ["name": "deep"])])
        let spec = ModelSpec(
            kind: .sequential, name: "m",
            layers: [
                LayerSpec(className: "Dense", name: "new", config: ["name": "new", "units": 1, "activation": "celu"]),
                LayerSpec(className: "Mine", name: "own", config: ["name": "own", "what": 1]),
                LayerSpec(className: "Highway", name: "old", config: ["name": "old"]),
                LayerSpec(className: "Sequential", name: "inner", model: inner),
            ])
        var notes: [UpgradeNote] = []
        do throws(LocatedError) {
            _ = try KerasWriter.architecture(spec, for: .tfKeras, &notes)
            Issue.record("expected a refusal")
        } catch {
            #expect(error.category == .unsupported)
            #expect(
                error.message
                    == "expected what tf.keras can say, got new: activation celu; old: class Highway; inner/deep: class RMSNormalization"
            )
        }
    }

    @Test func archivesNameTheModule() throws {
        var spec = try Self.spec("tf-keras-2.21.0/ops_nodes/whole.keras")
        spec.provenance = nil
        var notes: [UpgradeNote] = []
        let config = try TfKerasDialect.archiveConfig(of: spec, for: .tfKeras, &notes)
        #expect(config["module"] != nil && config["registered_name"] == "Functional")
        #expect(try ArchitectureReader.spec(from: .object(config)).says(the: spec))
    }
}
