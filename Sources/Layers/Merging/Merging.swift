internal import Graphs
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

extension LoweringContext {
    /// `value` with axes of extent 1 put behind the batch until it has `rank` axes.
    func withAxesAfterBatch(_ value: Value, rank: Int) throws(LocatedError) -> Value {
        let shape = shape(value)
        guard shape.rank < rank, shape.rank > 0 else { return value }
        let ones = [Int?](repeating: 1, count: rank - shape.rank)
        return try apply(Reshape(to: PartialShape([shape[0]] + ones + shape.dims.dropFirst())), value)
    }

    /// True where all masks are; nil for none.
    func all(_ masks: [Value]) throws(LocatedError) -> Value? {
        guard var result = masks.first else { return nil }
        var seen: Set<Value> = [result]
        for mask in masks where seen.insert(mask).inserted { result = try apply(LogicalAnd(), result, mask) }
        return result
    }
}
