import KerasSpec

/// How far the left piece of Keras 1's SReLU goes, which is the backend's business: both call `K.relu(x - t_left, a_left, |t_right|)`,
/// whose limit cuts off the rectifier alone on TensorFlow, and the leak as well on Theano. It shows where `a_left` is negative.
///
/// Source: `relu` of `backend/tensorflow_backend.py` and `theano_backend.py`, `SReLU` of `layers/advanced_activations.py`, Keras 1.2.2.
enum LeakRules {
    static let note = "what lies left of t_left is limited to |t_right| above it, as on Theano"

    /// Says it in all layers that Theano computed, and in the notes. What the file's own JSON was upgraded to changes along, so that
    /// it still counts as unchanged.
    static func settle(_ spec: inout ModelSpec) {
        guard let provenance = spec.provenance else { return }
        var names: [String] = []
        settle(&spec, as: provenance, &names)
        spec.provenance?.notes += names.map { UpgradeNote(layer: $0, text: note) }
    }

    /// The same for a model whose origin another one tells.
    static func settle(_ spec: inout ModelSpec, as provenance: Provenance) {
        var names: [String] = []
        settle(&spec, as: provenance, &names)
    }

    private static func settle(_ spec: inout ModelSpec, as provenance: Provenance, _ names: inout [String]) {
        guard provenance.dialect == .keras1, provenance.backend == "theano" else { return }
        for index in spec.layers.indices {
            let layer = spec.layers[index]
            if let model = layer.model?.value {
                var inner = model
                settle(&inner, as: provenance, &names)
                spec.layers[index].model = Box(inner)
                continue
            }
            var found = false
            let config = settled(layer.config, of: layer.className, &found)
            guard found else { continue }
            names.append(layer.name)
            spec.layers[index].config = config
            if let upgraded = layer.source?.upgraded { spec.layers[index].source?.upgraded = settled(upgraded, of: layer.className, &found) }
        }
    }

    /// A layer's configuration, or that of a wrapper around one.
    private static func settled(_ config: ConfigObject, of className: String, _ found: inout Bool) -> ConfigObject {
        var config = config
        if className == "SReLU" {
            config[LegacyName.leakRule] = "theano"
            found = true
        }
        if var layer = config["layer"]?.object, let inner = layer["config"]?.object, let innerClass = layer["class_name"]?.string {
            layer["config"] = .object(settled(inner, of: innerClass, &found))
            config["layer"] = .object(layer)
        }
        return config
    }
}
