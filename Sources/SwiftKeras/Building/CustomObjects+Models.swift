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
    /// Takes up the class of a layer that a model is built of, so that the model can be decoded again.
    mutating func collect(_ layer: any BuiltInLayer) {
        guard let adapter = layer as? CustomLayerAdapter else { return }
        self[adapter.registeredName] = .layer(type(of: adapter.layer))
    }

    /// Throws 64 when a layer that is to be replaced isn't in the model: a name that was mistyped is not passed over.
    func requireLayers(in spec: ModelSpec) throws(LocatedError) {
        let known = spec.layerNames
        for name in replacedLayers where !known.contains(name) {
            throw LocatedError(
                .usage, "layer.absent", "expected the name of a layer of the model to be replaced, got \"\(name)\"",
                hint: "swift-keras inspect lists them.")
        }
    }
}

extension ModelSpec {
    /// Those of nested models included.
    fileprivate var layerNames: Set<String> {
        Set(layers.map(\.name)).union(layers.flatMap { $0.model?.value.layerNames ?? [] })
    }
}
