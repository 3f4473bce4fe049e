internal import Graphs
internal import Ops
internal import Tensors

/// What a layer makes of categories: Keras's `output_mode`.
public enum CategoryOutput: String, Sendable, CaseIterable {
    /// The indices themselves.
    case int
    /// A vector for each index, 1 at its place.
    case oneHot = "one_hot"
    /// A vector for each sample, 1 at the place of each index that is there.
    case multiHot = "multi_hot"
    /// A vector for each sample: how often each index is there.
    case count
}

extension LoweringContext {
    /// Indices of int32 as Keras's `encode_categorical_inputs` gives them: the last axis is a sample's, for up to two axes; with
    /// more, axis 1 is.
    ///
    /// - Parameters:
    ///   - depth: the number of categories. Indices outside leave zeros.
    ///   - weights: counted instead of ones, in the shape of the indices.
    func encoded(_ indices: Value, _ mode: CategoryOutput, depth: Int, weights: Value? = nil) throws(LocatedError) -> Value {
        let rank = rank(indices)
        switch mode {
        case .int: return indices
        case .oneHot:
            let places = rank > 1 && shape(indices)[rank - 1] == 1 ? try squeezed(indices, axes: [-1]) : indices
            return try apply(OneHot(depth), places)
        case .multiHot, .count:
            if rank <= 2 {
                let operands = try ([indices] + (weights.map { [$0] } ?? [])).map { (operand) throws(LocatedError) in
                    rank == 2 ? operand : try expanded(operand, axes: [0])
                }
                let counts = try apply(CategoryCounts(depth, binary: mode == .multiHot), to: operands)[0]
                return rank == 2 ? counts : try squeezed(counts, axes: [0])
            }
            var ones = try apply(OneHot(depth), indices)
            if let weights { ones = try multiply(ones, try expanded(weights, axes: [-1])) }
            return try reduce(mode == .multiHot ? .max : .sum, ones, axes: [1])
        }
    }

    /// Whole numbers as int32: floats are cut.
    func wholeNumbers(_ value: Value) throws(LocatedError) -> Value {
        dtype(value) == .int32 ? value : try cast(value, to: .int32)
    }
}

extension CategoryOutput {
    /// Its value for Keras's older words.
    init?(word: String) {
        self.init(rawValue: word == "binary" ? "multi_hot" : word)
    }
}
