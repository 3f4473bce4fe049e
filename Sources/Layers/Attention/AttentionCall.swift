internal import Graphs
internal import KerasSpec
internal import Ops
internal import Tensors

/// What one call of `MultiHeadAttention` or `GroupQueryAttention` was given.
struct AttentionCall {
    static let keywords: Set<String> = [
        "query", "value", "key", "query_mask", "value_mask", "key_mask", "attention_mask", "return_attention_scores",
        "use_causal_mask",
    ]

    var query: Signal
    var value: Signal
    /// nil: the value.
    var key: Signal?
    var returnsScores: Bool
    var isCausal: Bool
    private let arguments: CallArguments

    init(_ context: LoweringContext) throws(LocatedError) {
        arguments = context.call
        guard let query = try arguments.signal(0, "query"), let value = try arguments.signal(1, "value") else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected a query and a value, got \(arguments.signals.count) inputs",
                at: [context.label])
        }
        (self.query, self.value) = (query, value)
        key = try arguments.signal(2, "key")
        returnsScores = try arguments.flag(7, "return_attention_scores") ?? false
        isCausal = try arguments.flag(9, "use_causal_mask") ?? false
    }

    /// Query, value and key among the flat inputs of a call. A key by keyword comes after them; what else there is, are masks.
    static func inputs(_ inputs: [ValueInfo]) throws(LocatedError) -> (query: ValueInfo, value: ValueInfo, key: ValueInfo?) {
        guard inputs.count >= 2 else {
            throw LocatedError(.mismatch, "layer.inputCount", "expected a query and a value, got \(inputs.count) inputs")
        }
        // Masks have an axis less, or are of bool; a key has the value's rank and type.
        let key = inputs.dropFirst(2).first { $0.dtype == .float32 && $0.shape.rank == inputs[1].shape.rank }
        return (inputs[0], inputs[1], key)
    }

    /// A mask that the call gives.
    func explicit(_ position: Int, _ keyword: String) throws(LocatedError) -> Value? {
        try arguments.signal(position, keyword)?.value
    }

    /// Which steps each query sees, (batch or 1, T, S), or as `attention_mask` has it; nil when all.
    func mask(
        queryMask: Value?, slidingWindow: Int?, like scores: ScoreShape, _ context: LoweringContext
    ) throws(LocatedError) -> Value? {
        var mask: Value?
        func add(_ other: Value?, at axis: Int) throws(LocatedError) {
            guard let other else { return }
            mask = try context.both(mask, try context.expanded(try context.asMask(other), at: axis))
        }
        try add(queryMask, at: -1)
        try add(try explicit(4, "value_mask") ?? value.mask, at: -2)
        try add(try explicit(5, "key_mask") ?? key?.mask, at: -2)
        if isCausal || slidingWindow != nil {
            mask = try context.both(mask, try context.bandMask(causal: isCausal, width: slidingWindow, like: scores))
        }
        guard let given = try explicit(6, "attention_mask") else { return mask }
        return try context.both(try context.asMask(given), mask)
    }
}

/// The dense layers within an attention layer.
struct AttentionProjections {
    var useBias: Bool
    var kernelInitializer: Initializer
    var biasInitializer: Initializer
    var kernelRegularizer: Regularizer?
    var biasRegularizer: Regularizer?
    var activityRegularizer: Regularizer?
    var kernelConstraint: Constraint?
    var biasConstraint: Constraint?

    func slots(_ name: String, _ inputs: [Int], _ outputs: [Int]) -> [WeightSlot] {
        let inputAxes = Array(inputs.indices), outputAxes = outputs.indices.map { $0 + inputs.count }
        var slots = [
            WeightSlot(
                path: [name, "kernel"], shape: Shape(inputs + outputs),
                initializer: kernelInitializer.config(inputAxes: inputAxes, outputAxes: outputAxes),
                regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    path: [name, "bias"], shape: Shape(outputs), initializer: biasInitializer.config,
                    regularizer: biasRegularizer.config, constraint: biasConstraint.config))
        }
        return slots
    }

    /// The last axes of a value times a projection's kernel, plus its bias.
    ///
    /// - Parameters:
    ///   - axes: how many axes of the kernel are summed over. As many of the value, or its last one alone that holds them all.
    ///   - isFlat: the kernel's other axes come out as one.
    func project(
        _ value: Value, _ name: String, over axes: Int, isFlat: Bool = false, activation: ActivationFunction = .linear,
        _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let kernel = context.weight(name, "kernel")
        var shape = context.shape(value)
        let kernelShape = context.shape(kernel)
        guard kernelShape.rank > axes, let extents = kernelShape.concrete?.dims, shape.rank >= 1 else {
            throw LocatedError(.invalid, "attention.kernel", "expected a kernel of more axes, got \(kernelShape)", at: [context.label])
        }
        let inner: [Int?] = extents.prefix(axes).map(\.self), outer: [Int?] = extents.dropFirst(axes).map(\.self)
        let depth = extents.prefix(axes).reduce(1, *), width = extents.dropFirst(axes).reduce(1, *)
        if axes > 1, shape.dims.last == depth { shape = PartialShape(shape.dims.dropLast() + inner) }
        guard shape.rank > axes, zip(shape.dims.suffix(axes), extents).allSatisfy({ $0 == nil || $0 == $1 }) else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input that ends in the first \(axes) of the axes \(kernelShape), got \(shape)",
                at: [context.label])
        }
        let lead = Array(shape.dims.dropLast(axes))
        var operands = [
            try context.reshaped(value, to: lead + [depth]), try context.reshaped(kernel, to: [depth, width]),
        ]
        if useBias { operands.append(try context.reshaped(context.weight(name, "bias"), to: [width])) }
        let product = try context.apply(MatMul(hasBias: useBias), to: operands)[0]
        let sum = isFlat ? product : try context.reshaped(product, to: lead + outer)
        let output = try context.activate(sum, activation)
        context.count([Signal(output)], by: activityRegularizer, at: context.label + "/" + name)
        return output
    }
}

/// What is known of scores' last two axes: queries and steps.
enum ScoreShape {
    case value(Value)
    case known(rows: Int, columns: Int)
}

extension LoweringContext {
    /// A mask with axes of extent 1 put in at `axis` (counted from the end of the result) until it has `rank` axes.
    func inserted(_ mask: Value, rank: Int, at axis: Int) throws(LocatedError) -> Value {
        var mask = mask
        while shape(mask).rank < rank { mask = try expanded(mask, at: axis) }
        return mask
    }

    /// Softmax of scores over the last `axes` axes.
    ///
    /// - Parameter isPlain: what is left out gets the lowest score; else its weight is 0 besides. The two differ where nothing
    ///   is left.
    func attentionWeights(_ scores: Value, axes: Int, mask: Value?, isPlain: Bool) throws(LocatedError) -> Value {
        let last = (1...axes).map { -$0 }
        guard let mask else { return try softmax(scores, axes: last) }
        if !isPlain, masks.softmaxZeroes { return try maskedSoftmax(scores, axes: last, mask: mask) }
        // 0.7 of the largest number, as Keras has it.
        return try softmax(try select(mask, scores, else: -0.7 * Float.greatestFiniteMagnitude), axes: last)
    }
}
