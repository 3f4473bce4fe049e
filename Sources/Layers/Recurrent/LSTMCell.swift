package import Graphs
internal import Kernels
package import KerasSpec
internal import Ops
package import Tensors

/// One step of an LSTM; formula and weights as there.
///
/// Shapes: (batch, inputs), and h and c before (batch, units) → h, then h and c.
/// Config: as `LSTM`, without what concerns sequences.
/// Source: keras/src/layers/rnn/lstm.py (3.15).
@dynamicMemberLookup
public struct LSTMCell: RecurrentCell {
    public static let className = "LSTMCell"
    public var common: LayerCommon
    public var units: Int
    public var activation: ActivationFunction
    public var recurrentActivation: ActivationFunction
    /// Whether the forget gate's bias begins with ones.
    public var unitForgetBias: Bool
    public var parameters: CellParameters

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        unitForgetBias: Bool = true, kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil,
        biasConstraint: Constraint? = nil, dropout: Double = 0, recurrentDropout: Double = 0, seed: Int? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.unitForgetBias = unitForgetBias
        parameters = CellParameters(
            useBias: useBias, kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer,
            biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer, recurrentRegularizer: recurrentRegularizer,
            biasRegularizer: biasRegularizer, kernelConstraint: kernelConstraint, recurrentConstraint: recurrentConstraint,
            biasConstraint: biasConstraint, dropout: dropout, recurrentDropout: recurrentDropout, seed: seed)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        units = try config.integer("units", atLeast: 1)
        activation = try config.activation("activation", default: .tanh)
        recurrentActivation = try config.activation("recurrent_activation", default: .sigmoid)
        unitForgetBias = try config.bool("unit_forget_bias", default: true)
        parameters = try CellParameters(&config)
    }

    package func encode(into config: inout ConfigObject) { encode(into: &config, .cell) }

    func encode(into config: inout ConfigObject, _ place: CellParameters.Place) {
        config["units"] = .integer(units)
        config["activation"] = activation.config
        config["recurrent_activation"] = recurrentActivation.config
        parameters.encode(into: &config, place, unitForgetBias: unitForgetBias)
        config["seed"] = parameters.encodedSeed
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<CellParameters, Member>) -> Member {
        get { parameters[keyPath: path] }
        set { parameters[keyPath: path] = newValue }
    }

    package var stateNames: [String] { ["state_h", "state_c"] }

    package func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape] {
        [[step.shape[0], units], [step.shape[0], units]]
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs[0].knownExtent(-1, "the inputs of a step (the kernel's rows)")
        return parameters.slots(
            kernel: [depth, 4 * units], recurrent: [units, 4 * units], bias: [4 * units], unitForgetBias: unitForgetBias)
    }

    package func run(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        guard let activation = activation.kernel, let gate = recurrentActivation.kernel, !parameters.dropsState(context) else {
            return try runInSteps(recurrence, context)
        }
        var input = recurrence.input
        if context.training, parameters.dropout > 0 { input = try context.dropSteps(input, parameters.dropout) }
        var operands = [input, context.weight("kernel"), context.weight("recurrent_kernel")]
        if parameters.useBias { operands.append(context.weight("bias")) }
        if let mask = recurrence.mask { operands.append(mask) }
        let op = Ops.LSTM(
            units: units, activation: activation, recurrentActivation: gate, hasBias: parameters.useBias,
            hasMask: recurrence.mask != nil, hasInitialState: !recurrence.states.isEmpty,
            returnsSequences: recurrence.returnsSequences, goesBackwards: recurrence.goesBackwards,
            zeroesMasked: recurrence.zeroesMasked)
        let outputs = try context.apply(op, to: operands + recurrence.states)
        return RecurrenceResult(output: outputs[0], states: Array(outputs.dropFirst()))
    }

    /// Each step by itself: for activations that look at all units, and for dropout of the state.
    private func runInSteps(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        let gates = try GatedInput(4, parameters, recurrence, units: units, context)
        let kernels = try context.gates(context.weight("recurrent_kernel"), 4)
        let shapes = try stateShapes(for: try stepInfo(context.info(recurrence.input)))
        return try context.unroll(recurrence, gates.sequences, zeros: shapes) {
            (inputs, states) throws(LocatedError) in
            func sum(_ gate: Int) throws(LocatedError) -> Value {
                let product = try context.apply(MatMul(hasBias: false), try gates.state(states[0], gate, context), kernels[gate])
                return try context.apply(Binary(.add), inputs[gate], product)
            }
            let input = try context.activate(try sum(0), recurrentActivation)
            let forget = try context.activate(try sum(1), recurrentActivation)
            let candidate = try context.activate(try sum(2), activation)
            let output = try context.activate(try sum(3), recurrentActivation)
            let cell = try context.apply(
                Binary(.add), try context.apply(Binary(.multiply), forget, states[1]),
                try context.apply(Binary(.multiply), input, candidate))
            let hidden = try context.apply(Binary(.multiply), output, try context.activate(cell, activation))
            return (hidden, [hidden, cell])
        }
    }
}

/// What the gates of a cell make of the inputs, before any step: x·kernel + bias of each gate, with dropout of the inputs; and
/// the state's dropout.
struct GatedInput {
    /// By gate: (batch, steps, units).
    let sequences: [Value]
    /// By gate; empty without dropout of the state.
    private let masks: [Value]

    init(
        _ count: Int, _ parameters: CellParameters, _ recurrence: Recurrence, units: Int, _ context: LoweringContext,
        bias: Value? = nil
    ) throws(LocatedError) {
        let bias = bias ?? (parameters.useBias ? context.weight("bias") : nil)
        var sequences: [Value] = []
        if context.training, parameters.dropout > 0, parameters.recurrentDropout > 0 {
            let kernels = try context.gates(context.weight("kernel"), count)
            let biases = try bias.map { (bias) throws(LocatedError) in try context.gates(bias, count) }
            for gate in 0..<count {
                let input = try context.dropSteps(recurrence.input, parameters.dropout)
                let operands = [input, kernels[gate]] + (biases.map { [$0[gate]] } ?? [])
                sequences.append(try context.apply(MatMul(hasBias: biases != nil), to: operands)[0])
            }
        } else {
            let isDropped = context.training && parameters.dropout > 0
            let input = isDropped ? try context.dropSteps(recurrence.input, parameters.dropout) : recurrence.input
            let operands = [input, context.weight("kernel")] + (bias.map { [$0] } ?? [])
            sequences = try context.gates(try context.apply(MatMul(hasBias: bias != nil), to: operands)[0], count)
        }
        self.sequences = sequences
        var masks: [Value] = []
        if parameters.dropsState(context) {
            let shape: PartialShape = [context.shape(recurrence.input)[0], units]
            for _ in 0..<count {
                masks.append(try context.dropMask(shape, parameters.recurrentDropout, like: recurrence.input))
            }
        }
        self.masks = masks
    }

    /// The state that a gate sees.
    func state(_ state: Value, _ gate: Int, _ context: LoweringContext) throws(LocatedError) -> Value {
        masks.isEmpty ? state : try context.apply(Binary(.multiply), state, masks[gate])
    }
}
