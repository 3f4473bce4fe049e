import KerasSpec
import OrderedCollections
import Tensors

/// Keras 1.0 to 1.2.2.
enum Keras1Dialect: ArchitectureDialect {
    static func read(_ document: ConfigObject, _ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelSpec {
        var structure = Keras1Structure(upgrade: Keras1Upgrade(ordering: ordering(of: document)))
        let model = try structure.model(document, named: nil, at: .root)
        var reader = Keras2Reader()
        var spec = try reader.model(.object(model.json))
        attach(model.origins, to: &spec)
        notes += structure.upgrade.notes
        notes += reader.notes.filter { !$0.text.hasPrefix("moving variance") }
        return spec
    }

    static func write(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        throw .unsupported(.keras1)
    }

    /// Gives every layer the JSON that it had in its file.
    private static func attach(_ origins: [Keras1Structure.Origin], to spec: inout ModelSpec) {
        // A Sequential was given its input.
        let offset = spec.layers.count - origins.count
        for index in spec.layers.indices {
            let origin = index >= offset && index - offset < origins.count ? origins[index - offset] : nil
            var layer = spec.layers[index]
            layer.source = origin?.json.map { SourceNode(dialect: .keras1, json: $0, upgraded: layer.config) }
            if let inner = origin?.inner, var model = layer.model?.value {
                attach(inner, to: &model)
                layer.model = Box(model)
            }
            spec.layers[index] = layer
        }
    }

    /// What layers mean that don't tell their `dim_ordering`: what others of the model say first, else `tf`.
    private static func ordering(of document: ConfigObject) -> String { explicitOrdering(.object(document)) ?? "tf" }

    private static func explicitOrdering(_ value: ConfigValue) -> String? {
        switch value {
        case .object(let object):
            if let own = object["dim_ordering"]?.string, own == "tf" || own == "th" { return own }
            return object.values.lazy.compactMap(explicitOrdering).first
        case .array(let items): return items.lazy.compactMap(explicitOrdering).first
        default: return nil
        }
    }
}
