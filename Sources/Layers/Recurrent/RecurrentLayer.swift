package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// How a recurrent layer takes its cell through time.
public struct RecurrentSettings: Sendable {
    public var returnSequences: Bool
    public var returnState: Bool
    public var goBackwards: Bool
    public var stateful: Bool
    public var unroll: Bool
    /// Whether a step that the mask leaves out gives zeros, instead of the output before.
    public var zeroOutputForMask: Bool
    /// Whether the steps come before the batch, as tf.keras can have it.
    public var timeMajor: Bool
    public var activityRegularizer: Regularizer?

    public init(
        returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false,
        unroll: Bool = false, zeroOutputForMask: Bool = false, timeMajor: Bool = false, activityRegularizer: Regularizer? = nil
    ) {
        self.returnSequences = returnSequences
        self.returnState = returnState
        self.goBackwards = goBackwards
        self.stateful = stateful
        self.unroll = unroll
        self.zeroOutputForMask = zeroOutputForMask
        self.timeMajor = timeMajor
        self.activityRegularizer = activityRegularizer
    }

    package init(_ config: inout ConfigReader) throws(LocatedError) {
        returnSequences = try config.bool("return_sequences", default: false)
        returnState = try config.bool("return_state", default: false)
        goBackwards = try config.bool("go_backwards", default: false)
        stateful = try config.bool("stateful", default: false)
        unroll = try config.bool("unroll", default: false)
        zeroOutputForMask = try config.bool("zero_output_for_mask", default: false)
        timeMajor = try config.bool("time_major", default: false)
        activityRegularizer = try config.regularizer("activity_regularizer")
        config.ignore("use_cudnn")
        if let constants = config.value("num_constants"), !constants.isNull, constants != .integer(0) {
            throw LocatedError(
                .unsupported, "recurrent.constants", "expected a recurrent layer without constants, got \(constants.summary)",
                at: ["config/num_constants"])
        }
    }

    func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        config["return_sequences"] = .bool(returnSequences)
        config["return_state"] = .bool(returnState)
        config["go_backwards"] = .bool(goBackwards)
        config["stateful"] = .bool(stateful)
        config["unroll"] = .bool(unroll)
        config["zero_output_for_mask"] = .bool(zeroOutputForMask)
        if timeMajor { config["time_major"] = true }
    }
}

/// A layer that takes a cell through time: its inputs are a sequence, then the states to begin with, if any.
package protocol RecurrentLayer: BuiltInLayer {
    /// Where the cell's weights hang: `cell`.
    var innerCell: any RecurrentCell { get }
    var settings: RecurrentSettings { get set }
    /// Axes of the input; nil for any from 3 on.
    var inputRank: Int? { get }
}

extension RecurrentLayer {
    package var activityRegularizer: Regularizer? { settings.activityRegularizer }
    package var callKeywords: Set<String>? { ["initial_state", "mask"] }
    package var inputRank: Int? { 3 }
    package var mixesSamples: Bool { settings.stateful }
    package var isStateful: Bool { settings.stateful }

