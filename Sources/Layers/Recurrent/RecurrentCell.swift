package import Graphs
internal import KerasSpec
internal import Ops
package import Tensors

/// A sequence on its way through a cell.
package struct Recurrence {
    /// (batch, steps, …).
    package var input: Value
    /// (batch, steps): the steps that count.
    package var mask: Value?
    /// Before the first step; empty for zeros.
    package var states: [Value]
    package var returnsSequences: Bool
    package var goesBackwards: Bool
    /// Whether a step that doesn't count gives zeros, instead of the output before.
    package var zeroesMasked: Bool
}

/// What came out of a cell: the outputs of all steps (batch, steps, …) or of the last one, and the states after it.
package struct RecurrenceResult {
    package var output: Value
    package var states: [Value]
}

/// What RNN takes through time. Its weights are told by the input of one step (batch, …).
package protocol RecurrentCell: BuiltInLayer {
    /// What Keras calls the states, for those that are kept from batch to batch; their number is that of the states.
    var stateNames: [String] { get }

    /// Shapes of the states, with the batch, for a step's input. The output has the first one's (for a stack, the first of its
    /// last cell).
    func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape]

    /// Takes a sequence through all its steps. The context's part is the cell's.
    func run(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult
}

extension RecurrentCell {
    package var callKeywords: Set<String>? { ["states"] }

    /// A cell called as a layer, on one step and the states before: gives the output, then the states.
    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let step = inputs[0].value, shape = context.shape(step)
        guard inputs.count - 1 == stateNames.count else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected one step and \(stateNames.count) states, got \(inputs.count) inputs")
        }
        let sequence = try context.apply(Ops.Reshape(to: PartialShape([shape[0], 1] + shape.dims.dropFirst())), step)
        let result = try run(
            Recurrence(
                input: sequence, states: inputs.dropFirst().map(\.value), returnsSequences: false, goesBackwards: false,
                zeroesMasked: false), context)
        return ([result.output] + result.states).map { Signal($0) }
    }

    /// What one step of a sequence is told to be.
    package func stepInfo(_ sequence: ValueInfo) throws(LocatedError) -> ValueInfo {
        guard sequence.shape.rank >= 3 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input (batch, steps, …) of 3 axes or more, got the shape \(sequence.shape)")
        }
        var shape = sequence.shape
        shape.dims.remove(at: 1)
        return ValueInfo(shape, sequence.dtype)
    }
}

extension LoweringContext {
    /// More steps than this aren't taken one by one: the graph would be too large.
    private static var mostSteps: Int { 16384 }

    /// The parts of `sequence` along axis 1, the first step's first. With an unknown number of steps, a stand-in for one of them.
    private func steps(_ sequence: Value, backwards: Bool) throws(LocatedError) -> [Value] {
        var info = info(sequence)
        guard let count = info.shape[1] else {
            info.shape.dims.remove(at: 1)
            return [try apply(Unsettled([info]), sequence)]
        }
        guard count > 0 else {
            throw LocatedError(.mismatch, "layer.inputShape", "expected one step or more, got the shape \(info.shape)", at: [label])
        }
        guard count <= Self.mostSteps else {
            throw LocatedError(
                .unsupported, "recurrent.steps", "expected at most \(Self.mostSteps) steps where each is computed on its own, got \(count)",
                at: [label])
        }
        let parts = try apply(Steps(), to: [sequence])
        return backwards ? parts.reversed() : parts
    }

    /// Zeros of a shape; a stand-in where it isn't known.
    func zeros(_ shape: PartialShape, like value: Value) throws(LocatedError) -> Value {
        guard let concrete = shape.concrete else { return try apply(Unsettled([ValueInfo(shape)]), value) }
        return try filled(0, concrete)
    }

    /// An array of a shape, one number everywhere.
    func filled(_ number: Float, _ shape: Shape) throws(LocatedError) -> Value {
        try apply(BroadcastTo(PartialShape(shape)), constant(Tensor([number], shape: Shape([1]))))
    }

