public import Tensors

/// The weights of a model by what they are: every array under the layer that owns it, whatever file it came from. What files
/// call them and in which order they list them is the business of naming schemes.
public struct ModelWeights: Sendable {
    public struct Weight: Sendable {
        public var outline: WeightOutline
        public var tensor: LazyTensor
        /// The name in the file, for weights of classes that Keras doesn't have: they go out as they came in.
        public var fileName: String?

        public init(outline: WeightOutline, tensor: LazyTensor, fileName: String? = nil) {
            self.outline = outline
            self.tensor = tensor
            self.fileName = fileName
        }
    }

    /// In the model's order of layers, each layer's in Keras 3's creation order.
    public var weights: [Weight]

    public init(_ weights: [Weight] = []) { self.weights = weights }
}

/// One weight of a model, without shape or value.
public struct WeightOutline: Hashable, Sendable {
    /// Layer names from the top-level layer to the owner: `["dense_1"]`, `["encoder", "conv2d_3"]`.
    public var layerPath: [String]
    /// Within the owner, by Keras 3's attributes: `["kernel"]`, `["forward_layer", "cell", "kernel"]`.
    public var path: [String]
    public var role: Role

    public enum Role: Hashable, Sendable {
        case trained
        /// Kept but not trained: moving statistics.
        case other
        /// Where random numbers stand; only the object layout of Keras 3 keeps it.
        case seed
    }

    public init(layerPath: [String], path: [String], role: Role) {
        self.layerPath = layerPath
        self.path = path
        self.role = role
    }

    /// `encoder/conv2d_3/kernel`: equal to `PlacedSlot.path` of the same weight.
    public var name: String { (layerPath + path).joined(separator: "/") }
}
