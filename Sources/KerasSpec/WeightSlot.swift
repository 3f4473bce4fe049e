public import Tensors

/// One weight that a layer declares: what it is. Where it stands in a file is a naming scheme's business.
public struct WeightSlot: Hashable, Sendable {
    /// Relative to the layer: `["kernel"]`, `["forward_layer", "cell", "kernel"]`.
    public var path: [String]
    public var shape: Shape
    public var trainable: Bool
    /// Keras 3's serialized initializer, such as `{"class_name": "GlorotUniform", "config": {"seed": null}, …}`.
    public var initializer: ConfigValue
    /// Keras 3's serialized regularizer and constraint, or null.
    public var regularizer: ConfigValue
    public var constraint: ConfigValue
    /// Whether files hold it. What a stateful RNN carries from batch to batch is not saved, and no weight to summaries.
    public var isSaved: Bool
    /// How files hold it; whatever that is, models compute with float32.
    public var dtype = DType.float32

    public init(
        path: [String], shape: Shape, trainable: Bool = true, initializer: ConfigValue,
        regularizer: ConfigValue = .null, constraint: ConfigValue = .null, isSaved: Bool = true
    ) {
        self.path = path
        self.shape = shape
        self.trainable = trainable
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
        self.isSaved = isSaved
    }

    public init(
        _ name: String, _ shape: Shape, trainable: Bool = true, initializer: ConfigValue,
        regularizer: ConfigValue = .null, constraint: ConfigValue = .null, isSaved: Bool = true
    ) {
        self.init(
            path: [name], shape: shape, trainable: trainable, initializer: initializer, regularizer: regularizer,
            constraint: constraint, isSaved: isSaved)
    }
}

/// A slot with the layer that owns it.
public struct PlacedSlot: Hashable, Sendable {
    /// Layer names from the top-level layer to the owner: `["dense_1"]`, `["encoder", "conv2d_3"]`.
    public var layerPath: [String]
    public var slot: WeightSlot

    public init(layerPath: [String], slot: WeightSlot) {
        self.layerPath = layerPath
        self.slot = slot
    }

    /// `encoder/conv2d_3/kernel`: unique in a model, the same in every generation.
    public var path: String { (layerPath + slot.path).joined(separator: "/") }
}

/// The weights that one top-level layer expects, in Keras's creation order.
public struct LayerSlots: Sendable {
    public var name: String
    public var className: String
    public var slots: [PlacedSlot]

    public init(name: String, className: String, slots: [PlacedSlot]) {
        self.name = name
        self.className = className
        self.slots = slots
    }
}
