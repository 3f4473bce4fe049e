package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Attention of several heads side by side, each on its own projections of query, key and value.
///
/// Formula: for each head softmax(q·kᵀ / √key_dim)·v with q = query·query_dense, k = key·key_dense, v = value·value_dense;
/// the heads' outputs go through output_dense. With `use_gate` they are multiplied by sigmoid(query·gate_dense) first.
/// Shapes: query (batch, T…, d), value and key (batch, S…, e) → (batch, T…, output_shape, or d); with
/// `return_attention_scores` also (batch, heads, T…, S…). The query's mask goes on.
/// Masks: a query sees a step that all of these let through: the masks of query, value and key, `attention_mask`
/// (batch, T, S), `use_causal_mask`, `sliding_window`. A query that sees nothing attends to all steps alike, or, where scores
/// are wanted, dropout is set or there are more axes, to none, as in Keras.
/// Weights: kernel and bias of query_dense, key_dense, gate_dense (if wanted), value_dense, output_dense.
/// Config: `num_heads`, `key_dim`, `value_dim`, `dropout`, `use_bias`, `use_gate`, `output_shape`, `attention_axes`,
/// `sliding_window`, initializers, regularizers, constraints, `seed`; `flash_attention` changes nothing.
/// Call: `key`, `value_mask`, `key_mask`, `attention_mask`, `return_attention_scores`, `use_causal_mask`; an explicit
/// `query_mask` has no part, as in Keras.
/// Differs from Keras: other random numbers in dropout.
/// Source: keras/src/layers/attention/multi_head_attention.py (3.15).
public struct MultiHeadAttention: BuiltInLayer {
    public static let className = "MultiHeadAttention"
    public var common: LayerCommon
    public var numHeads: Int
    public var keyDim: Int
    public var valueDim: Int
    public var dropout: Double
    public var useBias: Bool
    public var useGate: Bool
    public var outputShape: [Int]?
    /// nil: all but the batch's and the last.
    public var attentionAxes: [Int]?
    public var slidingWindow: Int?
    public var kernelInitializer: Initializer
    public var biasInitializer: Initializer
    public var kernelRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    /// On each of the projections' outputs.
    public var projectionRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var biasConstraint: Constraint?
    public var seed: Int?

