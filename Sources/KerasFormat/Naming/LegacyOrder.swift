import KerasSpec

/// In which order files of the scheme `layers` hold the weights of a layer.
enum LegacyOrder {
    /// One array: a variable of an owner.
    struct Place: Hashable {
        /// In the list of owners.
        var owner: Int
        /// In the owner's variables.
        var variable: Int
    }

    /// The weights of one of a model's layers as `layer.trainable_weights + layer.non_trainable_weights` lists them, in creation
    /// order each. A nested model's are those of all its layers together; freezing a layer in it moves that layer's weights
    /// among the others. Where random numbers stand is in no such file.
    ///
    /// Source: `weights`, `trainable_weights` in `keras/engine/base_layer.py`, `network.py` of 2.3.1;
    /// `non_trainable_weights` of `tf_keras/src/engine/base_layer.py` 2.21, `keras/src/layers/layer.py` 3.15.
    static func places(_ owners: [WeightOwner], in layer: LayerSpec, for dialect: Dialect) -> [Place] {
        let (trained, others) = split(owners, Array(owners.indices), depth: 0, in: layer, dialect)
        return trained + others
    }

    /// - Parameter depth: where in each owner's `layerPath` this layer stands.
    private static func split(
        _ owners: [WeightOwner], _ own: [Int], depth: Int, in layer: LayerSpec, _ dialect: Dialect
    ) -> (trained: [Place], others: [Place]) {
        func places(_ index: Int, _ role: WeightOutline.Role) -> [Place] {
            owners[index].variables.indices.filter { owners[index].variables[$0].role == role }
                .map { Place(owner: index, variable: $0) }
        }
        guard let model = layer.model?.value else {
            let trained = own.flatMap { places($0, .trained) }
            let others = own.flatMap { places($0, .other) }
            // A frozen layer has the same order: its own trained weights, then the others.
            return layer.config["trainable"] == false ? ([], trained + others) : (trained, others)
        }
        var parts: [(trained: [Place], others: [Place])] = []
        // What an upgrade sorted anew is saved as Keras 1 had it.
        let layers = dialect == .keras1 ? Keras1Dialect.fileOrder(of: model.layers, document: layer.source?.json) : model.layers
        for inner in layers {
            let within = own.filter { owners[$0].layerPath.count > depth + 1 && owners[$0].layerPath[depth + 1] == inner.name }
            parts.append(split(owners, within, depth: depth + 1, in: inner, dialect))
        }
        if model.trainable { return (parts.flatMap(\.trained), parts.flatMap(\.others)) }
        // tf.keras and Keras 3 list a frozen model's weights layer by layer.
        if dialect == .tfKeras || dialect == .keras3 { return ([], parts.flatMap { $0.trained + $0.others }) }
        return ([], parts.flatMap(\.trained) + parts.flatMap(\.others))
    }
}
