package import Graphs
internal import Kernels
package import KerasSpec
internal import Ops
package import Tensors

/// One step of a SimpleRNN; formula and weights as there.
///
/// Shapes: (batch, inputs), and h before (batch, units) → h, then h again as the state.
/// Config: as `SimpleRNN`, without what concerns sequences, and `seed`.
/// Source: keras/src/layers/rnn/simple_rnn.py (3.15).
@dynamicMemberLookup
public struct SimpleRNNCell: RecurrentCell {
    public static let className = "SimpleRNNCell"
    public var common: LayerCommon
    public var units: Int
    public var activation: ActivationFunction
    public var parameters: CellParameters

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), recurrentInitializer: Initializer = .orthogonal(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil,
        biasConstraint: Constraint? = nil, dropout: Double = 0, recurrentDropout: Double = 0, seed: Int? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.units = units
        self.activation = activation
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
        parameters = try CellParameters(&config)
    }

    package func encode(into config: inout ConfigObject) {
        encode(into: &config, .cell)
        config["seed"] = parameters.encodedSeed
    }

    func encode(into config: inout ConfigObject, _ place: CellParameters.Place) {
        config["units"] = .integer(units)
        config["activation"] = activation.config
        parameters.encode(into: &config, place)
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<CellParameters, Member>) -> Member {
        get { parameters[keyPath: path] }
        set { parameters[keyPath: path] = newValue }
    }

    package var stateNames: [String] { ["state_h"] }

    package func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape] { [[step.shape[0], units]] }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let depth = try inputs[0].knownExtent(-1, "the inputs of a step (the kernel's rows)")
        return parameters.slots(kernel: [depth, units], recurrent: [units, units], bias: [units])
    }

    package func run(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        var input = recurrence.input
        if context.training, parameters.dropout > 0 { input = try context.dropSteps(input, parameters.dropout) }
        let bias = parameters.useBias ? [context.weight("bias")] : []
        guard let activation = activation.kernel, !parameters.dropsState(context) else {
            return try runInSteps(recurrence, input, bias, context)
        }
        let operands = [input, context.weight("kernel"), context.weight("recurrent_kernel")] + bias
        let op = Ops.SimpleRNN(
            units: units, activation: activation, hasBias: parameters.useBias, hasMask: recurrence.mask != nil,
            hasInitialState: !recurrence.states.isEmpty, returnsSequences: recurrence.returnsSequences,
            goesBackwards: recurrence.goesBackwards, zeroesMasked: recurrence.zeroesMasked)
        let outputs = try context.apply(op, to: operands + (recurrence.mask.map { [$0] } ?? []) + recurrence.states)
        return RecurrenceResult(output: outputs[0], states: Array(outputs.dropFirst()))
    }

    /// Each step by itself: for activations that look at all units, and for dropout of the state.
    private func runInSteps(
        _ recurrence: Recurrence, _ input: Value, _ bias: [Value], _ context: LoweringContext
    ) throws(LocatedError) -> RecurrenceResult {
        let projected = try context.apply(MatMul(hasBias: !bias.isEmpty), to: [input, context.weight("kernel")] + bias)[0]
        let shapes = try stateShapes(for: try stepInfo(context.info(recurrence.input)))
        let mask = parameters.dropsState(context)
            ? try context.dropMask(shapes[0], parameters.recurrentDropout, like: recurrence.input) : nil
        let kernel = context.weight("recurrent_kernel")
        return try context.unroll(recurrence, [projected], zeros: shapes) { (inputs, states) throws(LocatedError) in
            let seen = try mask.map { (mask) throws(LocatedError) in try context.apply(Binary(.multiply), states[0], mask) }
            let product = try context.apply(MatMul(hasBias: false), seen ?? states[0], kernel)
            let hidden = try context.activate(try context.apply(Binary(.add), inputs[0], product), activation)
            return (hidden, [hidden])
        }
    }
}
