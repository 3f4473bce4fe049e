package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A fully connected layer.
///
/// Formula: y = activation(x·kernel + bias), over the last axis.
/// Shapes: (batch, …, inputs) → (batch, …, units).
/// Weights: kernel (inputs, units), bias (units).
/// Config: `units`, `activation`, `use_bias`, `kernel_`/`bias_initializer`, `_regularizer`, `_constraint`,
/// `activity_regularizer`.
/// Source: keras/src/layers/core/dense.py (3.15).
public struct Dense: BuiltInLayer {
    public static let className = "Dense"
    public var common: LayerCommon
    public var units: Int
    public var activation: ActivationFunction
    public var useBias: Bool
    public var kernelInitializer: Initializer
    public var biasInitializer: Initializer
    public var kernelRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var biasConstraint: Constraint?

    public init(
        _ units: Int, activation: ActivationFunction = .linear, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.units = units
        self.activation = activation
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.kernelRegularizer = kernelRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.kernelConstraint = kernelConstraint
        self.biasConstraint = biasConstraint
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        units = try config.integer("units", atLeast: 1)
        activation = try config.activation("activation")
        useBias = try config.bool("use_bias", default: true)
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        try config.refuseQuantization()
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        config["units"] = .integer(units)
        config["activation"] = activation.config
        config["use_bias"] = .bool(useBias)
        config["kernel_initializer"] = kernelInitializer.config
        config["bias_initializer"] = biasInitializer.config
        config["kernel_regularizer"] = kernelRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        config["kernel_constraint"] = kernelConstraint.config
        config["bias_constraint"] = biasConstraint.config
        config["quantization_config"] = .null
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs.single().knownExtent(-1, "the last axis (the kernel's rows)")
        var slots = [
            WeightSlot(
                "kernel", [depth, units], initializer: kernelInitializer.config,
                regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    "bias", [units], initializer: biasInitializer.config, regularizer: biasRegularizer.config,
                    constraint: biasConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        var operands = [input.value, context.weight("kernel")]
        if useBias { operands.append(context.weight("bias")) }
        let product = try context.apply(MatMul(hasBias: useBias), to: operands)[0]
        return [Signal(try context.activate(product, activation), mask: input.mask)]
    }
}
