package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Long short-term memory.
///
/// Formula, for each step, with h and c from the step before: [i f g o] = x·kernel + h·recurrent_kernel + bias;
/// c = σ(f)·c + σ(i)·activation(g); h = σ(o)·activation(c), where σ is `recurrent_activation`.
/// Shapes: (batch, steps, inputs) → (batch, units), with `return_sequences` (batch, steps, units); with `return_state` then
/// h and c, (batch, units) each. Further inputs: h and c to begin with.
/// A step that the mask leaves out changes nothing, and gives the output of the step before.
/// Weights: kernel (inputs, 4·units), recurrent_kernel (units, 4·units), bias (4·units); gates in the order i f c o.
/// Config: `units`, `activation`, `recurrent_activation`, `use_bias`, initializers, regularizers, constraints,
/// `unit_forget_bias`, `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`, `dropout`,
/// `recurrent_dropout`, `zero_output_for_mask`, `seed`; `implementation` and `use_cudnn` choose how, not what.
/// Differs from Keras: training with dropout inside is refused, and so is `zero_output_for_mask` with a mask.
/// Source: keras/layers/recurrent.py (2.3.1), keras/src/layers/rnn/lstm.py (3.15).
public struct LSTM: BuiltInLayer {
    public static let className = "LSTM"
    public var common: LayerCommon
    public var units: Int
    public var activation: ActivationFunction
    public var recurrentActivation: ActivationFunction
    public var useBias: Bool
    public var kernelInitializer: Initializer
    public var recurrentInitializer: Initializer
    public var biasInitializer: Initializer
    /// Whether the forget gate's bias begins with ones.
    public var unitForgetBias: Bool
    public var kernelRegularizer: Regularizer?
    public var recurrentRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var recurrentConstraint: Constraint?
    public var biasConstraint: Constraint?
    /// The share of the inputs, and of the state, that is dropped while training.
    public var dropout: Double
    public var recurrentDropout: Double
    public var seed: Int?
    public var returnSequences: Bool
    public var returnState: Bool
    public var goBackwards: Bool
    public var stateful: Bool
    public var unroll: Bool
    /// Whether a step that the mask leaves out gives zeros.
    public var zeroOutputForMask = false

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        unitForgetBias: Bool = true, kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
        recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
        recurrentDropout: Double = 0, seed: Int? = nil, returnSequences: Bool = false, returnState: Bool = false,
        goBackwards: Bool = false, stateful: Bool = false, unroll: Bool = false, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.recurrentInitializer = recurrentInitializer
        self.biasInitializer = biasInitializer
        self.unitForgetBias = unitForgetBias
        self.kernelRegularizer = kernelRegularizer
        self.recurrentRegularizer = recurrentRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.kernelConstraint = kernelConstraint
        self.recurrentConstraint = recurrentConstraint
        self.biasConstraint = biasConstraint
        self.dropout = dropout
        self.recurrentDropout = recurrentDropout
        self.seed = seed
        self.returnSequences = returnSequences
        self.returnState = returnState
        self.goBackwards = goBackwards
        self.stateful = stateful
        self.unroll = unroll
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        returnSequences = try config.bool("return_sequences", default: false)
        returnState = try config.bool("return_state", default: false)
        goBackwards = try config.bool("go_backwards", default: false)
        stateful = try config.bool("stateful", default: false)
        unroll = try config.bool("unroll", default: false)
        zeroOutputForMask = try config.bool("zero_output_for_mask", default: false)
        units = try config.integer("units", atLeast: 1)
        activation = try config.activation("activation", default: .tanh)
        recurrentActivation = try config.activation("recurrent_activation", default: .sigmoid)
        useBias = try config.bool("use_bias", default: true)
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        recurrentInitializer = try config.initializer("recurrent_initializer", default: .orthogonal())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        unitForgetBias = try config.bool("unit_forget_bias", default: true)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        recurrentRegularizer = try config.regularizer("recurrent_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        recurrentConstraint = try config.constraint("recurrent_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        dropout = try config.number("dropout", default: 0, in: 0...1)
        recurrentDropout = try config.number("recurrent_dropout", default: 0, in: 0...1)
        seed = try config.optionalInteger("seed")
        config.ignore("implementation", "use_cudnn", "num_constants")
        guard try !config.bool("time_major", default: false) else {
            throw LocatedError(
                .unsupported, "lstm.timeMajor", "expected inputs with the batch first, got time_major",
                at: ["config/time_major"])
        }
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        config["return_sequences"] = .bool(returnSequences)
        config["return_state"] = .bool(returnState)
        config["go_backwards"] = .bool(goBackwards)
        config["stateful"] = .bool(stateful)
        config["unroll"] = .bool(unroll)
        config["zero_output_for_mask"] = .bool(zeroOutputForMask)
        config["units"] = .integer(units)
        config["activation"] = activation.config
        config["recurrent_activation"] = recurrentActivation.config
        config["use_bias"] = .bool(useBias)
        config["kernel_initializer"] = kernelInitializer.config
        config["recurrent_initializer"] = recurrentInitializer.config
        config["bias_initializer"] = biasInitializer.config
        config["unit_forget_bias"] = .bool(unitForgetBias)
        config["kernel_regularizer"] = kernelRegularizer.config
        config["recurrent_regularizer"] = recurrentRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["kernel_constraint"] = kernelConstraint.config
        config["recurrent_constraint"] = recurrentConstraint.config
        config["bias_constraint"] = biasConstraint.config
        config["dropout"] = .float(dropout)
        config["recurrent_dropout"] = .float(recurrentDropout)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        guard inputs.count == 1 || inputs.count == 3 else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected an input, or an input and the two states to begin with, got \(inputs.count)")
        }
        let depth = try [inputs[0]].single(rank: 3).knownExtent(-1, "the inputs of a step (the kernel's rows)")
        var slots = [
            WeightSlot(
                path: ["cell", "kernel"], shape: [depth, 4 * units], initializer: kernelInitializer.config,
                regularizer: kernelRegularizer.config, constraint: kernelConstraint.config),
            WeightSlot(
                path: ["cell", "recurrent_kernel"], shape: [units, 4 * units], initializer: GateInitializer.recurrent(recurrentInitializer),
                regularizer: recurrentRegularizer.config, constraint: recurrentConstraint.config),
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    path: ["cell", "bias"], shape: [4 * units],
                    initializer: unitForgetBias
                        ? GateInitializer.unitForgetBias(biasInitializer) : biasInitializer.config,
                    regularizer: biasRegularizer.config, constraint: biasConstraint.config))
        }
        if stateful {
            let batch = try inputs[0].knownExtent(0, "the batch (the states' rows)")
            for name in Self.stateNames {
                slots.append(
                    WeightSlot(name, [batch, units], trainable: false, initializer: Initializer.zeros.config, isSaved: false))
            }
        }
        return slots
    }

    private static let stateNames = ["state_h", "state_c"]

    package var callKeywords: Set<String>? { ["initial_state"] }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let mask = inputs[0].mask
        try refuseWhatIsNotComputed(masked: mask != nil, context)
        guard let activation = activation.kernel, let recurrentActivation = recurrentActivation.kernel else {
            throw LocatedError(
                .unsupported, "lstm.activation", "expected elementwise activations, got softmax", at: [context.label])
        }
        var states = inputs.dropFirst().map(\.value)
        if states.isEmpty, stateful { states = Self.stateNames.map { context.state($0) } }
        var operands = [inputs[0].value, context.weight("cell", "kernel"), context.weight("cell", "recurrent_kernel")]
        if useBias { operands.append(context.weight("cell", "bias")) }
        if let mask { operands.append(mask) }
        let op = Ops.LSTM(
            units: units, activation: activation, recurrentActivation: recurrentActivation, hasBias: useBias,
            hasMask: mask != nil, hasInitialState: !states.isEmpty, returnsSequences: returnSequences,
            goesBackwards: goBackwards)
        let outputs = try context.apply(op, to: operands + states)
        if stateful {
            for (name, value) in zip(Self.stateNames, outputs.dropFirst()) { context.update(name, with: value) }
        }
        let output = Signal(outputs[0], mask: returnSequences ? mask : nil)
        return returnState ? [output] + outputs.dropFirst().map { Signal($0) } : [output]
    }

    private func refuseWhatIsNotComputed(masked: Bool, _ context: LoweringContext) throws(LocatedError) {
        if context.training, dropout > 0 || recurrentDropout > 0 {
            throw LocatedError(
                .unsupported, "lstm.dropout", "expected an LSTM without dropout inside for training, got "
                    + "dropout \(dropout), recurrent_dropout \(recurrentDropout)", at: [context.label],
                hint: "Prediction works. A Dropout layer before the LSTM drops inputs, too.")
        }
        if masked, zeroOutputForMask {
            throw LocatedError(
                .unsupported, "lstm.zeroOutputForMask",
                "expected zero_output_for_mask to be false where there is a mask, got true", at: [context.label])
        }
    }
}
