import KerasFormat
import KerasSpec
import OrderedCollections
import Tensors

/// The notebook's first network in small, as `samples/*/mini1` hold it.
enum Mini1 {
    static let slots: [LayerSlots] = [
        layer("conv2d_1", "Conv2D", ["kernel": [3, 3, 3, 4], "bias": [4]]), layer("activation_1", "Activation"),
        layer("max_pooling2d_1", "MaxPooling2D"), layer("dropout_1", "Dropout"), layer("flatten_1", "Flatten"),
        layer("dense_1", "Dense", ["kernel": [64, 16], "bias": [16]]), layer("activation_2", "Activation"),
        layer("dropout_2", "Dropout"), layer("dense_2", "Dense", ["kernel": [16, 10], "bias": [10]]),
        layer("activation_3", "Activation"),
    ]

    /// The network that the slots belong to.
    static let spec = ModelSpec(
        kind: .sequential, name: "sequential_1",
        layers: slots.map { LayerSpec(className: $0.className, name: $0.name, config: ["name": .string($0.name)]) })

    private static func layer(
        _ name: String, _ className: String, _ weights: OrderedDictionary<String, Shape> = [:]
    ) -> LayerSlots {
        LayerSlots(
            name: name, className: className,
            slots: weights.map { key, shape in
                PlacedSlot(layerPath: [name], slot: WeightSlot(key, shape, initializer: nil))
            })
    }
}

/// What `to_json()` of Keras 2.3 says of a model.
func keras2Text(_ spec: ModelSpec) throws -> String {
    var notes: [UpgradeNote] = []
    return try KerasWriter.architecture(spec, for: .keras2, &notes)
}
