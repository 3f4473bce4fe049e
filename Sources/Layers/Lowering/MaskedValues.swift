internal import Graphs
internal import KerasSpec
internal import Ops
internal import Tensors

// What layers do with masks beside passing them on.

extension LoweringContext {
    /// One number that broadcasts to anything.
    func number(_ value: Float) -> Value { constant(Tensor([value], shape: [])) }

    /// `value` where the mask is set, a number elsewhere.
    func select(_ mask: Value, _ value: Value, else number: Float) throws(LocatedError) -> Value {
        try apply(Select(), mask, value, self.number(number))
    }

    /// A value with one more axis of extent 1, at `axis` of the result (negative: from its end).
    func expanded(_ value: Value, at axis: Int) throws(LocatedError) -> Value {
        var dims = shape(value).dims
        let place = axis < 0 ? dims.count + 1 + axis : axis
        guard (0...dims.count).contains(place) else {
            throw LocatedError(.mismatch, "layer.inputShape", "expected more axes, got the shape \(shape(value))", at: [label])
        }
        dims.insert(1, at: place)
        return try apply(Ops.Reshape(to: PartialShape(dims)), value)
    }

    /// A mask with axes of extent 1 behind its own until it has `rank` axes.
    func trailing(_ mask: Value, rank: Int) throws(LocatedError) -> Value {
        let shape = shape(mask)
        guard shape.rank < rank else { return mask }
        return try apply(Ops.Reshape(to: PartialShape(shape.dims + [Int?](repeating: 1, count: rank - shape.rank))), mask)
    }

    /// Both masks, or the one that there is.
    func both(_ a: Value?, _ b: Value?) throws(LocatedError) -> Value? {
        guard let a, let b else { return a ?? b }
        return try apply(LogicalAnd(), a, b)
    }

    /// Anything as a mask: numbers count where they aren't 0.
    func asMask(_ value: Value) throws(LocatedError) -> Value {
        info(value).dtype == .bool ? value : try apply(NotEqual(to: 0), value)
    }

    /// Softmax in which what a mask leaves out counts nothing, and comes out as 0; in older Keras not where it leaves nothing in.
    func maskedSoftmax(_ value: Value, axes: [Int], mask: Value) throws(LocatedError) -> Value {
        let shape = shape(value)
        guard self.shape(mask).rank <= shape.rank else {
            throw LocatedError(
                .mismatch, "softmax.mask", "expected a mask that broadcasts to \(shape), got \(self.shape(mask))", at: [label])
        }
        let scores = try select(mask, value, else: -1e9)
        guard self.shape(scores).rank == shape.rank else { return scores }
        let result = try softmax(scores, axes: axes)
        return masks.softmaxZeroes ? try select(mask, result, else: 0) : result
    }
}
