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
        try Keras1Writer.model(spec, for: target, usesSources: usesSources, &notes)
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

    /// The layers in the order in which Keras 1 saves their weights, where an upgrade changed it: joined models stand one after
    /// another in Keras 1, by their distance from the outputs in later Keras.
    ///
    /// - Parameter document: the model's own JSON in Keras 1's words.
    static func fileOrder(of layers: [LayerSpec], document: ConfigValue?) -> [LayerSpec] {
        guard let document = document?.object else { return layers }
        var structure = Keras1Structure(upgrade: Keras1Upgrade(ordering: "tf"))
        guard let origins = try? structure.model(document, named: nil, at: .root).origins else { return layers }
        let offset = layers.count - origins.count
        guard offset >= 0, zip(origins, origins.dropFirst()).contains(where: { $0.place > $1.place }) else { return layers }
        let places = origins.indices.sorted { origins[$0].place < origins[$1].place }
        return layers[..<offset] + places.map { layers[offset + $0] }
    }

    /// The same of a model, if it is what its document says.
    static func fileOrder(of spec: ModelSpec) -> [LayerSpec] {
        guard spec.provenance?.dialect == .keras1, let document = spec.provenance?.document?.object else { return spec.layers }
        var notes: [UpgradeNote] = []
        guard let original = try? read(document, &notes), original.says(the: spec) else { return spec.layers }
        return fileOrder(of: spec.layers, document: .object(document))
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
