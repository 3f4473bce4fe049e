package import Graphs
package import Kernels
package import Ops
package import Tensors

// Arithmetic as NumPy and Keras do it, on values of a graph: types are brought together, shapes are broadcast.

extension LoweringContext {
    package func dtype(_ value: Value) -> DType { info(value).dtype }
    package func rank(_ value: Value) -> Int { shape(value).rank }

    // MARK: constants and types

    /// A number as a scalar.
    package func scalar(_ number: Double) -> Value { constant(Tensor(scalar: Float(number))) }
    package func scalar(_ number: Int32) -> Value { constant(Tensor(scalar: number)) }

    package func cast(_ value: Value, to dtype: DType) throws(LocatedError) -> Value {
        if self.dtype(value) == dtype { return value }
        guard self.dtype(value) != .string, dtype != .string else { throw textError }
        return try apply(Cast(to: dtype), value)
    }

    /// As float32.
    package func float(_ value: Value) throws(LocatedError) -> Value { try cast(value, to: .float32) }

    private var textError: LocatedError {
        LocatedError(.unsupported, "operation.text", "expected numbers, or text alone and moved about or compared, got text", at: [label])
    }

    /// The values in the type that holds them all: bool gives way to int32, both to float32; text only stands with text.
    package func promoted(_ values: [Value], atLeast least: DType = .bool) throws(LocatedError) -> [Value] {
        let types = values.map(dtype) + [least]
        if types.contains(.string) {
            guard values.allSatisfy({ dtype($0) == .string }) else { throw textError }
            return values
        }
        let type: DType = types.contains(.float32) ? .float32 : types.contains(.int32) ? .int32 : .bool
        var result: [Value] = []
        for value in values { result.append(try cast(value, to: type)) }
        return result
    }

    // MARK: of one

    package func unary(_ function: MathFunction, _ x: Value) throws(LocatedError) -> Value {
        if function.isIntegral, dtype(x) == .int32 { return try apply(Unary(function), x) }
        if function.isIntegral, dtype(x) == .bool { return try apply(Unary(function), try cast(x, to: .int32)) }
        return try apply(Unary(function), try float(x))
    }

    /// factor·x + offset.
    package func scaled(_ x: Value, by factor: Double, offset: Double = 0) throws(LocatedError) -> Value {
        try apply(Scale(by: Float(factor), offset: Float(offset)), try float(x))
    }

    package func logicalNot(_ x: Value) throws(LocatedError) -> Value { try apply(LogicalNot(), try cast(x, to: .bool)) }

    /// An array of x's shape, filled.
    package func filled(like x: Value, _ number: Double, _ dtype: DType = .float32) throws(LocatedError) -> Value {
        try apply(Fill(Float(number), dtype), x)
    }

    // MARK: of two

    /// In float32, whatever the operands are.
    package func floatBinary(_ op: BinaryOperator, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
        try apply(Binary(op), try float(x), try float(y))
    }

    /// In float32 if one of the operands is, else in int32.
    package func binary(_ op: BinaryOperator, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
        let operands = try promoted([x, y], atLeast: .int32)
        if dtype(x) == .string { throw textError }
        if dtype(operands[0]) == .float32 { return try apply(Binary(op), to: operands)[0] }
        let integral: IntegerOperator? =
            switch op {
            case .add: .add
            case .subtract: .subtract
            case .multiply: .multiply
            case .maximum: .maximum
            case .minimum: .minimum
            case .floorDivide: .floorDivide
            case .mod: .mod
            case .power: .power
            default: nil
            }
        guard let integral else { return try floatBinary(op, x, y) }
        return try apply(IntegerBinary(integral), to: operands)[0]
    }

    package func add(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try binary(.add, x, y) }
    package func subtract(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try binary(.subtract, x, y) }
    package func multiply(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try binary(.multiply, x, y) }
    /// In float32.
    package func divide(_ x: Value, _ y: Value) throws(LocatedError) -> Value { try floatBinary(.divide, x, y) }

    package func compare(_ op: Comparison, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
        let operands = try promoted([x, y], atLeast: .int32)
        if dtype(x) == .string {
            guard op == .equal || op == .notEqual else { throw textError }
            return try apply(TextEqual(negated: op == .notEqual), x, y)
        }
        return try apply(Compare(op), to: operands)[0]
    }

    package func logical(_ op: LogicalOperator, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
        try apply(Logical(op), try cast(x, to: .bool), try cast(y, to: .bool))
    }

    /// condition ? x : y, with broadcasting.
    package func select(_ condition: Value, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
        let operands = try promoted([x, y])
        return try apply(Select(), try cast(condition, to: .bool), operands[0], operands[1])
    }

    // MARK: reductions

    /// Sum, mean, max, min, product of floats or whole numbers; all, any of masks. `axes` nil: all.
    package func reduce(
        _ kind: Aggregate.Kind, _ x: Value, axes: [Int]? = nil, keepsAxes: Bool = false
    ) throws(LocatedError) -> Value {
        switch kind {
        case .all, .any: return try apply(Aggregate(kind, axes: axes, keepsAxes: keepsAxes), try cast(x, to: .bool))
        case .sum where dtype(x) == .float32: return try apply(Reduce(.sum, axes: axes, keepsAxes: keepsAxes), x)
        default:
            let x = dtype(x) == .bool ? try cast(x, to: .int32) : x
            return try apply(Aggregate(kind, axes: axes, keepsAxes: keepsAxes), x)
        }
    }

