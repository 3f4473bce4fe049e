package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Rectification with a slope for negative values that is learnt.
///
/// Formula: y = max(x, 0) − alpha·max(−x, 0).
/// Shapes: (batch, …) → the same. The mask goes on.
/// Weights: alpha, of the shape of one sample, with 1 for the axes that share it.
/// Config: `alpha_initializer`, `alpha_regularizer`, `alpha_constraint`, `shared_axes` (counted from the batch's, 0).
/// Source: keras/src/layers/activations/prelu.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct PReLU: BuiltInLayer {
    public static let className = "PReLU"
    public var common: LayerCommon
    public var alphaInitializer: Initializer
    public var alphaRegularizer: Regularizer?
    public var alphaConstraint: Constraint?
    public var sharedAxes: [Int]?

    public init(
        alphaInitializer: Initializer = .zeros, alphaRegularizer: Regularizer? = nil, alphaConstraint: Constraint? = nil,
        sharedAxes: [Int]? = nil, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.alphaInitializer = alphaInitializer
        self.alphaRegularizer = alphaRegularizer
        self.alphaConstraint = alphaConstraint
        self.sharedAxes = sharedAxes
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        alphaInitializer = try config.initializer("alpha_initializer", default: .zeros)
        alphaRegularizer = try config.regularizer("alpha_regularizer")
        alphaConstraint = try config.constraint("alpha_constraint")
        sharedAxes = try config.optionalAxes("shared_axes")
    }

    package func encode(into config: inout ConfigObject) {
        config["alpha_initializer"] = alphaInitializer.config
        config["alpha_regularizer"] = alphaRegularizer.config
        config["alpha_constraint"] = alphaConstraint.config
        config["shared_axes"] = sharedAxes.map(ConfigValue.integers) ?? .null
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let shape = try inputs.single().sampleShape(sharing: sharedAxes ?? [])
        return [
            WeightSlot(
                "alpha", shape, initializer: alphaInitializer.config, regularizer: alphaRegularizer.config,
                constraint: alphaConstraint.config)
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let positive = try context.apply(Activate(.rectifier), input.value)
        let negative = try context.apply(Activate(.rectifier), try context.apply(Scale(by: -1), input.value))
        let leak = try context.apply(Binary(.multiply), negative, context.weight("alpha"))
        return [Signal(try context.apply(Binary(.subtract), positive, leak), mask: input.mask)]
    }
}
