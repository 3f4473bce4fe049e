import KerasSpec

/// Which rule updates BatchNormalization's moving variance, where it is not the generation's but that of a version or a backend.
///
/// Source: `moving_average_update`, `normalize_batch_in_training` of `backend/tensorflow_backend.py` and `theano_backend.py`,
/// `layers/normalization.py`, Keras 1.2.2 and 2.0.0 to 2.3.1.
enum VarianceRules {
    /// Names the rule in all layers. What the file's own JSON was upgraded to changes along, so that it still counts as unchanged.
    static func settle(_ spec: inout ModelSpec) {
        guard let provenance = spec.provenance, let names = names(provenance) else { return }
        spec = settled(spec, from: names.plain, to: names.own)
        spec.provenance?.notes = provenance.notes.map { note in
            UpgradeNote(layer: note.layer, text: note.text == Self.note ? names.note : note.text)
        }
    }

    /// The same for a model whose origin another one tells.
    static func settle(_ spec: inout ModelSpec, as provenance: Provenance) {
        guard let names = names(provenance) else { return }
        spec = settled(spec, from: names.plain, to: names.own)
    }

    static let note = "moving variance is updated by Keras 2.3's rule"

    /// The generation's rule, and what stands in its place; nil where it stays.
    private static func names(_ provenance: Provenance) -> (plain: String, own: String, note: String)? {
        let isTheano = provenance.backend == "theano"
        switch provenance.dialect {
        case .keras1: return isTheano ? ("keras-1", "keras-1-theano", note) : nil
        case .keras2:
            let parts = (provenance.kerasVersion ?? "").split(separator: ".").compactMap { Int($0) }
            // Neither corrects the variance nor takes the fused kernel, which does.
            let isOld = parts.count == 3 && parts[0] == 2 && (parts[1] == 0 || (parts[1] == 1 && parts[2] < 4))
            if isOld { return ("keras-2.3", isTheano ? "keras-2.0-theano" : "keras-2.0", "moving variance is updated by Keras 2.0's rule") }
            if isTheano { return ("keras-2.3", "keras-2.3-theano", note + " on Theano") }
            // TensorFlow's zero_debias, whose counts are in no file.
            let restarts = parts.count == 3 && parts[0] == 2 && (1...2).contains(parts[1])
            return restarts ? ("keras-2.3", "keras-2.3", note + "; Keras 2.1.4 to 2.2.5 begins the averages anew when it loads a model, here they go on") : nil
        case .tfKeras, .keras3: return nil
        }
    }

    private static func settled(_ spec: ModelSpec, from plain: String, to own: String) -> ModelSpec {
        guard plain != own else { return spec }
        var spec = spec
        for index in spec.layers.indices {
            func settled(_ config: ConfigObject) -> ConfigObject { Self.settled(.object(config), plain, own).object ?? config }
            spec.layers[index].config = settled(spec.layers[index].config)
            if let upgraded = spec.layers[index].source?.upgraded { spec.layers[index].source?.upgraded = settled(upgraded) }
            if let model = spec.layers[index].model?.value {
                spec.layers[index].model = Box(Self.settled(model, from: plain, to: own))
            }
            spec.layers[index].innerModels = spec.layers[index].innerModels.mapValues { Box(Self.settled($0.value, from: plain, to: own)) }
        }
        return spec
    }

    private static func settled(_ value: ConfigValue, _ plain: String, _ own: String) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map { settled($0, plain, own) })
        case .object(var object):
            for (key, value) in object {
                object[key] = key == LegacyName.varianceRule && value.string == plain ? .string(own) : settled(value, plain, own)
            }
            return .object(object)
        default: return value
        }
    }
}
