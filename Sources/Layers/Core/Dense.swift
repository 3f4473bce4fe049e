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
/// `activity_regularizer`, `quantization_config` with its dtype policy (int8, int4, float8, GPTQ, AWQ: as Keras computes them,
/// inputs rounded where it rounds them), `lora_rank`, `lora_alpha` (Keras's files hold the kernel with the adaptation in it;
/// the kernel isn't trained then).
/// Differs from Keras: within `TimeDistributed` a quantized layer gives what it gives alone (TensorFlow's vectorized loop
/// gives something else). float8's scales stay as they are in training, and gradients aren't rounded.
/// Source: keras/src/layers/core/dense.py (3.15).
public struct Dense: QuantizableLayer {
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
    private var quantization: Quantization?
    /// Keras keeps what it was told even where the layer stayed one of floats, as an embedding does when a model becomes float8.
    private var quantizationSettings = ConfigValue.null
    private var adaptation: LowRankAdaptation?

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
        quantizationSettings = config.value("quantization_config") ?? .null
        quantization = try Quantization(quantizationSettings, common)
        adaptation = try LowRankAdaptation(&config)
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
        config["quantization_config"] = quantizationSettings
        adaptation?.encode(into: &config)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs.single().knownExtent(-1, "the last axis (the kernel's rows)")
        let kernel = WeightSlot(
            "kernel", [depth, units], trainable: adaptation == nil, initializer: kernelInitializer.config,
            regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        var bias: WeightSlot?
        if useBias {
            bias = WeightSlot(
                "bias", [units], initializer: biasInitializer.config, regularizer: biasRegularizer.config,
                constraint: biasConstraint.config)
        }
        guard let quantization else { return [kernel] + (bias.map { [$0] } ?? []) }
        return try quantization.slots(kernel: kernel, bias: bias, rows: depth, columns: units, scale: [units])
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        // Whole numbers, as other layers give them.
        let value = try context.float(input.value)
        let product: Value
        if let quantization {
            product = try quantizedProduct(value, quantization, context)
        } else {
            var operands = [value, context.weight("kernel")]
            if useBias { operands.append(context.weight("bias")) }
            product = try context.apply(MatMul(hasBias: useBias), to: operands)[0]
        }
        return [Signal(try context.activate(product, activation), mask: input.mask)]
    }

    private func quantizedProduct(
        _ x: Value, _ quantization: Quantization, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        func product(_ x: Value, _ kernel: Value) throws(LocatedError) -> Value {
            try context.apply(MatMul(hasBias: false), x, kernel)
        }
        let depth = try context.info(x).knownExtent(-1, "the last axis (the kernel's rows)")
        var result: Value
        switch quantization.policy {
        case .int8, .int4(blockSize: nil):
            let scale = context.weight("kernel_scale")
            let whole = quantization.policy == .int8
                ? context.weight("kernel") : try context.unpacked(context.weight("kernel"), axis: 1, count: units, signed: true)
            if let quantizer = quantization.inputs {
                let (numbers, factor) = try context.quantized(x, quantizer, axes: [-1])
                result = try context.divide(try product(numbers, whole), try context.multiply(scale, factor))
            } else {
                result = try context.divide(try product(x, whole), scale)
            }
            result = try context.straightThrough(result) { () throws(LocatedError) in
                try product(x, try context.divide(whole, scale))
            }
        case .float8:
            result = try product(
                try context.throughFloat8(x, scale: context.weight("inputs_scale")),
                try context.throughFloat8(context.weight("kernel"), scale: context.weight("kernel_scale")))
        case .int4, .gptq, .awq:
            result = try product(x, try context.kernel(of: quantization, rows: depth, columns: units))
        }
        guard useBias else { return result }
        var bias = context.weight("bias")
        if case .float8 = quantization.policy { bias = try context.halved(bias) }
        return try context.add(result, bias)
    }
}
