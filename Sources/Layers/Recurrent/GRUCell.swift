package import Graphs
internal import Kernels
package import KerasSpec
internal import Ops
package import Tensors

/// One step of a GRU; formula and weights as there.
///
/// Shapes: (batch, inputs), and h before (batch, units) → h, then h again as the state.
/// Config: as `GRU`, without what concerns sequences.
/// Source: keras/src/layers/rnn/gru.py (3.15).
@dynamicMemberLookup
public struct GRUCell: RecurrentCell {
    public static let className = "GRUCell"
    public var common: LayerCommon
    public var units: Int
    public var activation: ActivationFunction
    public var recurrentActivation: ActivationFunction
    /// Whether the reset gate acts on h·R instead of on h.
    public var resetAfter: Bool
    public var parameters: CellParameters

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        dropout: Double = 0, recurrentDropout: Double = 0, resetAfter: Bool = true, seed: Int? = nil, name: String? = nil,
        trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.resetAfter = resetAfter
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
        resetAfter = try config.bool("reset_after", default: true)
        parameters = try CellParameters(&config)
    }

    package func encode(into config: inout ConfigObject) { encode(into: &config, .cell) }

    func encode(into config: inout ConfigObject, _ place: CellParameters.Place) {
        config["units"] = .integer(units)
        config["activation"] = activation.config
        config["recurrent_activation"] = recurrentActivation.config
        parameters.encode(into: &config, place)
        config["reset_after"] = .bool(resetAfter)
        config["seed"] = parameters.encodedSeed
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<CellParameters, Member>) -> Member {
        get { parameters[keyPath: path] }
        set { parameters[keyPath: path] = newValue }
    }

    package var stateNames: [String] { ["state_h"] }

    package func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape] { [[step.shape[0], units]] }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs[0].knownExtent(-1, "the inputs of a step (the kernel's rows)")
        return parameters.slots(
            kernel: [depth, 3 * units], recurrent: [units, 3 * units], bias: resetAfter ? [2, 3 * units] : [3 * units])
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
        let op = Ops.GRU(
            units: units, activation: activation, recurrentActivation: gate, resetsAfter: resetAfter,
            hasBias: parameters.useBias, hasMask: recurrence.mask != nil, hasInitialState: !recurrence.states.isEmpty,
            returnsSequences: recurrence.returnsSequences, goesBackwards: recurrence.goesBackwards,
            zeroesMasked: recurrence.zeroesMasked)
        let outputs = try context.apply(op, to: operands + recurrence.states)
        return RecurrenceResult(output: outputs[0], states: Array(outputs.dropFirst()))
    }

    /// Each step by itself: for activations that look at all units, and for dropout of the state.
    private func runInSteps(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        var inputBias: Value?
        var stateBiases: [Value] = []
        if parameters.useBias, resetAfter {
            let both = try context.apply(Steps(axis: 0), to: [context.weight("bias")])
            inputBias = both[0]
            stateBiases = try context.gates(both[1], 3)
        }
        let gates = try GatedInput(3, parameters, recurrence, units: units, context, bias: inputBias)
        let kernels = try context.gates(context.weight("recurrent_kernel"), 3)
        let shapes = try stateShapes(for: try stepInfo(context.info(recurrence.input)))
        return try context.unroll(recurrence, gates.sequences, zeros: shapes) {
            (inputs, states) throws(LocatedError) in
            let before = states[0]
            func product(_ state: Value, _ gate: Int) throws(LocatedError) -> Value {
                let operands = [state, kernels[gate]] + (stateBiases.isEmpty ? [] : [stateBiases[gate]])
                return try context.apply(MatMul(hasBias: !stateBiases.isEmpty), to: operands)[0]
            }
            func add(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try context.apply(Binary(.add), x, y) }
            func multiply(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try context.apply(Binary(.multiply), x, y) }
            let update = try context.activate(
                try add(inputs[0], try product(try gates.state(before, 0, context), 0)), recurrentActivation)
            let reset = try context.activate(
                try add(inputs[1], try product(try gates.state(before, 1, context), 1)), recurrentActivation)
            let seen = try gates.state(before, 2, context)
            let recurrent = resetAfter ? try multiply(reset, try product(seen, 2)) : try product(try multiply(reset, seen), 2)
            let candidate = try context.activate(try add(inputs[2], recurrent), activation)
            // z·h + (1 − z)·g = g + z·(h − g).
            let difference = try context.apply(Binary(.subtract), before, candidate)
            let hidden = try add(candidate, try multiply(update, difference))
            return (hidden, [hidden])
        }
    }
}
