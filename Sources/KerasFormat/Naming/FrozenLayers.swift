import KerasSpec
import OrderedCollections

extension ModelSpec {
    /// The same with nothing frozen: how Keras 3.0 and 3.1 see it.
    var thawed: ModelSpec {
        var result = self
        result.trainable = true
        for index in result.layers.indices {
            result.layers[index].config = Self.thawed(result.layers[index].config)
            result.layers[index].model = result.layers[index].model.map { Box($0.value.thawed) }
            result.layers[index].innerModels = result.layers[index].innerModels.mapValues { Box($0.value.thawed) }
        }
        return result
    }

    /// Whether anything in it is frozen.
    var holdsFrozen: Bool {
        !trainable
            || layers.contains { layer in
                Self.holdsFrozen(.object(layer.config)) || (layer.model.map { $0.value.holdsFrozen } ?? false)
            }
    }

    private static func holdsFrozen(_ value: ConfigValue) -> Bool {
        switch value {
        case .object(let object): object["trainable"] == false || object.values.contains(where: holdsFrozen)
        case .array(let items): items.contains(where: holdsFrozen)
        default: false
        }
    }

    private static func thawed(_ config: ConfigObject) -> ConfigObject {
        var result = config
        for (key, value) in config where !(value.object == nil && value.array == nil && key != "trainable") {
            result[key] = key == "trainable" && value.bool != nil ? .bool(true) : thawed(value)
        }
        return result
    }

    private static func thawed(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .object(let object): .object(thawed(object))
        case .array(let items): .array(items.map(thawed))
        default: value
        }
    }
}
