internal import KerasSpec
internal import Tensors

/// What Keras 3 writes for an object of its own: `{"module": …, "class_name": …, "config": {…}, "registered_name": null}`.
struct Serialized {
    let className: String
    let config: ConfigObject

    static func value(_ module: String, _ className: String, _ config: ConfigObject = [:]) -> ConfigValue {
        [
            "module": .string(module), "class_name": .string(className), "config": .object(config), "registered_name": nil,
        ]
    }

    /// Class and settings of one of Keras's own objects, however an older Keras wrote it: with its module, without, or as a
    /// bare name. Nil for a user's own class and for what is no object at all.
    init?(_ value: ConfigValue) {
        switch value {
        case .string(let name): self.init(className: name, config: [:])
        case .object(let object):
            guard let name = object["class_name"]?.string else { return nil }
            if let module = object["module"]?.string, !Self.isKeras(module) { return nil }
            if let registered = object["registered_name"]?.string, registered != name { return nil }
            switch object["config"] {
            case .object(let config)?: self.init(className: name, config: config)
            case nil, .null?: self.init(className: name, config: [:])
            default: return nil
            }
        default: return nil
        }
    }

    private init(className: String, config: ConfigObject) {
        self.className = className
        self.config = config
    }

    private static func isKeras(_ module: String) -> Bool {
        let root = module.prefix { $0 != "." }
        return root == "keras" || root == "tf_keras" || module.hasPrefix("tensorflow.keras")
    }
}

extension ConfigReader {
    /// A serialized object, or its name; nil for null or an absent key. Classes are not looked at: a configuration that Keras
    /// can't build from stops those who need the object, not those who only run the model.
    mutating func serialized(_ key: String) -> ConfigValue? {
        guard let value = value(key), !value.isNull else { return nil }
        return value
    }

    /// Refuses quantized layers, whose weights are not what the other keys tell.
    mutating func refuseQuantization() throws(LocatedError) {
        guard let value = value("quantization_config"), !value.isNull else { return }
        throw LocatedError(
            .unsupported, "layer.quantization", "expected a layer that is not quantized, got \(value.summary)",
            at: ["config/quantization_config"])
    }
}
