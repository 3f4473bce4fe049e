package import Graphs
internal import Kernels
package import KerasSpec
internal import Ops
package import Tensors

/// One step of a convolutional LSTM, over one to three spatial axes; formula and weights as `ConvLSTM2D`. Keras keeps this cell to
/// itself.
///
/// Source: keras/src/layers/rnn/conv_lstm.py (3.15).
@dynamicMemberLookup
public struct ConvLSTMCell: RecurrentCell {
    public static let className = "ConvLSTMCell"
    public var common: LayerCommon
    public var filters: Int
    public var kernelSize: [Int]
    public var strides: [Int]
    public var padding: Padding
    public var dataFormat: DataFormat
    public var dilationRate: [Int]
    public var activation: ActivationFunction
    public var recurrentActivation: ActivationFunction
    /// Whether the forget gate's bias begins with ones.
    public var unitForgetBias: Bool
    public var parameters: CellParameters

    init(
        filters: Int, kernelSize: [Int], strides: [Int], padding: Padding, dataFormat: DataFormat, dilationRate: [Int],
        activation: ActivationFunction, recurrentActivation: ActivationFunction, unitForgetBias: Bool, parameters: CellParameters
    ) {
        common = LayerCommon()
        self.filters = filters
        self.kernelSize = kernelSize
        self.strides = strides
        self.padding = padding
        self.dataFormat = dataFormat
        self.dilationRate = dilationRate
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.unitForgetBias = unitForgetBias
        self.parameters = parameters
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        try self.init(config: &config, common: common, rank: 2)
    }

    init(config: inout ConfigReader, common: LayerCommon, rank: Int) throws(LocatedError) {
        self.common = common
        filters = try config.integer("filters", atLeast: 1)
        kernelSize = try config.integers("kernel_size", count: rank)
        strides = try config.integers("strides", count: rank, default: [Int](repeating: 1, count: rank))
        padding = try config.word("padding", default: .valid)
        dataFormat = try config.word("data_format", default: .channelsLast)
        dilationRate = try config.integers("dilation_rate", count: rank, default: [Int](repeating: 1, count: rank))
        activation = try config.activation("activation", default: .tanh)
        recurrentActivation = try config.activation("recurrent_activation", default: .sigmoid)
        unitForgetBias = try config.bool("unit_forget_bias", default: true)
        parameters = try CellParameters(&config)
        guard strides.allSatisfy({ $0 == 1 }) || dilationRate.allSatisfy({ $0 == 1 }) else {
            throw config.wrong("strides", "1 where dilation_rate is not 1", .integers(strides))
        }
    }

    package func encode(into config: inout ConfigObject) { encode(into: &config, .cell) }

    func encode(into config: inout ConfigObject, _ place: CellParameters.Place) {
        config["filters"] = .integer(filters)
        config["kernel_size"] = .integers(kernelSize)
        config["strides"] = .integers(strides)
        config["padding"] = .string(padding.rawValue)
        config["data_format"] = .string(dataFormat.rawValue)
        config["dilation_rate"] = .integers(dilationRate)
        config["activation"] = activation.config
        config["recurrent_activation"] = recurrentActivation.config
        parameters.encode(into: &config, place, unitForgetBias: unitForgetBias, isConvolution: true)
        config["seed"] = parameters.encodedSeed
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<CellParameters, Member>) -> Member {
        get { parameters[keyPath: path] }
        set { parameters[keyPath: path] = newValue }
    }

    package var stateNames: [String] { ["state_h", "state_c"] }

    private var rank: Int { kernelSize.count }
    private var isChannelsFirst: Bool { dataFormat == .channelsFirst }

    private var inputConvolution: Convolution {
        Convolution(
            strides: strides, padding: padding == .same ? .same : .valid, dilation: dilationRate, hasBias: parameters.useBias)
    }

    private var stateConvolution: Convolution {
        Convolution(strides: [Int](repeating: 1, count: rank), padding: .same, hasBias: false)
    }

