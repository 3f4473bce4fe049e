package import Graphs
package import KerasSpec
package import Tensors

/// A layer that holds another one.
///
/// Shapes, masks: the inner layer's. (Keras's own `Wrapper` computes nothing, and is there for classes that extend it; called, it
/// raises an error. Here it calls its layer.)
/// Weights: the inner layer's, within `layer`.
/// Config: `layer`.
/// Source: keras/src/layers/core/wrapper.py (3.15).
public struct Wrapper: BuiltInLayer {
    public static let className = "Wrapper"
    public var common: LayerCommon
    package var inner: any BuiltInLayer

    /// nil when `layer` is a user's class, which isn't held as a part.
    public init?(_ layer: any Layer, name: String? = nil) {
        guard let inner = layer as? any BuiltInLayer else { return nil }
        common = LayerCommon(name: name)
        self.inner = inner
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        inner = try config.layer("layer")
    }

    package func encode(into config: inout ConfigObject) { config["layer"] = InnerLayer.encode(inner) }

    package var callKeywords: Set<String>? { inner.callKeywords }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        try inner.weights(for: inputs).within("layer", trainable: inner.common.trainable)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let outputs = try context.within(attribute: "layer") { () throws(LocatedError) in try inner.lower(inputs, context) }
        context.count(outputs, by: inner.activityRegularizer)
        return outputs
    }
}
