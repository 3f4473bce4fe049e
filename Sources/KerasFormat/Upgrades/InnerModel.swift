import KerasSpec
import OrderedCollections
import Tensors

/// A model within a layer's configuration, such as TimeDistributed's: in a spec it stands there as Keras 3 writes it, with
/// `LegacyName`'s words where they are needed.
enum InnerModel {
    /// Class names of models in any dialect.
    static let classes: Set<String> = ["Sequential", "Functional", "Model", "Network"]

    /// Whether a serialized object is a model of Keras's own classes.
    static func isModel(_ value: ConfigValue) -> Bool {
        guard let object = value.object, let className = object["class_name"]?.string, classes.contains(className) else { return false }
        return object["registered_name"]?.string.map { $0 == className } ?? true
    }

    /// A spec's way of writing a model that an older Keras wrote.
    static func upgraded(
        _ value: ConfigValue, in generation: ClassRule.Generation, at path: JSONPath
    ) throws(LocatedError) -> ConfigValue {
        let spec: ModelSpec
        switch generation {
        case .keras2:
            var reader = Keras2Reader()
            spec = try reader.model(value, at: path)
        case .tfKeras:
            var reader = TfKerasReader()
            spec = try reader.model(value, at: path)
        }
        return config(of: spec)
    }

    /// The model of a configuration in a spec's words; nil where it is none.
    static func spec(of value: ConfigValue) -> ModelSpec? {
        guard isModel(value) else { return nil }
        var reader = Keras3Reader()
        return try? reader.model(value)
    }

    /// What the models within a layer's configuration mean, by key.
    static func specs(in config: ConfigObject) -> [String: Box<ModelSpec>] {
        var models: [String: Box<ModelSpec>] = [:]
        for (key, value) in config where value.object != nil {
            if let spec = spec(of: value) { models[key] = Box(spec) }
        }
        return models
    }

    /// The reverse of `spec(of:)`: nothing is refused or said by other means.
    static func config(of spec: ModelSpec) -> ConfigValue {
        var writer = Keras3Writer(target: .keras3, usesSources: false, keepsLegacy: true)
        return .object(writer.model(spec, path: ""))
    }

    /// The model as an older Keras writes it. `refuse` hears what it can't say.
    static func downgraded(
        _ spec: ModelSpec, in generation: ClassRule.Generation, _ refuse: (String) -> Void
    ) -> ConfigValue {
        switch generation {
        case .keras2:
            var writer = Keras2Writer(usesSources: false)
            let document = writer.model(spec)
            for refusal in writer.refusals { refuse("its model's \(refusal)") }
            return .object(document)
        case .tfKeras:
            var writer = TfKerasWriter(usesSources: false)
            let document = writer.model(spec)
            for refusal in writer.refusals { refuse("its model's \(refusal)") }
            let isSequential = spec.kind == .sequential
            return [
                "module": isSequential ? "keras" : "keras.src.engine.functional", "class_name": document["class_name"] ?? .null,
                "config": document["config"] ?? .null, "registered_name": isSequential ? nil : "Functional",
            ]
        }
    }
}