    package func mean(_ x: Value, axes: [Int]? = nil, keepsAxes: Bool = false) throws(LocatedError) -> Value {
        try apply(Reduce(.mean, axes: axes, keepsAxes: keepsAxes), try float(x))
    }

    /// The mean of squares about the mean.
    package func variance(_ x: Value, axes: [Int]? = nil, keepsAxes: Bool = false) throws(LocatedError) -> Value {
        let x = try float(x)
        let distance = try subtract(x, try mean(x, axes: axes, keepsAxes: true))
        return try mean(try unary(.square, distance), axes: axes, keepsAxes: keepsAxes)
    }

    /// log Σ exp, with the largest taken off first.
    package func logSumExp(_ x: Value, axes: [Int]? = nil, keepsAxes: Bool = false) throws(LocatedError) -> Value {
        let x = try float(x)
        let raw = try apply(StopGradient(), try reduce(.max, x, axes: axes, keepsAxes: true))
        let largest = try select(try apply(Predicate(.isFinite), raw), raw, scalar(0.0))
        let sum = try reduce(.sum, try unary(.exp, try subtract(x, largest)), axes: axes, keepsAxes: true)
        let result = try add(try unary(.log, sum), largest)
        if keepsAxes { return result }
        return try squeezed(result, axes: axes ?? Array(0..<rank(x)))
    }

    // MARK: shapes

    package func reshaped(_ x: Value, to dims: [Int?]) throws(LocatedError) -> Value {
        let shape = PartialShape(dims)
        return self.shape(x) == shape ? x : try apply(Ops.Reshape(to: shape), x)
    }

    package func transposed(_ x: Value, _ permutation: [Int]) throws(LocatedError) -> Value {
        permutation == Array(permutation.indices) && permutation.count == rank(x) ? x : try apply(Transpose(permutation), x)
    }

    /// An axis counted from the front. Throws for one that isn't there.
    package func axis(_ axis: Int, rank: Int) throws(LocatedError) -> Int {
        let resolved = axis < 0 ? axis + rank : axis
        guard resolved >= 0, resolved < rank else {
            throw LocatedError(.mismatch, "operation.axis", "expected an axis from \(-rank) to \(rank - 1), got \(axis)")
        }
        return resolved
    }

    /// Without these axes of extent 1.
    package func squeezed(_ x: Value, axes: [Int]) throws(LocatedError) -> Value {
        let shape = shape(x)
        var gone: Set<Int> = []
        for one in axes {
            let place = try axis(one, rank: shape.rank)
            guard shape[place] == nil || shape[place] == 1 else {
                throw LocatedError(.mismatch, "operation.squeeze", "expected an axis of extent 1 to take away, got \(place) of \(shape)")
            }
            gone.insert(place)
        }
        return try reshaped(x, to: shape.dims.indices.filter { !gone.contains($0) }.map { shape[$0] })
    }

    /// With new axes of extent 1 at these places of the result.
    package func expanded(_ x: Value, axes: [Int]) throws(LocatedError) -> Value {
        let rank = rank(x) + axes.count
        var places: Set<Int> = []
        for one in axes { places.insert(try axis(one, rank: rank)) }
        guard places.count == axes.count else {
            throw LocatedError(.mismatch, "operation.axis", "expected different axes, got \(axes)")
        }
        var own = shape(x).dims[...]
        return try reshaped(x, to: (0..<rank).map { places.contains($0) ? 1 : own.removeFirst() })
    }

    /// Part of an axis: Python's `start:stop:step`.
    package func sliced(
        _ x: Value, axis: Int, from start: Int? = nil, to stop: Int? = nil, step: Int = 1
    ) throws(LocatedError) -> Value {
        try apply(Rearrange(.slice(start: start, stop: stop, step: step), axis: axis, rank: rank(x)), x)
    }

    package func flipped(_ x: Value, axis: Int) throws(LocatedError) -> Value {
        try apply(Rearrange(.flip, axis: axis, rank: rank(x)), x)
    }

    package func concatenated(_ values: [Value], axis: Int) throws(LocatedError) -> Value {
        let values = try promoted(values)
        guard !values.isEmpty else { throw LocatedError(.mismatch, "operation.inputs", "expected arrays to concatenate, got none") }
        return values.count == 1 ? values[0] : try apply(Ops.Concatenate(axis: axis), to: values)[0]
    }

    package func stacked(_ values: [Value], axis: Int) throws(LocatedError) -> Value {
        var expanded: [Value] = []
        for value in values { expanded.append(try self.expanded(value, axes: [axis])) }
        return try concatenated(expanded, axis: axis)
    }

    package func broadcasted(_ x: Value, to dims: [Int?]) throws(LocatedError) -> Value {
        try apply(BroadcastTo(PartialShape(dims)), x)
    }
}