    /// Takes sequences through time by putting every step into the graph.
    ///
    /// - Parameters:
    ///   - sequences: what each step reads, (batch, steps, …) each.
    ///   - zeros: shapes of the states, for when `recurrence` brings none.
    ///   - step: from a step's parts of `sequences` and the states before to output and states.
    func unroll(
        _ recurrence: Recurrence, _ sequences: [Value], zeros shapes: [PartialShape],
        _ step: (_ inputs: [Value], _ states: [Value]) throws(LocatedError) -> (output: Value, states: [Value])
    ) throws(LocatedError) -> RecurrenceResult {
        var parts: [[Value]] = []
        for sequence in sequences { parts.append(try steps(sequence, backwards: recurrence.goesBackwards)) }
        let isKnown = shape(recurrence.input)[1] != nil
        let masks = try recurrence.mask.map { (mask) throws(LocatedError) in
            try steps(mask, backwards: recurrence.goesBackwards)
        }
        var states = recurrence.states
        if states.isEmpty { for shape in shapes { states.append(try zeros(shape, like: recurrence.input)) } }
        var outputs: [Value] = []
        for time in 0..<(parts.first?.count ?? 0) {
            var (output, new) = try step(parts.map { $0[time] }, states)
            if let mask = masks?[time] {
                let zero = recurrence.zeroesMasked || outputs.isEmpty
                let fallback = zero ? constant(Tensor([Float(0)], shape: Shape([1]))) : outputs[outputs.count - 1]
                output = try selectRows(mask, output, fallback)
                for index in new.indices { new[index] = try selectRows(mask, new[index], states[index]) }
            }
            states = new
            outputs.append(output)
        }
        let last = outputs[outputs.count - 1]
        guard recurrence.returnsSequences else { return RecurrenceResult(output: last, states: states) }
        guard isKnown else {
            var info = info(last)
            info.shape.dims.insert(nil, at: 1)
            return RecurrenceResult(output: try apply(Unsettled([info]), last), states: states)
        }
        return RecurrenceResult(output: try apply(JoinedSteps(), to: outputs)[0], states: states)
    }

    /// Rows of `value` where the mask of a batch is set, else those of `other`.
    private func selectRows(_ mask: Value, _ value: Value, _ other: Value) throws(LocatedError) -> Value {
        let ones = [Int?](repeating: 1, count: shape(value).rank - 1)
        let wide = try apply(Ops.Reshape(to: PartialShape([shape(mask)[0]] + ones)), mask)
        return try apply(Select(), wide, value, other)
    }

    // MARK: Dropout that is the same in every step

    /// A sequence (batch, steps, …) with dropout whose mask has no time.
    func dropSteps(_ sequence: Value, _ rate: Double) throws(LocatedError) -> Value {
        var noise = shape(sequence)
        for axis in noise.dims.indices { noise[axis] = axis == 1 ? 1 : nil }
        return try apply(Ops.Dropout(rate: Float(rate), noiseShape: noise, stream: randomStream()), sequence)
    }

    /// Factors (0, or 1 / (1 − rate)) of a shape, for all steps.
    func dropMask(_ shape: PartialShape, _ rate: Double, like value: Value) throws(LocatedError) -> Value {
        guard let concrete = shape.concrete else { return try apply(Unsettled([ValueInfo(shape)]), value) }
        return try apply(Ops.Dropout(rate: Float(rate), stream: randomStream()), try filled(1, concrete))
    }

    /// An array whose axis holds `count` gates one after the other, taken apart.
    func gates(_ value: Value, _ count: Int, axis: Int = -1) throws(LocatedError) -> [Value] {
        var shape = shape(value)
        let place = axis < 0 ? shape.rank + axis : axis
        shape.dims.insert(count, at: place)
        shape[place + 1] = shape[place + 1].map { $0 / count }
        return try apply(Steps(axis: place), to: [try apply(Ops.Reshape(to: shape), value)])
    }
}
