package import Graphs
internal import Ops
package import Tensors

extension [ValueInfo] {
    /// The only input of a layer that takes one, of a certain rank if one is given.
    package func single(rank: Int? = nil) throws(LocatedError) -> ValueInfo {
        guard count == 1 else {
            throw LocatedError(.mismatch, "layer.inputCount", "expected one input, got \(count)")
        }
        if let rank, self[0].shape.rank != rank {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input of \(rank) axes, got the shape \(self[0].shape)")
        }
        return self[0]
    }
}

extension [Signal] {
    /// The only input of a layer that takes one.
    func single() throws(LocatedError) -> Signal {
        guard count == 1 else {
            throw LocatedError(.mismatch, "layer.inputCount", "expected one input, got \(count)")
        }
        return self[0]
    }

    /// The same, of a certain rank.
    func single(rank: Int, _ context: LoweringContext) throws(LocatedError) -> Signal {
        _ = try map { context.info($0.value) }.single(rank: rank)
        return self[0]
    }
}

extension ValueInfo {
    /// The extent of an axis (negative: from the end) that a weight's shape needs.
    package func knownExtent(_ axis: Int, _ meaning: String) throws(LocatedError) -> Int {
        let index = axis < 0 ? shape.rank + axis : axis
        guard shape.dims.indices.contains(index) else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input with \(meaning), got the shape \(shape)")
        }
        guard let extent = shape[index] else {
            throw LocatedError(
                .mismatch, "layer.unknownExtent", "expected \(meaning) to be known, got the shape \(shape)",
                hint: "Give the model an input shape.")
        }
        return extent
    }
}

extension LoweringContext {
    /// Runs `body` on a value with the channels last, whatever the layer's format, and gives the result in the layer's.
    func channelsLast(
        _ value: Value, _ format: DataFormat, _ body: (Value) throws(LocatedError) -> Value
    ) throws(LocatedError) -> Value {
        guard format == .channelsFirst else { return try body(value) }
        let rank = shape(value).rank
        let toLast = [0] + Array(2..<rank) + [1]
        let toFirst = [0, rank - 1] + Array(1..<rank - 1)
        return try apply(Transpose(toFirst), try body(try apply(Transpose(toLast), value)))
    }
}
