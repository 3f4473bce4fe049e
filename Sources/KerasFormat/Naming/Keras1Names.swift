import KerasSpec

/// The names of weights in Keras 1's files: `convolution2d_1_W:0`, `forward_lstm_1_U_i:0`.
///
/// Sources: `build` of the layers of 1.2.2, `save_weights_to_hdf5_group` of `keras/engine/topology.py`.
enum Keras1Names {
    /// The name of each weight of a layer, in the order of `places`. Names that would meet again get a number, as TensorFlow
    /// gives them.
    static func names(of places: [LegacyOrder.Place], _ owners: [WeightOwner], in layer: LayerSpec) -> [String] {
        var taken: Set<String> = []
        return places.map { place in
            let owner = owners[place.owner]
            let plain = scope(of: owner, in: layer) + "_" + weight(owner.variables[place.variable].name, of: owner)
            var name = plain
            var number = 0
            while !taken.insert(name).inserted {
                number += 1
                name = plain + "_\(number)"
            }
            return name + ":0"
        }
    }

    /// The layer that made the weight: within TimeDistributed and models the inner one, in Bidirectional `forward_…`.
    private static func scope(of owner: WeightOwner, in layer: LayerSpec) -> String {
        var holder: LayerSpec? = layer
        for name in owner.layerPath.dropFirst() { holder = holder?.model?.value.layers.first { $0.name == name } }
        var scope = holder?.config["name"]?.string ?? owner.layerPath.last ?? ""
        var config = holder?.config
        var path = owner.path[...]
        while let part = path.popFirst() {
            let key = part == "forward_layer" ? "layer" : part
            if let model = config?[key].flatMap(InnerModel.spec), let found = LegacyNames.layer(at: &path, in: model)?.layer {
                scope = found.config["name"]?.string ?? found.name
                config = found.config
                continue
            }
            guard let inner = config?[key]?.object?["config"]?.object else { continue }
            config = inner
            if let name = inner["name"]?.string { scope = name }
        }
        return scope
    }

    private static func weight(_ name: String, of owner: WeightOwner) -> String {
        switch (owner.className, name) {
        case (_, "kernel"), (_, "embeddings"): "W"
        case (_, "recurrent_kernel"): "U"
        case (_, "bias"): "b"
        case ("PReLU", "alpha"), ("ParametricSoftplus", "alpha"): "alphas"
        case ("ParametricSoftplus", "beta"): "betas"
        case (_, "moving_mean"): "running_mean"
        // Keras 1 calls it by the name of the deviation, and keeps the variance.
        case (_, "moving_variance"): "running_std"
        default: name
        }
    }
}
