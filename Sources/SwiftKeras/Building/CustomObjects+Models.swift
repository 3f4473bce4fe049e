internal import Layers

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
}
