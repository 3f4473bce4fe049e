package import KerasSpec
package import Tensors

/// Keras class names and the types that compute them.
package struct LayerRegistry: Sendable {
    private var types: [String: any BuiltInLayer.Type]

    /// Every layer of the house, alphabetically.
    package static let builtIn = LayerRegistry(types: [
        Activation.self,
        Add.self,
        AveragePooling2D.self,
        BatchNormalization.self,
        Concatenate.self,
        Conv2D.self,
        Dense.self,
        Dropout.self,
        Embedding.self,
        Flatten.self,
        InputLayer.self,
        LSTM.self,
        MaxPooling2D.self,
    ])

    init(types: [any BuiltInLayer.Type]) {
        self.types = [:]
        for type in types { self.types[type.className] = type }
    }

    /// Class names that are computed, sorted.
    package var classNames: [String] { types.keys.sorted() }

    /// The layers of a model, nested ones included, whose class isn't known: `lambda_1 (Lambda)`.
    package func unknownLayers(in spec: ModelSpec) -> [String] {
        spec.layers.flatMap { layer -> [String] in
            if let model = layer.model { return unknownLayers(in: model.value).map { "\(layer.name)/\($0)" } }
            return types[layer.className] == nil ? ["\(layer.name) (\(layer.className))"] : []
        }
    }

    /// The layer that a spec describes; every key of its configuration honoured or refused.
    package func decode(_ spec: LayerSpec) throws(LocatedError) -> any BuiltInLayer {
        guard let type = types[spec.className] else {
            throw LocatedError(.unsupported, "layer.unknown", "expected a layer class that is computed, got \(spec.className)")
        }
        var config = ConfigReader(spec.config)
        let common = try LayerCommon(&config)
        let layer = try type.init(config: &config, common: common)
        try config.finish()
        return layer
    }
}
