internal import Graphs
internal import KerasSpec
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

    /// `value` with axes of extent 1 put behind the batch until it has `rank` axes.
    func withAxesAfterBatch(_ value: Value, rank: Int) throws(LocatedError) -> Value {
        let shape = shape(value)
        guard shape.rank < rank, shape.rank > 0 else { return value }
        let ones = [Int?](repeating: 1, count: rank - shape.rank)
        return try apply(Ops.Reshape(to: PartialShape([shape[0]] + ones + shape.dims.dropFirst())), value)
    }
}
