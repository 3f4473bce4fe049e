package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A dense layer beside a way around it, and a gate that mixes the two. Keras 1 and 2 have it.
///
/// Formula: t = sigmoid(x·W_carry + b_carry), y = t·activation(x·W + b) + (1 − t)·x.
/// Shapes: (batch, features) → the same.
/// Weights: W, W_carry (features, features), b, b_carry (features).
/// Config, in Keras 1's words: `init`, `activation`, `W_`/`b_regularizer`, `W_`/`b_constraint`, `activity_regularizer`, `bias`,
/// `input_dim` (tells the input's shape only).
/// Source: keras/layers/core.py (1.2.2), keras/legacy/layers.py (2.3.1).
public struct Highway: BuiltInLayer {
    public static let className = "Highway"
    public var common: LayerCommon
    public var initializer: Initializer
    public var activation: ActivationFunction
    public var weightRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var weightConstraint: Constraint?
    public var biasConstraint: Constraint?
    public var useBias: Bool
    private var inputDim: ConfigValue = .null

    public init(
        initializer: Initializer = .glorotUniform(), activation: ActivationFunction = .linear,
        weightRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        weightConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, useBias: Bool = true,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.initializer = initializer
        self.activation = activation
        self.weightRegularizer = weightRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.weightConstraint = weightConstraint
        self.biasConstraint = biasConstraint
        self.useBias = useBias
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        initializer = try config.initializer("init", default: .glorotUniform())
        activation = try config.activation("activation")
        weightRegularizer = try config.regularizer("W_regularizer")
        biasRegularizer = try config.regularizer("b_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        weightConstraint = try config.constraint("W_constraint")
        biasConstraint = try config.constraint("b_constraint")
        useBias = try config.bool("bias", default: true)
        inputDim = config.value("input_dim") ?? .null
    }

    package func encode(into config: inout ConfigObject) {
        config["init"] = initializer.config
        config["activation"] = activation.config
        config["W_regularizer"] = weightRegularizer.config
        config["b_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["W_constraint"] = weightConstraint.config
        config["b_constraint"] = biasConstraint.config
        config["bias"] = .bool(useBias)
        config["input_dim"] = inputDim
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let width = try inputs.single(rank: 2).knownExtent(-1, "features (the weights' rows)")
        var slots = [
            WeightSlot(
                "W", [width, width], initializer: initializer.config, regularizer: weightRegularizer.config,
                constraint: weightConstraint.config),
            WeightSlot("W_carry", [width, width], initializer: initializer.config),
        ]
        if useBias {
            slots += [
                WeightSlot(
                    "b", [width], initializer: Initializer.zeros.config, regularizer: biasRegularizer.config,
                    constraint: biasConstraint.config),
                WeightSlot("b_carry", [width], initializer: Initializer.ones.config),
            ]
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        func dense(_ kernel: String, _ bias: String) throws(LocatedError) -> Value {
            let operands = [input, context.weight(kernel)] + (useBias ? [context.weight(bias)] : [])
            return try context.apply(MatMul(hasBias: useBias), to: operands)[0]
        }
        let gate = try context.apply(Activate(.sigmoid), try dense("W_carry", "b_carry"))
        let transformed = try context.activate(try dense("W", "b"), activation)
        let through = try context.apply(Binary(.multiply), transformed, gate)
        let around = try context.apply(Binary(.multiply), try context.apply(Scale(by: -1, offset: 1), gate), input)
        return [Signal(try context.apply(AddN(), through, around))]
    }
}
