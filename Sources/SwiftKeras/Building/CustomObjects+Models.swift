internal import KerasSpec
internal import Layers
internal import Tensors

extension LayerRegistry {
    /// Keras's layers, those that are registered, and a model's own.
    static func all(with objects: CustomObjects) -> LayerRegistry {
        builtIn.adding(CustomObjects.registered.merging(objects))
    }
}

extension CustomObjects {
    /// Takes up the class of a layer, or its functions, that a model is built of, so that the model can be decoded again.
    mutating func collect(_ layer: any BuiltInLayer) {
        collectActivations(of: layer)
        guard let adapter = layer as? CustomLayerAdapter else { return }
        self[adapter.registeredName] = .layer(type(of: adapter.layer))
    }

    /// Tells replacements of layers from those of functions that layers call. Throws 64 `layer.absent` for a name that is
    /// neither's: one that was mistyped is not passed over.
    func settled(for spec: ModelSpec) throws(LocatedError) -> CustomObjects {
        guard !replacedLayers.isEmpty else { return self }
        let (layers, words) = (spec.layerNames, spec.words)
        var objects = self
        for name in replacedLayers where !layers.contains(name) {
            guard words.contains(name) else {
                throw LocatedError(
                    .usage, "layer.absent",
                    "expected the name of a layer of the model, or of a function that it calls, to be replaced, got \"\(name)\"",
                    hint: "swift-keras inspect lists them.")
            }
            objects.useByName(name)
        }
        return objects
    }
}

extension ModelSpec {
    /// Those of nested models included.
    fileprivate var layerNames: Set<String> {
        Set(layers.map(\.name)).union(layers.flatMap { $0.model?.value.layerNames ?? [] })
    }

    /// All strings in the layers' configurations.
    fileprivate var words: Set<String> {
        var words: Set<String> = []
        func collect(_ value: ConfigValue) {
            switch value {
            case .string(let text): words.insert(text)
            case .array(let items): items.forEach(collect)
            case .object(let object): object.values.forEach(collect)
            default: break
            }
        }
        for layer in layers {
            collect(.object(layer.config))
            if let model = layer.model?.value { words.formUnion(model.words) }
        }
        return words
    }
}
