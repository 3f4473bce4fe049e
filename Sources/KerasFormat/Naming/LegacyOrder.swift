package import KerasSpec
import OrderedCollections

/// In which order, and under which names, the HDF5 files of Keras before 3 hold the weights of a layer.
package enum LegacyOrder {
    /// The weights of one of a model's layers as `layer.weights` of Keras 2 lists them: all that are trained, then all that
    /// are not, in creation order each. A nested model's are those of all its layers together; freezing a layer in it moves
    /// that layer's weights among the others.
    ///
    /// Source: `weights`, `trainable_weights` in `keras/engine/base_layer.py`, `network.py` of 2.3.1.
    ///
    /// - Parameter layer: the layer's spec, which tells what is frozen; nil takes each weight's own word for it.
    package static func slots(of slots: LayerSlots, in layer: LayerSpec? = nil) -> [PlacedSlot] {
        guard let layer else { return slots.slots.filter(\.slot.trainable) + slots.slots.filter { !$0.slot.trainable } }
        let (trained, others) = split(slots.slots, depth: 0, in: layer)
        return trained + others
    }

    /// - Parameter depth: where in each slot's `layerPath` this layer stands.
    private static func split(
        _ slots: [PlacedSlot], depth: Int, in layer: LayerSpec
    ) -> (trained: [PlacedSlot], others: [PlacedSlot]) {
        guard let model = layer.model?.value else {
            // A frozen layer has the same order: its own trained weights, then the others.
            let trained = slots.filter(\.slot.trainable)
            let others = slots.filter { !$0.slot.trainable }
            return layer.config["trainable"] == false ? ([], trained + others) : (trained, others)
        }
        var trained: [PlacedSlot] = []
        var others: [PlacedSlot] = []
        for inner in model.layers {
            let own = slots.filter { $0.layerPath.count > depth + 1 && $0.layerPath[depth + 1] == inner.name }
            let parts = split(own, depth: depth + 1, in: inner)
            trained += parts.trained
            others += parts.others
        }
        return model.trainable ? (trained, others) : ([], trained + others)
    }

    /// The name of each weight in the file, in `slots`' order: `dense_1/kernel:0`, `bidirectional_1/forward_lstm_1/bias:0`.
    /// Weights of a nested model are named by the layer that owns them. Names that would meet again get a number, as
    /// TensorFlow gives them.
    package static func names(of slots: [PlacedSlot], in layer: LayerSpec? = nil) -> [String] {
        var taken: Set<String> = []
        return slots.map { slot in
            let (scope, weight) = parts(of: slot, in: layer)
            var name = "\(scope)/\(weight):0"
            var number = 0
            while !taken.insert(name).inserted {
                number += 1
                name = "\(scope)/\(weight)_\(number):0"
            }
            return name
        }
    }

    private static func parts(of slot: PlacedSlot, in layer: LayerSpec?) -> (scope: String, weight: String) {
        var owner = layer
        for name in slot.layerPath.dropFirst() { owner = owner?.model?.value.layers.first { $0.name == name } }
        var scope = owner?.config["name"]?.string ?? slot.layerPath.last ?? ""
        var inner = owner?.config
        for part in slot.slot.path.dropLast() where part == "forward_layer" || part == "backward_layer" {
            inner = inner?[part == "forward_layer" ? "layer" : part]?.object?["config"]?.object
            scope += "/" + (inner?["name"]?.string ?? part)
        }
        let weight = slot.slot.path.last ?? ""
        if owner?.className == "DepthwiseConv2D", weight == "kernel" { return (scope, "depthwise_kernel") }
        return (scope, weight)
    }
}
