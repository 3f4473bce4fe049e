import Graphs
import KerasSpec
import Layers
import Tensors

/// Small models to train.
enum Networks {
    /// A sequential model of layers, named `layer_1` and so on.
    static func sequential(_ inputShape: [Int], _ layers: [any BuiltInLayer]) throws -> ModelProgram {
        var specs = [LayerSpec(className: "InputLayer", name: "input", config: named(InputLayer(inputShape: inputShape), "input").config)]
        for (index, layer) in layers.enumerated() {
            let layer = named(layer, layer.common.name ?? "layer_\(index + 1)")
            specs.append(
                LayerSpec(className: type(of: layer).className, name: layer.common.name!, config: layer.config))
        }
        return try ModelProgram(ModelSpec(kind: .sequential, name: "model", layers: specs))
    }

    private static func named<Kind: BuiltInLayer>(_ layer: Kind, _ name: String) -> Kind {
        var layer = layer
        layer.common.name = name
        return layer
    }

    /// The network of the optimizer traces.
    ///
    /// - Parameter head: a name for the last dense layer.
    static func traced(head: String? = nil) throws -> ModelProgram {
        try sequential(
            [8, 8, 3],
            [
                Conv2D(4, (3, 3), padding: .same), Activation(.relu), MaxPooling2D(poolSize: (2, 2)), Flatten(), Dense(16),
                Activation(.relu), Dense(10, name: head), Activation(.softmax),
            ])
    }
}
