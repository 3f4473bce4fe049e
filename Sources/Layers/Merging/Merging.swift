internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

extension [Signal] {
    /// The inputs of a layer that merges: at least two.
    func several(_ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard count >= 2 else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected at least two inputs to merge, got \(count)", at: [context.label])
        }
        return self
    }
}

/// What becomes of the masks of inputs that are merged.
package enum MaskRule: String, Sendable, CaseIterable {
    /// A step counts if it counts in every input that has a mask: Keras 2, tf.keras.
    case all
    /// A step counts if it counts in one input; an input without a mask counts in every step: Keras 3.
    case any
}

extension ConfigReader {
    /// The rule for masks; Keras 3's when nothing is said.
    mutating func maskRule() throws(LocatedError) -> MaskRule { try word(LegacyName.maskRule, default: .any) }
}

extension ConfigObject {
    mutating func setMaskRule(_ rule: MaskRule) {
        if rule != .any { self[LegacyName.maskRule] = .string(rule.rawValue) }
    }
}

extension LoweringContext {
    /// One mask for inputs whose masks have the same shape; nil where every step counts.
    func merged(_ masks: [Value?], by rule: MaskRule) throws(LocatedError) -> Value? {
        var distinct: [Value] = []
        for case let mask? in masks where !distinct.contains(mask) { distinct.append(mask) }
        if rule == .any, masks.contains(nil) { return nil }
        guard let first = distinct.first else { return nil }
        switch rule {
        case .all:
            var result = first
            for mask in distinct.dropFirst() { result = try apply(LogicalAnd(), result, mask) }
            return result
        case .any:
            if distinct.count == 1 { return first }
            var columns: [Value] = []
            for mask in distinct { columns.append(try apply(Ops.Reshape(to: PartialShape(shape(mask).dims + [1])), mask)) }
            return try apply(MaskReduction(.any), try apply(Ops.Concatenate(), to: columns)[0])
        }
    }

    /// The inputs with as many axes as the one that has most.
    func levelled(_ inputs: [Signal]) throws(LocatedError) -> [Signal] {
        let rank = inputs.map { shape($0.value).rank }.max() ?? 0
        var levelled: [Signal] = []
        for input in inputs { levelled.append(Signal(try withAxesAfterBatch(input.value, rank: rank), mask: input.mask)) }
        return levelled
    }

    /// One input after the other taken in, where a step that a mask leaves out is given the other side's value: Keras 3's
    /// `_apply_merge_op_and_or_mask`.
    func foldMasked(_ inputs: [Signal], _ op: any Op) throws(LocatedError) -> Value {
        var result = inputs[0].value
        var resultMask = inputs[0].mask
        for input in inputs.dropFirst() {
            var value = input.value
            if let mask = input.mask {
                value = try apply(Select(), try trailing(mask, rank: shape(value).rank), value, result)
            }
            if let resultMask {
                result = try apply(Select(), try trailing(resultMask, rank: shape(result).rank), result, value)
            }
            if let mask = input.mask, let before = resultMask {
                resultMask = before == mask ? mask : try apply(Logical(.or), before, mask)
            } else {
                resultMask = nil
            }
            result = try apply(op, result, value)
        }
        return result
    }

    /// `value` with axes of extent 1 put behind the batch until it has `rank` axes.
    func withAxesAfterBatch(_ value: Value, rank: Int) throws(LocatedError) -> Value {
        let shape = shape(value)
        guard shape.rank < rank, shape.rank > 0 else { return value }
        let ones = [Int?](repeating: 1, count: rank - shape.rank)
        return try apply(Ops.Reshape(to: PartialShape([shape[0]] + ones + shape.dims.dropFirst())), value)
    }
}
