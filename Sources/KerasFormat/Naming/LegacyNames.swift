import KerasSpec

/// The names of weights in files of the scheme `layers`: `dense_1/kernel:0`, `bidirectional_1/forward_lstm_1/bias:0`.
enum LegacyNames {
    /// The name of each weight of a layer, in the order of `places`. Weights of a nested model are named by the layer that owns
    /// them. Names that would meet again get a number, as TensorFlow gives them.
    static func names(
        of places: [LegacyOrder.Place], _ owners: [WeightOwner], in layer: LayerSpec, for dialect: Dialect
    ) -> [String] {
        if dialect == .keras1 { return Keras1Names.names(of: places, owners, in: layer) }
        var taken: Set<String> = []
        return places.map { place in
            let (scope, weight) = parts(of: owners[place.owner], place.variable, in: layer)
            var name = "\(scope)/\(weight):0"
            var number = 0
            while !taken.insert(name).inserted {
                number += 1
                name = "\(scope)/\(weight)_\(number):0"
            }
            return name
        }
    }

    private static func parts(
        of owner: WeightOwner, _ variable: Int, in layer: LayerSpec
    ) -> (scope: String, weight: String) {
        var holder: LayerSpec? = layer
        for name in owner.layerPath.dropFirst() { holder = holder?.model?.value.layers.first { $0.name == name } }
        var scope = holder?.config["name"]?.string ?? owner.layerPath.last ?? ""
        var inner = holder?.config
        for part in owner.path where part == "forward_layer" || part == "backward_layer" {
            inner = inner?[part == "forward_layer" ? "layer" : part]?.object?["config"]?.object
            scope += "/" + (inner?["name"]?.string ?? part)
        }
        let weight = owner.variables[variable].name
        if owner.className == "DepthwiseConv2D", weight == "kernel" { return (scope, "depthwise_kernel") }
        return (scope, weight)
    }
}
