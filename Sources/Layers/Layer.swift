package import Graphs
package import KerasSpec
public import Tensors

/// A Keras layer: a value that holds what `get_config()` tells. Its weights live in the model, under its name.
///
/// Copies of one layer are the same layer: calling them twice shares the weights, as in Keras.
public protocol Layer: Sendable {
    /// Keras's class name.
    static var className: String { get }

    /// What every layer has: name, trainable, dtype, the shape of the input when it is a model's first.
    var common: LayerCommon { get set }
}

/// What every layer's configuration begins with.
public struct LayerCommon: Sendable {
    /// nil until a model gives the layer its default name (`conv2d_1`).
    public var name: String?
    public var trainable: Bool
    /// Keras's name of the compute type: `float32`.
    public var dtype: String
    /// The shape with the batch, when the layer declares its own input (`inputShape:` in Swift).
    public var batchShape: PartialShape?
    /// Keras 1's and 2's key of a model's first layer, which stays with classes that no later Keras has. The model's input is
    /// made of it already.
    private var batchInputShape: ConfigValue?
    /// The dtype policy of a quantized layer, serialized; `dtype` is the type that it computes with.
    package private(set) var quantizedPolicy: ConfigValue?
    /// Policies for layers within this one, serialized, of which `dtype` is the one for all others.
    private var policyMap: ConfigValue?
    /// What makes this layer the same as its copies.
    package let identity: Serial

    public init(name: String? = nil, trainable: Bool = true, dtype: String = "float32", inputShape: [Int?]? = nil) {
        self.name = name
        self.trainable = trainable
        self.dtype = dtype
        self.batchShape = inputShape.map { PartialShape([nil] + $0) }
        self.identity = Serial()
    }

    /// Reads `name`, `trainable`, `dtype` (a name, or Keras 3's `DTypePolicy`).
    package init(_ config: inout ConfigReader) throws(LocatedError) {
        self.init(
            name: try config.optionalString("name"), trainable: try config.bool("trainable", default: true))
        if let value = config.value("dtype"), !value.isNull {
            if QuantizationPolicy.isQuantized(value) {
                quantizedPolicy = value
                dtype = value.object?["config"]?.object?["source_name"]?.string ?? "float32"
            } else if let policies = DTypePolicyMap(value) {
                if let path = policies.quantized {
                    throw LocatedError(
                        .unsupported, "layer.policyMap", "expected policies of floats in a DTypePolicyMap, got one that quantizes, \"\(path)\"",
                        at: ["config/dtype"], hint: "Keras 3.15 can't build a layer with it either.")
                }
                policyMap = value
                dtype = policies.fallback
            } else {
                guard let name = value.string ?? value.object?["config"]?.object?["name"]?.string else {
                    throw config.wrong("dtype", "a type's name or a dtype policy", value)
                }
                dtype = name
            }
        }
        batchInputShape = config.value("batch_input_shape")
    }

    /// Keras 3's first keys.
    package var config: ConfigObject {
        var config: ConfigObject = [
            "name": name.map(ConfigValue.string) ?? .null, "trainable": .bool(trainable),
            "dtype": quantizedPolicy ?? policyMap ?? .string(dtype),
        ]
        if let batchInputShape { config["batch_input_shape"] = batchInputShape }
        return config
    }
}

/// A layer that the house computes.
package protocol BuiltInLayer: Layer {
    /// Decodes Keras 3's configuration; what `config` gives must come out the same.
    init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError)

    /// Adds this class's own keys, in Keras's order, after the common ones.
    func encode(into config: inout ConfigObject)

    /// Keras 3's `get_config()`: the common keys and the class's own, unless a class says otherwise.
    var config: ConfigObject { get }

    /// The weights in Keras's creation order, for inputs of these shapes. Extents that a weight doesn't need may be unknown.
    func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot]

    /// A penalty on this layer's outputs.
    var activityRegularizer: Regularizer? { get }

    /// Call keywords that this layer honours, besides `training` and `mask`, which are settled before `lower` unless they are
    /// named here. Tensors in them follow the positional inputs; constants stand in `context.call`. nil: all are passed, and
    /// the layer refuses what it doesn't know.
    var callKeywords: Set<String>? { get }

    /// Whether what a sample becomes in training depends on the others of its batch, or a call leaves something behind: such a
    /// layer can't take the steps of a sequence as further samples.
    var mixesSamples: Bool { get }

    /// Whether states are carried from one batch to the next.
    var isStateful: Bool { get }

    /// Adds this layer's nodes to a graph. Takes and returns lists, with masks, so that merges and multi-output layers need
    /// no special door.
    func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal]
}

extension BuiltInLayer {
    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] { [] }
    package func encode(into config: inout ConfigObject) {}
    package var callKeywords: Set<String>? { [] }
    package var activityRegularizer: Regularizer? { nil }
    package var mixesSamples: Bool { false }
    package var isStateful: Bool { false }

    package var config: ConfigObject {
        var config = common.config
        encode(into: &config)
        return config
    }
}

/// A value with the mask that Keras carries beside it: `true` where a time step counts.
package struct Signal: Hashable, Sendable {
    package var value: Value
    package var mask: Value?

    package init(_ value: Value, mask: Value? = nil) {
        self.value = value
        self.mask = mask
    }
}