    package func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape] {
        var shape = try [step].single(rank: rank + 2).shape
        if isChannelsFirst { shape = PartialShape([shape[0]] + shape.dims.dropFirst(2) + [shape[1]]) }
        let depth = shape[rank + 1]
        var operands = [ValueInfo(shape), ValueInfo(PartialShape(kernelSize + [depth, filters]))]
        if parameters.useBias { operands.append(ValueInfo([filters] as PartialShape)) }
        var output = try inputConvolution.outputs(for: operands)[0].shape
        if isChannelsFirst { output = PartialShape([output[0], output[rank + 1]] + output.dims[1...rank]) }
        return [output, output]
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let input = try [inputs[0]].single(rank: rank + 2)
        let depth = try input.knownExtent(isChannelsFirst ? 1 : -1, "the channels (the kernel's depth)")
        return parameters.slots(
            kernel: Shape(kernelSize + [depth, 4 * filters]), recurrent: Shape(kernelSize + [filters, 4 * filters]),
            bias: [4 * filters], unitForgetBias: unitForgetBias)
    }

    package func run(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        var rest = recurrence
        let shapes = try stateShapes(for: try stepInfo(context.info(recurrence.input))).map(lastOf)
        rest.input = try channelsLast(recurrence.input, batchAxes: 2, context)
        for index in rest.states.indices { rest.states[index] = try channelsLast(rest.states[index], batchAxes: 1, context) }
        var result = try runChannelsLast(rest, shapes, context)
        result.output = try channelsFirst(result.output, batchAxes: recurrence.returnsSequences ? 2 : 1, context)
        for index in result.states.indices {
            result.states[index] = try channelsFirst(result.states[index], batchAxes: 1, context)
        }
        return result
    }

    private func lastOf(_ shape: PartialShape) -> PartialShape {
        isChannelsFirst ? PartialShape([shape[0]] + shape.dims.dropFirst(2) + [shape[1]]) : shape
    }

    private func channelsLast(_ value: Value, batchAxes: Int, _ context: LoweringContext) throws(LocatedError) -> Value {
        guard isChannelsFirst else { return value }
        let count = context.shape(value).rank
        return try context.apply(Transpose(Array(0..<batchAxes) + Array(batchAxes + 1..<count) + [batchAxes]), value)
    }

    private func channelsFirst(_ value: Value, batchAxes: Int, _ context: LoweringContext) throws(LocatedError) -> Value {
        guard isChannelsFirst else { return value }
        let count = context.shape(value).rank
        return try context.apply(Transpose(Array(0..<batchAxes) + [count - 1] + Array(batchAxes..<count - 1)), value)
    }

    private func runChannelsLast(
        _ recurrence: Recurrence, _ shapes: [PartialShape], _ context: LoweringContext
    ) throws(LocatedError) -> RecurrenceResult {
        let inputs = try projected(recurrence.input, context)
        let kernel = context.weight("recurrent_kernel")
        var masks: [Value] = []
        var kernels: [Value] = []
        if parameters.dropsState(context) {
            kernels = try context.gates(kernel, 4)
            for _ in 0..<4 {
                masks.append(try context.dropMask(shapes[0], parameters.recurrentDropout, like: recurrence.input))
            }
        }
        return try context.unroll(recurrence, inputs, zeros: shapes) { (inputs, states) throws(LocatedError) in
            var sums: [Value] = []
            if masks.isEmpty {
                sums = try context.gates(try context.apply(stateConvolution, states[0], kernel), 4)
            } else {
                for gate in 0..<4 {
                    let seen = try context.apply(Binary(.multiply), states[0], masks[gate])
                    sums.append(try context.apply(stateConvolution, seen, kernels[gate]))
                }
            }
            func gate(_ index: Int, _ function: ActivationFunction) throws(LocatedError) -> Value {
                try context.activate(try context.apply(Binary(.add), inputs[index], sums[index]), function)
            }
            let input = try gate(0, recurrentActivation), forget = try gate(1, recurrentActivation)
            let candidate = try gate(2, activation), output = try gate(3, recurrentActivation)
            let cell = try context.apply(
                Binary(.add), try context.apply(Binary(.multiply), forget, states[1]),
                try context.apply(Binary(.multiply), input, candidate))
            let hidden = try context.apply(Binary(.multiply), output, try context.activate(cell, activation))
            return (hidden, [hidden, cell])
        }
    }

    /// By gate: what the input's convolution makes of all steps, (batch, steps, …, filters).
    private func projected(_ input: Value, _ context: LoweringContext) throws(LocatedError) -> [Value] {
        let kernel = context.weight("kernel")
        let bias = parameters.useBias ? context.weight("bias") : nil
        guard context.training, parameters.dropout > 0 else {
            return try context.gates(try convolve(input, [kernel] + (bias.map { [$0] } ?? []), context), 4)
        }
        // Each gate has a mask of its own.
        let kernels = try context.gates(kernel, 4)
        let biases = try bias.map { (bias) throws(LocatedError) in try context.gates(bias, 4) }
        var gates: [Value] = []
        for gate in 0..<4 {
            let seen = try context.dropSteps(input, parameters.dropout)
            gates.append(try convolve(seen, [kernels[gate]] + (biases.map { [$0[gate]] } ?? []), context))
        }
        return gates
    }

    /// The convolution of all steps, as further samples.
    private func convolve(_ input: Value, _ operands: [Value], _ context: LoweringContext) throws(LocatedError) -> Value {
        let shape = context.shape(input)
        let samples = shape[0].flatMap { batch in
            shape[1].flatMap { steps in
                let (product, overflow) = batch.multipliedReportingOverflow(by: steps)
                return overflow ? nil : product
            }
        }
        let folded = try context.apply(Ops.Reshape(to: PartialShape([samples] + shape.dims.dropFirst(2))), input)
        let output = try context.apply(inputConvolution, to: [folded] + operands)[0]
        return try context.apply(
            Ops.Reshape(to: PartialShape([shape[0], shape[1]] + context.shape(output).dims.dropFirst())), output)
    }
}
