import KerasSpec
import Tensors
import Testing

@testable import KerasFormat

/// Files for versions of tf.keras before tf-keras 2.21.
@Suite struct TfKerasVersionTests {
    private func written(_ layer: LayerSpec, for target: KerasTarget) throws -> ConfigObject {
        var notes: [UpgradeNote] = []
        let input = LayerSpec(
            className: "InputLayer", name: "x",
            config: ["batch_shape": [nil, 4, 4], "dtype": "float32", "sparse": false, "ragged": false, "name": "x", "optional": false],
            calls: [LayerCall()])
        let spec = ModelSpec(kind: .sequential, name: "m", layers: [input, layer])
        return try TfKerasDialect.write(spec, for: target, usesSources: false, &notes)
    }

    private func layer(_ className: String, _ own: ConfigObject) -> LayerSpec {
        var config: ConfigObject = ["name": "a", "trainable": true, "dtype": "float32"]
        for (key, value) in own { config[key] = value }
        return LayerSpec(className: className, name: "a", config: config)
    }

    @Test(arguments: ["tf-keras", "tf-keras-2.13", "tf-keras-2.4"])
    func whatSaysNothingIsLeftOut(_ name: String) throws {
        let target = try #require(KerasTarget(name: name))
        let document = JSON.text(.object(try written(layer("GlobalMaxPooling1D", ["data_format": "channels_last", "keepdims": false]), for: target)))
        #expect(!document.contains("optional") && !document.contains("keepdims"))
        #expect(document.contains("batch_input_shape") && document.contains("GlobalMaxPooling1D"))
    }

    @Test func whatAnOlderVersionLacksIsRefused() throws {
        let kept = layer("GlobalMaxPooling1D", ["data_format": "channels_last", "keepdims": true])
        #expect(JSON.text(.object(try written(kept, for: .tfKeras))).contains("keepdims"))
        let old = try #require(KerasTarget(name: "tf-keras-2.4"))
        let key = try #require(throws: LocatedError.self) { try written(kept, for: old) }
        #expect(key.message.contains("tf.keras 2.4") && key.message.contains("a: keepdims true"))
        let rescaling = layer("Rescaling", ["scale": 2.0, "offset": 0.0])
        _ = try written(rescaling, for: .tfKeras)
        let missing = try #require(throws: LocatedError.self) { try written(rescaling, for: old) }
        #expect(missing.message.contains("a: class Rescaling"))
    }

    @Test func attentionTellsItsShapes() throws {
        var attention = layer("MultiHeadAttention", ["num_heads": 2, "key_dim": 3])
        attention.source = SourceNode(
            dialect: .keras3, json: ["build_config": ["shapes_dict": ["query_shape": [nil, 5, 4], "value_shape": [nil, 7, 4]]]], upgraded: [:])
        let text = JSON.text(.object(try written(attention, for: .tfKeras)))
        #expect(text.contains(#""query_shape": [null, 5, 4]"#) && text.contains(#""key_shape": [null, 7, 4]"#), "\(text)")
        // Before 2.13 there are no such words; a file that has none isn't taken as it stands by those that want them.
        let old = JSON.text(.object(try written(attention, for: try #require(KerasTarget(name: "tf-keras-2.4")))))
        #expect(old.contains("MultiHeadAttention") && !old.contains("_shape\": [null, 5"))
    }

    @Test func namesOfTargets() {
        #expect(KerasTarget(name: "tf-keras-2.21") == .tfKeras && KerasTarget(name: "tf-keras-2.13")?.version == "2.13.1")
        #expect(KerasTarget(name: "tf-keras-2.4")?.description == "tf-keras-2.4" && KerasTarget.tfKeras.description == "tf-keras")
        for name in ["tf-keras-2.3", "tf-keras-2.22", "tf-keras-2.04", "tf-keras-2.", "tf-keras-3.1", "keras-3.16"] {
            #expect(KerasTarget(name: name) == nil, "\(name)")
        }
    }

    @Test func archivesAreRefusedBefore213() throws {
        let old = try #require(KerasTarget(name: "tf-keras-2.12"))
        #expect(throws: LocatedError.self) { try KerasWriter.requireObjects(old) }
        try KerasWriter.requireObjects(try #require(KerasTarget(name: "tf-keras-2.13")))
    }
}
