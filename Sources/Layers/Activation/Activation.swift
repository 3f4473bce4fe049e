package import KerasSpec
package import Tensors

/// An activation function as a layer of its own.
///
/// Formula: y = activation(x); softmax over the last axis.
/// Shapes: any → the same. The mask goes on.
/// Config: `activation`.
/// Source: keras/src/layers/activations/activation.py (3.15), keras/layers/core.py (2.3.1).
public struct Activation: BuiltInLayer {
    public static let className = "Activation"
    public var common: LayerCommon
    public var activation: ActivationFunction

    public init(_ activation: ActivationFunction, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.activation = activation
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard config.has("activation") else {
            throw LocatedError(
                .invalid, "config.missing", "expected an activation's name, got nothing", at: ["config/activation"])
        }
        activation = try config.activation("activation")
    }

    package func encode(into config: inout ConfigObject) { config["activation"] = activation.config }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        return [Signal(try context.activate(input.value, activation), mask: input.mask)]
    }
}