    public init(
        numHeads: Int, keyDim: Int, valueDim: Int? = nil, dropout: Double = 0, useBias: Bool = true, outputShape: [Int]? = nil,
        attentionAxes: [Int]? = nil, slidingWindow: Int? = nil, kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, useGate: Bool = false, seed: Int? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.numHeads = numHeads
        self.keyDim = keyDim
        self.valueDim = valueDim ?? keyDim
        self.dropout = dropout
        self.useBias = useBias
        self.outputShape = outputShape
        self.attentionAxes = attentionAxes
        self.slidingWindow = slidingWindow
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.kernelRegularizer = kernelRegularizer
        self.biasRegularizer = biasRegularizer
        projectionRegularizer = activityRegularizer
        self.kernelConstraint = kernelConstraint
        self.biasConstraint = biasConstraint
        self.useGate = useGate
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        numHeads = try config.integer("num_heads", atLeast: 1)
        keyDim = try config.integer("key_dim", atLeast: 1)
        valueDim = try config.optionalInteger("value_dim", atLeast: 1) ?? keyDim
        dropout = try config.number("dropout", default: 0, in: 0...1)
        useBias = try config.bool("use_bias", default: true)
        useGate = try config.bool("use_gate", default: false)
        outputShape = try config.optionalExtents("output_shape")?.map { $0 ?? 0 }
        if outputShape?.isEmpty == true { outputShape = nil }
        if outputShape?.contains(0) == true { throw config.wrong("output_shape", "extents of at least 1 or null", .null) }
        attentionAxes = try config.optionalAxes("attention_axes")
        slidingWindow = try config.optionalInteger("sliding_window", atLeast: 1)
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        projectionRegularizer = try config.regularizer("activity_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        seed = try config.optionalInteger("seed")
        // How it is computed, not what.
        config.ignore("flash_attention")
    }

    package func encode(into config: inout ConfigObject) {
        config["num_heads"] = .integer(numHeads)
        config["key_dim"] = .integer(keyDim)
        config["value_dim"] = .integer(valueDim)
        config["dropout"] = .float(dropout)
        config["use_bias"] = .bool(useBias)
        config["use_gate"] = .bool(useGate)
        config["output_shape"] = outputShape.map(ConfigValue.integers) ?? .null
        config["attention_axes"] = attentionAxes.map(ConfigValue.integers) ?? .null
        config["sliding_window"] = slidingWindow.map(ConfigValue.integer) ?? .null
        config["kernel_initializer"] = kernelInitializer.config
        config["bias_initializer"] = biasInitializer.config
        config["kernel_regularizer"] = kernelRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = projectionRegularizer.config
        config["kernel_constraint"] = kernelConstraint.config
        config["bias_constraint"] = biasConstraint.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package var callKeywords: Set<String>? { AttentionCall.keywords }

    private var projections: AttentionProjections {
        AttentionProjections(
            useBias: useBias, kernelInitializer: kernelInitializer, biasInitializer: biasInitializer,
            kernelRegularizer: kernelRegularizer, biasRegularizer: biasRegularizer,
            activityRegularizer: projectionRegularizer, kernelConstraint: kernelConstraint, biasConstraint: biasConstraint)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let inputs = try AttentionCall.inputs(inputs)
        let query = try inputs.query.knownExtent(-1, "the query's last axis")
        let value = try inputs.value.knownExtent(-1, "the value's last axis")
        let key = try (inputs.key ?? inputs.value).knownExtent(-1, "the key's last axis")
        let made = projections
        return made.slots("query_dense", [query], [numHeads, keyDim]) + made.slots("key_dense", [key], [numHeads, keyDim])
            + (useGate ? made.slots("gate_dense", [query], [numHeads, valueDim]) : [])
            + made.slots("value_dense", [value], [numHeads, valueDim])
            + made.slots("output_dense", [numHeads, valueDim], outputShape ?? [query])
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let call = try AttentionCall(context)
        // The numbers are the same whether or not this call trains.
        let stream = context.randomStream()
        let made = projections
        if let output = try fused(call, context) { return [Signal(output, mask: call.query.mask)] }
        let query = try made.project(call.query.value, "query_dense", over: 1, context)
        let key = try made.project((call.key ?? call.value).value, "key_dense", over: 1, context)
        let value = try made.project(call.value.value, "value_dense", over: 1, context)

        let rank = context.shape(value).rank
        guard rank >= 4, context.shape(query).rank == rank, context.shape(key).rank == rank else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected query, value and key of one rank, at least 3, got "
                    + "\(context.shape(call.query.value)) and \(context.shape(call.value.value))", at: [context.label])
        }
        var axes = Array(1..<rank - 2)
        if let attentionAxes {
            axes = attentionAxes.map { $0 < 0 ? $0 + rank - 1 : $0 }
            guard axes.allSatisfy({ (1..<rank - 2).contains($0) }), Set(axes).count == axes.count, !axes.isEmpty else {
                throw LocatedError(
                    .mismatch, "attention.axes", "expected axes from 1 to \(rank - 3), each once, got \(attentionAxes)",
                    at: [context.label, "config/attention_axes"])
            }
        }
        let letters = try AttentionLetters(rank: rank, axes: axes)

        let scaled = try context.apply(Scale(by: 1 / Float(keyDim).squareRoot()), query)
        var scores = try context.einsum(letters.scores, key, scaled)
        let mask = try call.mask(
            queryMask: call.query.mask, slidingWindow: slidingWindow, like: .value(scores), context
        ).map { (mask) throws(LocatedError) in
            try context.inserted(mask, rank: context.shape(scores).rank, at: -2 * axes.count - 1)
        }
        let isPlain = dropout == 0 && !call.returnsScores && rank == 4
        scores = try context.attentionWeights(scores, axes: axes.count, mask: mask, isPlain: isPlain)
        var weights = scores
        if context.training, dropout > 0, dropout < 1 {
            weights = try context.apply(Ops.Dropout(rate: Float(dropout), stream: stream), weights)
        }
        var output = try context.einsum(letters.combination, weights, value)
        if useGate {
            let gate = try made.project(call.query.value, "gate_dense", over: 1, activation: .sigmoid, context)
            output = try context.apply(Binary(.multiply), output, gate)
        }
        output = try made.project(output, "output_dense", over: 2, context)
        let first = Signal(output, mask: call.query.mask)
        return call.returnsScores ? [first, Signal(scores)] : [first]
    }

