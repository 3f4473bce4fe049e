package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A recurrent layer and its mirror image, whose outputs are merged.
///
/// Formula: y = merge(forward(x), backward(x)), where the sequences of the backward layer are turned round again; `merge_mode` is
/// `concat` (along the last axis), `sum`, `mul`, `ave`, or null for both outputs one after the other.
/// Shapes: as the layers'; with `return_state` the states of the forward layer follow the output, then the backward layer's.
/// Further inputs: the states to begin with, forward's first.
/// Weights: the layers', under `forward_layer` and `backward_layer`.
/// Config: `merge_mode`, `layer`, `backward_layer`. Where sequences are returned, masked steps give zeros, whatever the two layers
/// say; not so in a model of Keras 1 or 2, which goes on with the step before.
/// Source: keras/layers/wrappers.py (2.3.1), keras/src/layers/rnn/bidirectional.py (3.15).
public struct Bidirectional: BuiltInLayer {
    public static let className = "Bidirectional"

    /// How the two outputs become one.
    public enum MergeMode: String, Sendable, CaseIterable {
        case concat, sum, mul, ave
    }

    public var common: LayerCommon
    /// nil: both outputs, one after the other.
    public var mergeMode: MergeMode?
    package var forward: any RecurrentLayer
    package var backward: any RecurrentLayer

    /// - Parameters:
    ///   - layer: a recurrent layer; its copy reads time from the other end.
    ///   - backwardLayer: another layer for that, which says itself that it goes backwards.
    public init(
        _ layer: any Layer, mergeMode: MergeMode? = .concat, backwardLayer: (any Layer)? = nil, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) throws {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.mergeMode = mergeMode
        forward = try Self.recurrent(layer, "layer")
        if let backwardLayer {
            backward = try Self.recurrent(backwardLayer, "backward_layer")
        } else {
            backward = forward
            backward.settings.goBackwards.toggle()
        }
        let base = forward.common.name ?? SnakeCase.name(type(of: forward).className)
        forward.common.name = "forward_" + base
        backward.common.name = backwardLayer == nil ? "backward_" + base : backward.common.name ?? "backward_" + base
        forward.settings.zeroOutputForMask = forward.settings.returnSequences
        backward.settings.zeroOutputForMask = backward.settings.returnSequences
        try verify()
    }

    private static func recurrent(_ layer: any Layer, _ key: String) throws(LocatedError) -> any RecurrentLayer {
        guard let layer = layer as? any RecurrentLayer else {
            throw LocatedError(
                .unsupported, "bidirectional.layer", "expected a recurrent layer, got \(type(of: layer).className)", at: ["config/\(key)"])
        }
        return layer
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        if let value = config.value("merge_mode") {
            if !value.isNull {
                guard let mode = value.string.flatMap(MergeMode.init(rawValue:)) else {
                    throw config.wrong("merge_mode", "concat, sum, mul, ave or null", value)
                }
                mergeMode = mode
            }
        } else {
            mergeMode = .concat
        }
        forward = try Self.recurrent(try config.layer("layer"), "layer")
        backward = try Self.recurrent(try config.layer("backward_layer"), "backward_layer")
        if let constants = config.value("num_constants"), !constants.isNull, constants != .integer(0) {
            throw config.wrong("num_constants", "none", constants)
        }
        try verify()
    }

    /// Both layers must agree, but for the direction.
    private func verify() throws(LocatedError) {
        let (a, b) = (forward.settings, backward.settings)
        guard a.goBackwards != b.goBackwards else {
            throw LocatedError(
                .invalid, "bidirectional.direction", "expected layers of two directions, got two with go_backwards \(a.goBackwards)",
                at: ["config/backward_layer/config/go_backwards"])
        }
        guard a.stateful == b.stateful, a.returnSequences == b.returnSequences, a.returnState == b.returnState,
            a.timeMajor == b.timeMajor
        else {
            throw LocatedError(
                .invalid, "bidirectional.layers",
                "expected layers with equal stateful, return_sequences and return_state, got two that differ",
                at: ["config/backward_layer"])
        }
    }

    package func encode(into config: inout ConfigObject) {
        config["merge_mode"] = mergeMode.map { .string($0.rawValue) } ?? .null
        config["layer"] = InnerLayer.encode(forward)
        config["backward_layer"] = InnerLayer.encode(backward)
    }

    package var callKeywords: Set<String>? { ["initial_state", "mask"] }
    package var mixesSamples: Bool { isStateful }
    package var isStateful: Bool { forward.settings.stateful }

    /// The inputs of each layer: the sequence, and half of the states.
    private func halves<Item>(_ inputs: [Item]) throws(LocatedError) -> (forward: [Item], backward: [Item]) {
        let states = inputs.dropFirst(), half = states.count / 2
        guard let first = inputs.first, states.count % 2 == 0 else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected a sequence, and as many states for each direction, got \(inputs.count) inputs")
        }
        return ([first] + states.prefix(half), [first] + states.suffix(half))
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        // A mask may stand among the keywords.
        let inputs = inputs.enumerated().filter { $0.offset == 0 || $0.element.dtype != .bool }.map(\.element)
        let (ahead, behind) = try halves(inputs)
        return try forward.weights(for: ahead).within("forward_layer", trainable: forward.common.trainable)
            + backward.weights(for: behind).within("backward_layer", trainable: backward.common.trainable)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        var inputs = inputs
        if let mask = try context.call.mask(context) {
            inputs.removeAll { $0.value == mask }
            inputs[0].mask = mask
        }
        let mask = inputs[0].mask
        if context.call.keywords["mask"].map(\.isNull) ?? true, context.leavesMaskOut { inputs[0].mask = nil }
        let (ahead, behind) = try halves(inputs)
        func run(_ layer: any RecurrentLayer, _ inputs: [Signal], _ part: String) throws(LocatedError) -> [Signal] {
            var layer = layer
            if context.masks.zeroesSequences { layer.settings.zeroOutputForMask = layer.settings.returnSequences }
            return try context.within(attribute: part, call: CallArguments(inputs)) { () throws(LocatedError) in
                let outputs = try layer.lower(inputs, context)
                context.count(outputs, by: layer.activityRegularizer)
                return outputs
            }
        }
        let first = try run(forward, ahead, "forward_layer"), second = try run(backward, behind, "backward_layer")
        let returnsSequences = forward.settings.returnSequences
        var (y, reversed) = (first[0].value, second[0].value)
        if returnsSequences { reversed = try context.flipped(reversed, axis: forward.settings.timeMajor ? 0 : 1) }
        let merged: [Value] =
            switch mergeMode {
            case .concat: try context.apply(Ops.Concatenate(), to: [y, reversed])
            case .sum: [try context.apply(Binary(.add), y, reversed)]
            case .mul: [try context.apply(Binary(.multiply), y, reversed)]
            case .ave: [try context.apply(Scale(by: 0.5), try context.apply(Binary(.add), y, reversed))]
            case nil: [y, reversed]
            }
        y = merged[0]
        let outputs = merged.map { Signal($0, mask: returnsSequences ? mask : nil) }
        return outputs + (first.dropFirst() + second.dropFirst()).map { Signal($0.value) }
    }
}