    private func sequenceInfo(_ inputs: [ValueInfo]) throws(LocatedError) -> ValueInfo {
        guard let first = inputs.first else {
            throw LocatedError(.mismatch, "layer.inputCount", "expected a sequence, got nothing")
        }
        var info = try [first].single(rank: inputRank)
        if settings.timeMajor, info.shape.rank >= 2 { info.shape.dims.swapAt(0, 1) }
        return info
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let cell = innerCell, sequence = try sequenceInfo(inputs)
        let count = cell.stateNames.count
        // A mask may stand among the keywords.
        guard inputs.filter({ $0.dtype != .bool }).count == 1 || inputs.filter({ $0.dtype != .bool }).count == 1 + count else {
            throw LocatedError(
                .mismatch, "layer.inputCount",
                "expected an input, or an input and \(count) states to begin with, got \(inputs.count)")
        }
        let step = try cell.stepInfo(sequence)
        var slots = try cell.weights(for: [step]).within("cell", trainable: cell.common.trainable)
        if settings.stateful {
            for (name, shape) in zip(cell.stateNames, try cell.stateShapes(for: step)) {
                _ = try ValueInfo(shape).knownExtent(0, "the batch (the states' rows)")
                guard let concrete = shape.concrete else {
                    throw LocatedError(
                        .mismatch, "layer.unknownExtent", "expected the extents of the states to be known, got the shape \(shape)")
                }
                slots.append(WeightSlot(name, concrete, trainable: false, initializer: Initializer.zeros.config, isSaved: false))
            }
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let cell = innerCell
        var sequence = inputs[0]
        var states = inputs.dropFirst().map(\.value), outputMask: Value?
        if let mask = try context.call.mask(context) {
            sequence.mask = mask
            states.removeAll { $0 == mask }
        } else if context.leavesMaskOut {
            outputMask = sequence.mask
            sequence.mask = nil
        }
        if settings.timeMajor { sequence = try swapped(sequence, context) }
        if states.isEmpty, settings.stateful { states = cell.stateNames.map { context.state($0) } }
        let recurrence = Recurrence(
            input: sequence.value, mask: sequence.mask, states: states, returnsSequences: settings.returnSequences,
            goesBackwards: settings.goBackwards, zeroesMasked: settings.zeroOutputForMask && sequence.mask != nil)
        let result = try context.within(attribute: "cell") { () throws(LocatedError) in try cell.run(recurrence, context) }
        if settings.stateful {
            for (name, value) in zip(cell.stateNames, result.states) { context.update(name, with: value) }
        }
        let values = try beginning(with: states.first, result.output, mask: sequence.mask, context)
        var output = Signal(values, mask: settings.returnSequences ? outputMask ?? sequence.mask : nil)
        if settings.timeMajor, settings.returnSequences { output = try swapped(output, context) }
        return settings.returnState ? [output] + result.states.map { Signal($0) } : [output]
    }

    /// The output with the given state where no step has counted yet, for a Keras that has it so.
    private func beginning(
        with state: Value?, _ output: Value, mask: Value?, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        guard context.masks.beginsWithState, !settings.unroll, let state, let mask, context.shape(state).rank == 2,
            context.shape(mask).rank == 2, context.shape(state).dims.last == context.shape(output).dims.last
        else { return output }
        let steps = settings.goBackwards ? try context.flipped(mask, axis: 1) : mask
        let counted = try context.cast(steps, to: .int32)
        guard settings.returnSequences else {
            let any = try context.asMask(try context.reduce(.sum, counted, axes: [1], keepsAxes: true))
            return try context.select(any, output, state)
        }
        let seen = try context.asMask(try context.apply(Cumulative(.sum, axis: 1), counted))
        return try context.select(try context.trailing(seen, rank: 3), output, try context.expanded(state, axes: [1]))
    }

    /// With batch and steps changed over.
    private func swapped(_ signal: Signal, _ context: LoweringContext) throws(LocatedError) -> Signal {
        func swap(_ value: Value) throws(LocatedError) -> Value {
            var order = Array(0..<context.shape(value).rank)
            order.swapAt(0, 1)
            return try context.apply(Transpose(order), value)
        }
        return Signal(try swap(signal.value), mask: try signal.mask.map { (mask) throws(LocatedError) in try swap(mask) })
    }
}

extension LoweringContext {
    /// Whether Keras 3 doesn't hand the sequence's mask to the recurrent layer that lowers itself now: it does only to a layer
    /// that is called with one argument of tensors, and this one is given states, too. The mask goes on all the same.
    /// Source: `Layer.__call__`, "Populate mask argument(s)".
    package var leavesMaskOut: Bool {
        if masks.reachesGivenStates { return false }
        return call.positional.count > 1 || call.keywords["initial_state"].map { !$0.isNull } ?? false
    }
}

extension CallArguments {
    /// The mask that a call was given by keyword; nil when there is none.
    func mask(_ context: LoweringContext) throws(LocatedError) -> Value? {
        guard let argument = keywords["mask"], !argument.isNull else { return nil }
        let signals = argument.signals
        guard signals.count == 1, context.info(signals[0].value).dtype == .bool else {
            throw LocatedError(.unsupported, "call.mask", "expected one mask of type bool, got \(argument.kindName)" + (signals.first.map { " of type \(context.info($0.value).dtype.rawValue)" } ?? ""))
        }
        return signals[0].value
    }
}

extension [WeightSlot] {
    /// The slots of a layer within a layer.
    func within(_ part: String..., trainable: Bool) -> [WeightSlot] {
        map { slot in
            var slot = slot
            slot.path = part + slot.path
            slot.trainable = slot.trainable && trainable
            return slot
        }
    }
}
