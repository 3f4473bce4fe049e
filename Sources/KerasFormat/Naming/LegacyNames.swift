import KerasSpec

/// The names of weights in files of the scheme `layers`: `dense_1/kernel:0`, `bidirectional_1/forward_lstm_1/bias:0` in Keras 2.3,
/// `lstm/lstm_cell/kernel:0` in tf.keras, `sequential/lstm/lstm_cell/kernel` in Keras 3.
///
/// They tell people what is what; every Keras goes by their order. Source: `weight_names` of files of 2.3.1, tf-keras 2.21 and
/// Keras 3.15.1.
enum LegacyNames {
    /// The name of each weight of a layer, in the order of `places`. Weights of a nested model are named by the layer that owns
    /// them. Names that would meet again get a number, as TensorFlow gives them.
    ///
    /// - Parameter model: whose layer it is.
    static func names(
        of places: [LegacyOrder.Place], _ owners: [WeightOwner], in layer: LayerSpec, of model: ModelSpec, for dialect: Dialect
    ) -> [String] {
        if dialect == .keras1 { return Keras1Names.names(of: places, owners, in: layer) }
        let suffix = dialect == .keras3 ? "" : ":0"
        var taken: Set<String> = []
        return places.map { place in
            let owner = owners[place.owner]
            let plain = scope(of: owner, in: layer, of: model, dialect).joined(separator: "/") + "/"
                + weight(owner.variables[place.variable].name, of: owner, dialect)
            var name = plain + suffix
            var number = 0
            while !taken.insert(name).inserted {
                number += 1
                name = "\(plain)_\(number)\(suffix)"
            }
            return name
        }
    }

    private static func weight(_ name: String, of owner: WeightOwner, _ dialect: Dialect) -> String {
        owner.className == "DepthwiseConv2D" && name == "kernel" && dialect != .keras3 ? "depthwise_kernel" : name
    }

    /// The layers and cells that a weight is in, from the layer that its model calls.
    private static func scope(of owner: WeightOwner, in layer: LayerSpec, of model: ModelSpec, _ dialect: Dialect) -> [String] {
        var (holder, model): (LayerSpec?, ModelSpec?) = (layer, model)
        for name in owner.layerPath.dropFirst() {
            model = holder?.model?.value
            holder = model?.layers.first { $0.name == name }
        }
        func start(_ name: String, in model: ModelSpec?) -> [String] {
            // Keras 3 builds a Sequential's layers within it.
            guard dialect == .keras3, let model, model.kind == .sequential else { return [name] }
            return [model.name, name]
        }
        var names = start(holder?.config["name"]?.string ?? owner.layerPath.last ?? "", in: model)
        var config = holder?.config ?? [:]
        var className = holder?.className ?? ""
        var path = owner.path[...]
        while let part = path.popFirst() {
            let key = part == "forward_layer" ? "layer" : part
            if let inner = config[key].flatMap(InnerModel.spec), let found = self.layer(at: &path, in: inner) {
                names = start(found.layer.name, in: found.model)
                (config, className) = (found.layer.config, found.layer.className)
                continue
            }
            if part == "cells", let name = path.popFirst() {
                if dialect != .keras2 { names.append(name) }
                continue
            }
            let inner = config[key]?.object
            let settings = inner?["config"]?.object
            let name = settings?["name"]?.string
            switch part {
            case "forward_layer", "backward_layer": names.append(name ?? part)
            case "layer" where dialect == .keras3: names.append(name ?? part)
            case "cell" where dialect != .keras2:
                if let name {
                    names.append(name)
                } else if className.hasPrefix("ConvLSTM") {
                    if dialect == .keras3 { names.append("conv_lstm_cell") }
                } else {
                    names.append(ObjectNaming.snakeCase(owner.className))
                }
            case "query_dense", "key_dense", "value_dense":
                if dialect != .keras2 { names.append(String(part.dropLast("_dense".count))) }
            case "output_dense": names.append("attention_output")
            default: break
            }
            if let settings {
                config = settings
                className = inner?["class_name"]?.string ?? className
            }
        }
        return names
    }

    /// The layer that `layers`, `dense_1`, … lead to, and the model that holds it.
    static func layer(at path: inout ArraySlice<String>, in model: ModelSpec) -> (layer: LayerSpec, model: ModelSpec)? {
        guard path.first == "layers", let name = path.dropFirst().first else { return nil }
        var counts: [String: Int] = [:]
        for layer in ObjectNaming.counted(model) {
            let base = ObjectNaming.snakeCase(layer.model?.value.kind.rawValue ?? layer.className)
            let number = counts[base, default: 0]
            counts[base] = number + 1
            guard ObjectNaming.numbered(base, number) == name else { continue }
            path = path.dropFirst(2)
            return layer.model.flatMap { self.layer(at: &path, in: $0.value) } ?? (layer, model)
        }
        return nil
    }
}