    /// All in one op, where nobody wants the scores and attention is along the only axis; nil elsewhere.
    private func fused(_ call: AttentionCall, _ context: LoweringContext) throws(LocatedError) -> Value? {
        let (query, value, key) = (call.query.value, call.value.value, (call.key ?? call.value).value)
        let shapes = [query, value, key].map(context.shape)
        guard !call.returnsScores, attentionAxes == nil || attentionAxes == [1] || attentionAxes == [-2],
            shapes.allSatisfy({ $0.rank == 3 && $0[0] == shapes[0][0] }),
            !(context.training && dropout > 0 && dropout < 1)
        else { return nil }
        let isBand = call.isCausal || slidingWindow != nil
        var extents: (rows: Int, columns: Int) = (0, 0)
        if isBand {
            guard let rows = shapes[0][1], let columns = shapes[2][1] ?? shapes[1][1] else { return nil }
            extents = (rows, columns)
        }
        let mask = try call.mask(
            queryMask: call.query.mask, slidingWindow: slidingWindow, like: .known(rows: extents.rows, columns: extents.columns),
            context)
        // With dropout, queries that see nothing attend to nothing.
        guard mask == nil || dropout == 0 else { return nil }
        let made = projections
        var operands = [
            try made.project(query, "query_dense", over: 1, isFlat: true, context),
            try made.project(key, "key_dense", over: 1, isFlat: true, context),
            try made.project(value, "value_dense", over: 1, isFlat: true, context),
        ]
        if let mask { operands.append(try context.inserted(mask, rank: 4, at: -3)) }
        var output = try context.apply(
            HeadAttention(heads: numHeads, factor: 1 / Float(keyDim).squareRoot(), hasMask: mask != nil), to: operands)[0]
        if useGate {
            let gate = try made.project(query, "gate_dense", over: 1, isFlat: true, activation: .sigmoid, context)
            output = try context.apply(Binary(.multiply), output, gate)
        }
        return try made.project(output, "output_dense", over: 2, context)
    }
}

/// The equations of attention along some axes of arrays (batch, …, heads, width). Source: `_build_attention_equation`.
private struct AttentionLetters {
    var scores: String
    var combination: String

    init(rank: Int, axes: [Int]) throws(LocatedError) {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz")
        guard rank + axes.count <= alphabet.count else {
            throw LocatedError(.unsupported, "attention.rank", "expected fewer axes, got \(rank)")
        }
        let target = Array(alphabet[..<rank])
        var source = target
        var next = rank
        // In the order of the axes in the array.
        for axis in axes.sorted() {
            source[axis] = alphabet[next]
            next += 1
        }
        let batch = (0..<rank - 1).filter { !axes.contains($0) }
        let product = batch.map { target[$0] } + axes.map { target[$0] } + axes.map { source[$0] }
        scores = "\(String(source)),\(String(target))->\(String(product))"
        combination = "\(String(product)),\(String(source))->\(String(target))"
    }
}
