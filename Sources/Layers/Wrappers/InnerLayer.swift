internal import KerasSpec
internal import Tensors

/// A layer within a layer's configuration, as Keras 3 serializes it.
enum InnerLayer {
    /// Decodes the layer under `key`.
    static func decode(_ value: ConfigValue, _ key: String) throws(LocatedError) -> any BuiltInLayer {
        guard let object = value.object, let className = object["class_name"]?.string, let inner = object["config"]?.object else {
            throw LocatedError(
                .invalid, "config.value", "expected a layer with class_name and config, got \(value.summary)", at: ["config/\(key)"])
        }
        if let registered = object["registered_name"]?.string, registered != className {
            throw LocatedError(
                .unsupported, "layer.unknown", "expected a layer class that is computed, got \(registered)", at: ["config/\(key)"])
        }
        do {
            return try LayerRegistry.builtIn.decode(
                LayerSpec(className: className, name: inner["name"]?.string ?? "", config: inner))
        } catch { throw error.within("config/\(key)") }
    }

    static func encode(_ layer: any BuiltInLayer) -> ConfigValue {
        Serialized.value("keras.layers", type(of: layer).className, layer.config)
    }
}

extension ConfigReader {
    /// A layer within this one's configuration.
    mutating func layer(_ key: String) throws(LocatedError) -> any BuiltInLayer {
        guard let value = value(key), !value.isNull else {
            throw LocatedError(.invalid, "config.missing", "expected a layer, got nothing", at: ["config/\(key)"])
        }
        return try InnerLayer.decode(value, key)
    }

    /// A cell within this one's configuration.
    mutating func cell(_ key: String) throws(LocatedError) -> any RecurrentCell {
        try InnerLayer.cell(try layer(key), key)
    }
}

extension InnerLayer {
    static func cell(_ layer: any BuiltInLayer, _ key: String) throws(LocatedError) -> any RecurrentCell {
        guard let cell = layer as? any RecurrentCell else {
            throw LocatedError(
                .unsupported, "recurrent.cell", "expected a recurrent cell, got \(type(of: layer).className)", at: ["config/\(key)"])
        }
        return cell
    }
}
