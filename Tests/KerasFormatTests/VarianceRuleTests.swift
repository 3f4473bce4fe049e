import KerasSpec
import Testing

@testable import KerasFormat

/// Which rule updates the moving variance of a standalone Keras, by version and backend.
@Suite struct VarianceRuleTests {
    @Test(arguments: [
        (Dialect.keras1, "1.2.2", "tensorflow", "keras-1", ""), (.keras1, "1.2.2", "theano", "keras-1-theano", ""),
        (.keras2, "2.0.9", "tensorflow", "keras-2.0", "by Keras 2.0's rule"),
        (.keras2, "2.0.9", "theano", "keras-2.0-theano", "by Keras 2.0's rule"),
        (.keras2, "2.2.4", "tensorflow", "keras-2.3", "begins the averages anew"),
        (.keras2, "2.3.1", "tensorflow", "keras-2.3", "by Keras 2.3's rule"),
        (.keras2, "2.3.1", "theano", "keras-2.3-theano", "by Keras 2.3's rule on Theano"),
    ])
    func versionsAndBackendsHaveTheirOwn(_ dialect: Dialect, _ version: String, _ backend: String, _ rule: String, _ note: String) throws {
        let plain = dialect == .keras1 ? "keras-1" : "keras-2.3"
        let config: ConfigObject = ["name": "n", LegacyName.varianceRule: .string(plain)]
        let layer = LayerSpec(
            className: "BatchNormalization", name: "n", config: config,
            source: SourceNode(dialect: dialect, json: .null, upgraded: config))
        let inner = LayerSpec(className: "Sequential", name: "i", model: ModelSpec(kind: .sequential, name: "i", layers: [layer]))
        var spec = ModelSpec(kind: .sequential, name: "m", layers: [layer, inner])
        spec.provenance = Provenance(
            dialect: dialect, kerasVersion: version, backend: backend,
            notes: dialect == .keras1 ? [] : [UpgradeNote(layer: "n", text: VarianceRules.note)])
        VarianceRules.settle(&spec)
        for layer in [spec.layers[0], try #require(spec.layers[1].model?.value.layers[0])] {
            #expect(layer.config[LegacyName.varianceRule] == .string(rule))
            #expect(layer.source?.upgraded == layer.config, "the file's own JSON still stands for the layer")
        }
        #expect(spec.provenance?.notes.allSatisfy { $0.text.contains(note) } ?? false)
    }
}
