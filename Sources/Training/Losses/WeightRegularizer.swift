import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// What a weight's size adds to the loss: l1·Σ|w| + l2·Σw²; or, of a matrix, how far its rows or columns are from standing at
/// right angles: factor times the mean of |cosine| over all pairs.
///
/// Source: keras/src/regularizers/regularizers.py (3.15).
package struct WeightRegularizer: Hashable, Sendable {
    package var l1: Double
    package var l2: Double
    package var orthogonal: Orthogonal?

    package struct Orthogonal: Hashable, Sendable {
        package var factor: Double
        package var ofColumns: Bool
    }

    package init(l1: Double = 0, l2: Double = 0) {
        self.l1 = l1
        self.l2 = l2
    }

    /// From Keras's serialized form; nil for null and where both factors are zero.
    package init?(config value: ConfigValue) throws(LocatedError) {
        if value.isNull { return nil }
        // Keras 1 may have left out the class: a pair of factors is one all the same.
        let settings = value.object?["config"]?.object ?? (value.object?["class_name"] == nil ? value.object : nil) ?? [:]
        let name = value.string ?? value.object?["class_name"]?.string ?? (settings["l1"] != nil || settings["l2"] != nil ? "L1L2" : "")
        var plain = name.lowercased().filter { $0 != "_" }
        // Keras 1 has the same for outputs: activity_l1, ActivityRegularizer.
        if plain.hasPrefix("activity") { plain = String(plain.dropFirst(8)) }
        var reader = ConfigReader(settings)
        reader.ignore("name")
        if plain == "orthogonalregularizer" {
            let factor = try reader.number("factor", default: 0.01)
            let mode = try reader.optionalString("mode") ?? "rows"
            guard mode == "rows" || mode == "columns" else { throw reader.wrong("mode", "rows or columns", .string(mode)) }
            try reader.finish()
            self.init()
            orthogonal = Orthogonal(factor: factor, ofColumns: mode == "columns")
            return
        }
        // Without `activity` before it that is the class they are made from.
        let isBase = name.lowercased() == "regularizer"
        guard !isBase, ["l1", "l2", "l1l2", "l1l2regularizer", "weightregularizer", "regularizer"].contains(plain) else {
            throw LocatedError(
                .unsupported, "regularizer.unsupported",
                "expected L1, L2, L1L2 or OrthogonalRegularizer, got \(name.isEmpty ? value.summary : "\"\(name)\"")")
        }
        // A bare name stands for Keras's default of that function, the class's is zero.
        let isFunction = value.string != nil && name == name.lowercased()
        let l1 = try reader.optionalNumber("l1") ?? (plain == "l1" || (isFunction && plain == "l1l2") ? 0.01 : 0)
        let l2 = try reader.optionalNumber("l2") ?? (plain == "l2" || (isFunction && plain == "l1l2") ? 0.01 : 0)
        try reader.finish()
        if l1 == 0 && l2 == 0 { return nil }
        self.init(l1: l1, l2: l2)
    }

    /// Adds the penalty on a value to a graph: one number.
    func penalty(on value: Value, in builder: inout GraphBuilder) throws(LocatedError) -> Value {
        let label = "regularization"
        guard let orthogonal else { return try builder.apply(WeightPenalty(l1: Float(l1), l2: Float(l2)), value, label: label) }
        let shape = builder.graph.info(value).shape
        guard shape.rank == 2, let size = orthogonal.ofColumns ? shape[1] : shape[0] else {
            throw LocatedError(
                .mismatch, "regularizer.shape", "expected a matrix for an OrthogonalRegularizer, got the shape \(shape)")
        }
        let matrix = orthogonal.ofColumns ? try builder.apply(Transpose([1, 0]), value, label: label) : value
        let units = try builder.apply(RowNormalize(.unit, epsilon: 1e-7), matrix, label: label)
        let cosines = try builder.apply(BatchMatMul(transposingB: true), to: [units, units], label: label)[0]
        try Memory.require([size, size], for: "the pairs of an OrthogonalRegularizer")
        var others = [Float](repeating: 1, count: size * size)
        for place in 0..<size { others[place * size + place] = 0 }
        let pairs = try builder.apply(
            Binary(.multiply), to: [cosines, builder.constant(Tensor(others, shape: [size, size]))], label: label)[0]
        // Half of Σ counts each pair once.
        let count = Double(size) * (Double(size) - 1)
        return try builder.apply(WeightPenalty(l1: Float(orthogonal.factor / count), l2: 0), pairs, label: label)
    }
}
