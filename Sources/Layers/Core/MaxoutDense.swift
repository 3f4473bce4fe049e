package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// The largest of several dense layers' outputs. Keras 1 and 2 have it.
///
/// Formula: y[b, o] = maxₖ (x·W[k] + b[k])[b, o].
/// Shapes: (batch, inputs) → (batch, output_dim).
/// Weights: W (nb_feature, inputs, output_dim), b (nb_feature, output_dim).
/// Config, in Keras 1's words: `output_dim`, `init`, `nb_feature`, `W_`/`b_regularizer`, `W_`/`b_constraint`,
/// `activity_regularizer`, `bias`, `input_dim` (tells the input's shape only).
/// Source: keras/layers/core.py (1.2.2), keras/legacy/layers.py (2.3.1).
public struct MaxoutDense: BuiltInLayer {
    public static let className = "MaxoutDense"
    public var common: LayerCommon
    public var outputDim: Int
    public var featureCount: Int
    public var initializer: Initializer
    public var weightRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var weightConstraint: Constraint?
    public var biasConstraint: Constraint?
    public var useBias: Bool
    private var inputDim: ConfigValue = .null

    public init(
        _ outputDim: Int, featureCount: Int = 4, initializer: Initializer = .glorotUniform(),
        weightRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        weightConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, useBias: Bool = true,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.outputDim = outputDim
        self.featureCount = featureCount
        self.initializer = initializer
        self.weightRegularizer = weightRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.weightConstraint = weightConstraint
        self.biasConstraint = biasConstraint
        self.useBias = useBias
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        outputDim = try config.integer("output_dim", atLeast: 1)
        featureCount = try config.integer("nb_feature", default: 4, atLeast: 1)
        initializer = try config.initializer("init", default: .glorotUniform())
        weightRegularizer = try config.regularizer("W_regularizer")
        biasRegularizer = try config.regularizer("b_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        weightConstraint = try config.constraint("W_constraint")
        biasConstraint = try config.constraint("b_constraint")
        useBias = try config.bool("bias", default: true)
        inputDim = config.value("input_dim") ?? .null
    }

    package func encode(into config: inout ConfigObject) {
        config["output_dim"] = .integer(outputDim)
        config["init"] = initializer.config
        config["nb_feature"] = .integer(featureCount)
        config["W_regularizer"] = weightRegularizer.config
        config["b_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["W_constraint"] = weightConstraint.config
        config["b_constraint"] = biasConstraint.config
        config["bias"] = .bool(useBias)
        config["input_dim"] = inputDim
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs.single(rank: 2).knownExtent(-1, "inputs (the weights' rows)")
        var slots = [
            WeightSlot(
                "W", [featureCount, depth, outputDim], initializer: initializer.config,
                regularizer: weightRegularizer.config, constraint: weightConstraint.config)
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    "b", [featureCount, outputDim], initializer: Initializer.zeros.config,
                    regularizer: biasRegularizer.config, constraint: biasConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        var products = try context.einsum("bi,kio->bko", input, context.weight("W"))
        if useBias { products = try context.apply(AddN(), products, context.weight("b")) }
        return [Signal(try context.apply(Aggregate(.max, axes: [1]), products))]
    }
}
