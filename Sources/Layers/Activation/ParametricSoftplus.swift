package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A softplus whose height and slope are learnt. Keras 1 alone has it.
///
/// Formula: y = alpha·log(1 + exp(beta·x)).
/// Shapes: (batch, …) → the same. The mask goes on.
/// Weights: alpha, beta, of the shape of one sample, with 1 for the axes that share them.
/// Config, in Keras 1's words: `alpha_init`, `beta_init` (numbers), `shared_axes` (never written by Keras 1 itself).
/// Source: keras/layers/advanced_activations.py (1.2.2).
public struct ParametricSoftplus: BuiltInLayer {
    public static let className = "ParametricSoftplus"
    public var common: LayerCommon
    public var alpha: Double
    public var beta: Double
    public var sharedAxes: [Int]?

    public init(
        alpha: Double = 0.2, beta: Double = 5, sharedAxes: [Int]? = nil, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.alpha = alpha
        self.beta = beta
        self.sharedAxes = sharedAxes
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        alpha = try config.number("alpha_init", default: 0.2)
        beta = try config.number("beta_init", default: 5)
        sharedAxes = try config.optionalAxes("shared_axes")
    }

    package func encode(into config: inout ConfigObject) {
        config["alpha_init"] = .float(alpha)
        config["beta_init"] = .float(beta)
        if let sharedAxes { config["shared_axes"] = .integers(sharedAxes) }
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let shape = try inputs.single().sampleShape(sharing: sharedAxes ?? [])
        return [
            WeightSlot("alpha", shape, initializer: Initializer.constant(alpha).config),
            WeightSlot("beta", shape, initializer: Initializer.constant(beta).config),
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let scaled = try context.apply(Binary(.multiply), context.weight("beta"), input.value)
        let curve = try context.apply(Activate(.softplus), scaled)
        return [Signal(try context.apply(Binary(.multiply), curve, context.weight("alpha")), mask: input.mask)]
    }
}
