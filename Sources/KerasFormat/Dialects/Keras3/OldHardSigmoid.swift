import KerasSpec

/// Keras 2's hard_sigmoid, clip(0.2·x + 0.5, 0, 1), as an activation in Keras 3's words: a Sequential of a Rescaling and a ReLU
/// that ends at 1. Keras 3's own `hard_sigmoid` has another slope.
///
/// Source: `activations.get` of 3.10, which takes any serialized object for an activation; before, only names.
enum OldHardSigmoid {
    /// From which 3.N on.
    static let firstMinor = 10

    /// Settings that hold activations.
    static let keys = ["activation", "recurrent_activation"]

    static let note = "Keras 2's hard_sigmoid is written as an activation made of a Rescaling and a ReLU"

    /// Whether a layer, or one within it, has this activation.
    static func isUsed(by config: ConfigObject) -> Bool {
        config.contains { key, value in
            if keys.contains(key) { return value == .string(LegacyName.hardSigmoid) }
            return value.object?["config"]?.object.map(isUsed) ?? value.array?.contains { $0.object?["config"]?.object.map(isUsed) ?? false } ?? false
        }
    }

    /// - Parameter dtype: of the layer that has the activation.
    static func written(dtype: ConfigValue) -> ConfigValue {
        let rescaling: ConfigObject = ["name": "scale", "trainable": true, "dtype": dtype, "scale": 0.2, "offset": 0.5]
        let limit: ConfigObject = [
            "name": "limit", "trainable": true, "dtype": dtype, "max_value": 1.0, "negative_slope": 0.0, "threshold": 0.0,
        ]
        let layers: [ConfigValue] = [
            Serialized.keras3("keras.layers", "Rescaling", rescaling), Serialized.keras3("keras.layers", "ReLU", limit),
        ]
        return Serialized.keras3(
            "keras", "Sequential", ["name": "hard_sigmoid", "trainable": true, "dtype": dtype, "layers": .array(layers)])
    }

    /// Whether a value is what `written` gives, as it stands or as Keras 3 saves it again.
    static func isWritten(_ value: ConfigValue) -> Bool {
        guard let object = value.object, object["class_name"] == "Sequential", object["module"] == "keras",
            let items = object["config"]?.object?["layers"]?.array
        else { return false }
        let layers = items.compactMap(\.object).filter { $0["class_name"] != "InputLayer" }
        guard layers.count == 2, layers[0]["class_name"] == "Rescaling", layers[1]["class_name"] == "ReLU",
            let rescaling = layers[0]["config"]?.object, let limit = layers[1]["config"]?.object
        else { return false }
        return rescaling["scale"]?.number == 0.2 && rescaling["offset"]?.number == 0.5 && limit["max_value"]?.number == 1
            && (limit["negative_slope"]?.number ?? 0) == 0 && (limit["threshold"]?.number ?? 0) == 0
    }
}
