import KerasSpec

/// Keras 2's hard_sigmoid for a Keras 3 that has only its own.
extension Keras3Writer {
    /// The same model with clip(0.2·x + 0.5, 0, 1) said in Keras 3's words: a Rescaling and a ReLU that ends at 1. An
    /// Activation becomes these two; another layer's activation becomes linear and the two follow it.
    mutating func withoutOldActivations(_ spec: ModelSpec, path: String) -> ModelSpec {
        guard spec.layers.contains(where: isPlain) else { return spec }
        var names = Set(spec.layers.map(\.name))
        // Of whom others take the output that a layer gave.
        var lasts: [String: String] = [:]
        for layer in spec.layers where layer.className != "Activation" && isPlain(layer) {
            lasts[layer.name] = Self.free(layer.name + "_hard_sigmoid", &names)
        }
        var result = spec
        result.layers = []
        result.outputs = spec.outputs.renaming(lasts)
        for var layer in spec.layers {
            layer.calls = layer.calls.map { call in
                LayerCall(
                    arguments: call.arguments.map { $0.renaming(lasts) },
                    keywords: call.keywords.mapValues { $0.renaming(lasts) })
            }
            guard isPlain(layer) else {
                result.layers.append(layer)
                continue
            }
            let last = lasts[layer.name] ?? layer.name
            let scale = Self.free(last + "_scale", &names)
            let dtype = layer.config["dtype"] ?? "float32"
            var rescaling = LayerSpec(
                className: "Rescaling", name: scale,
                config: ["name": .string(scale), "trainable": true, "dtype": dtype, "scale": 0.2, "offset": 0.5])
            var limit = LayerSpec(
                className: "ReLU", name: last,
                config: [
                    "name": .string(last), "trainable": true, "dtype": dtype, "max_value": 1.0, "negative_slope": 0.0,
                    "threshold": 0.0,
                ])
            func calls(on name: String) -> [LayerCall] {
                layer.calls.indices.map { LayerCall(arguments: [.tensor(TensorReference(layer: name, node: $0))]) }
            }
            limit.calls = calls(on: scale)
            if layer.className == "Activation" {
                rescaling.calls = layer.calls
            } else {
                rescaling.calls = calls(on: layer.name)
                layer.config["activation"] = "linear"
                result.layers.append(layer)
            }
            result.layers += [rescaling, limit]
            notes.append(
                UpgradeNote(
                    layer: path + layer.name,
                    text: "Keras 2's hard_sigmoid is written as the layers \(quoted(scale)) and \(quoted(last))"))
        }
        return result
    }

    /// Whether a layer's activation is Keras 2's hard_sigmoid, the last thing that it does, and can be taken out of it.
    private func isPlain(_ layer: LayerSpec) -> Bool {
        let classes: Set<String> = [
            "Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv2D",
            "SeparableConv1D", "SeparableConv2D",
        ]
        return classes.contains(layer.className) && layer.config["activation"] == .string(LegacyName.hardSigmoid)
            && (layer.config["activity_regularizer"] ?? .null).isNull
    }

    /// A name that no layer bears yet.
    private static func free(_ name: String, _ names: inout Set<String>) -> String {
        var candidate = name
        var number = 1
        while !names.insert(candidate).inserted {
            candidate = "\(name)_\(number)"
            number += 1
        }
        return candidate
    }
}
