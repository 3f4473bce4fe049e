package import Graphs
package import KerasSpec
public import Tensors

/// Layers called one after the other.
///
/// Shapes: the first layer's input → the last layer's output. The mask goes from layer to layer.
/// Weights: the layers', under `layers` and the class's name in snake case, numbered: `layers/dense`, `layers/dense_1`.
/// Config: `layers`, `name`.
/// Call: `training` as the model runs, whatever the file's call says, as in Keras 3, which writes what it built the model with.
/// Source: keras/src/layers/preprocessing/pipeline.py (3.15).
public struct Pipeline: BuiltInLayer {
    public static let className = "Pipeline"
    public var common: LayerCommon
    private var layers: [any BuiltInLayer]
    private let names: [String]

    /// - Throws: `.unsupported` for a layer that isn't built in.
    public init(_ layers: [any Layer], inputShape: [Int?]? = nil, name: String? = nil) throws(LocatedError) {
        common = LayerCommon(name: name, inputShape: inputShape)
        var own: [any BuiltInLayer] = []
        for layer in layers {
            guard var layer = layer as? any BuiltInLayer else {
                throw LocatedError(.unsupported, "pipeline.layer", "expected a built-in layer, got \(type(of: layer).className)")
            }
            layer.common.name = layer.common.name ?? SnakeCase.name(type(of: layer).className)
            own.append(layer)
        }
        self.layers = own
        names = Self.names(own)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let value = config.value("layers"), let items = value.array else {
            throw config.wrong("layers", "a list of layers", .null)
        }
        var layers: [any BuiltInLayer] = []
        for (index, item) in items.enumerated() { layers.append(try InnerLayer.decode(item, "layers/\(index)")) }
        self.layers = layers
        names = Self.names(layers)
    }

    package var config: ConfigObject {
        ["layers": .array(layers.map(InnerLayer.encode)), "name": common.name.map(ConfigValue.string) ?? .null]
    }

    private static func names(_ layers: [any BuiltInLayer]) -> [String] {
        var counts: [String: Int] = [:]
        return layers.map { layer in
            let base = SnakeCase.name(type(of: layer).className)
            let number = counts[base, default: 0]
            counts[base] = number + 1
            return number == 0 ? base : "\(base)_\(number)"
        }
    }

    package var callKeywords: Set<String>? { ["training", "mask"] }
    package var mixesSamples: Bool { layers.contains { $0.mixesSamples } }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        var (slots, step) = ([] as [WeightSlot], inputs)
        for (name, layer) in zip(names, layers) {
            slots += try layer.weights(for: step).within("layers", name, trainable: layer.common.trainable)
            step = try layer.outputInfos(for: step)
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard let first = context.call.positional.first?.signals ?? Optional(inputs), !first.isEmpty else { return [try inputs.single()] }
        var step = first
        for (name, layer) in zip(names, layers) {
            step = try context.within(attribute: "layers") { () throws(LocatedError) in
                try context.within(attribute: name, call: CallArguments(step)) { () throws(LocatedError) in
                    try layer.lower(step, context)
                }
            }
        }
        return step
    }
}
