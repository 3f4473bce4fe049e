package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Attention of several heads, where several query heads share a key and a value.
///
/// Formula: as `MultiHeadAttention`, with head u of the query on head u / (num_query_heads / num_key_value_heads) of key and
/// value, all of width head_dim.
/// Shapes: query (batch, T, d), value and key (batch, S, e) → (batch, T, d); with `return_attention_scores` also
/// (batch, query heads, T, S). The query's mask goes on.
/// Masks: as `MultiHeadAttention`; an explicit `query_mask` counts.
/// Weights: kernel and bias of query_dense, key_dense, gate_dense (if wanted), value_dense, output_dense.
/// Config: `head_dim`, `num_query_heads`, `num_key_value_heads`, `use_bias`, `use_gate`, `sliding_window`, `dropout`,
/// initializers, regularizers, constraints, `seed`; `flash_attention` changes nothing.
/// Call: `key`, `query_mask`, `value_mask`, `key_mask`, `attention_mask`, `return_attention_scores`, `use_causal_mask`.
/// Differs from Keras: other random numbers in dropout.
/// Source: keras/src/layers/attention/grouped_query_attention.py (3.15).
public struct GroupQueryAttention: BuiltInLayer {
    public static let className = "GroupQueryAttention"
    public var common: LayerCommon
    public var headDim: Int
    public var numQueryHeads: Int
    public var numKeyValueHeads: Int
    public var dropout: Double
    public var useBias: Bool
    public var useGate: Bool
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
        headDim: Int, numQueryHeads: Int, numKeyValueHeads: Int, dropout: Double = 0, useBias: Bool = true,
        slidingWindow: Int? = nil, kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, useGate: Bool = false, seed: Int? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.headDim = headDim
        self.numQueryHeads = numQueryHeads
        self.numKeyValueHeads = numKeyValueHeads
        self.dropout = dropout
        self.useBias = useBias
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
        headDim = try config.integer("head_dim", atLeast: 1)
        numQueryHeads = try config.integer("num_query_heads", atLeast: 1)
        numKeyValueHeads = try config.integer("num_key_value_heads", atLeast: 1)
        guard numQueryHeads % numKeyValueHeads == 0 else {
            throw config.wrong("num_query_heads", "a multiple of num_key_value_heads, \(numKeyValueHeads)", .integer(numQueryHeads))
        }
        useBias = try config.bool("use_bias", default: true)
        useGate = try config.bool("use_gate", default: false)
        slidingWindow = try config.optionalInteger("sliding_window", atLeast: 1)
        dropout = try config.number("dropout", default: 0, in: 0...1)
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
        config["head_dim"] = .integer(headDim)
        config["num_query_heads"] = .integer(numQueryHeads)
        config["num_key_value_heads"] = .integer(numKeyValueHeads)
        config["use_bias"] = .bool(useBias)
        config["use_gate"] = .bool(useGate)
        config["sliding_window"] = slidingWindow.map(ConfigValue.integer) ?? .null
        config["dropout"] = .float(dropout)
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
        return made.slots("query_dense", [query], [numQueryHeads, headDim])
            + made.slots("key_dense", [key], [numKeyValueHeads, headDim])
            + (useGate ? made.slots("gate_dense", [query], [numQueryHeads, headDim]) : [])
            + made.slots("value_dense", [value], [numKeyValueHeads, headDim])
            + made.slots("output_dense", [numQueryHeads, headDim], [query])
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let call = try AttentionCall(context)
        // The numbers are the same whether or not this call trains.
        let stream = context.randomStream()
        let made = projections
        guard numQueryHeads % numKeyValueHeads == 0 else {
            throw LocatedError(
                .invalid, "attention.heads",
                "expected query heads in equal groups for \(numKeyValueHeads) keys, got \(numQueryHeads)", at: [context.label])
        }
        guard context.shape(call.query.value).rank == 3, context.shape(call.value.value).rank == 3,
            context.shape((call.key ?? call.value).value).rank == 3
        else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected query, value and key of 3 axes, got "
                    + "\(context.shape(call.query.value)) and \(context.shape(call.value.value))", at: [context.label])
        }
        let query = try made.project(call.query.value, "query_dense", over: 1, context)
        let key = try made.project((call.key ?? call.value).value, "key_dense", over: 1, context)
        let value = try made.project(call.value.value, "value_dense", over: 1, context)
        let scaled = try context.apply(Scale(by: 1 / Float(headDim).squareRoot()), query)
        // Letters: v a key's head, r which of its query heads.
        let shape = context.shape(query)
        let split: PartialShape = PartialShape(
            [shape[0], shape[1], numKeyValueHeads, numQueryHeads / numKeyValueHeads, headDim])
        let grouped = try context.apply(Ops.Reshape(to: split), scaled)
        let paired = try context.einsum("bqvrh,bkvh->bvrqk", grouped, key)
        let pairedShape = context.shape(paired)
        let joined = PartialShape([pairedShape[0], numQueryHeads, pairedShape[3], pairedShape[4]])
        var scores = try context.apply(Ops.Reshape(to: joined), paired)
        let queryMask = try call.explicit(3, "query_mask") ?? call.query.mask
        let mask = try call.mask(queryMask: queryMask, slidingWindow: slidingWindow, like: .value(scores), context).map {
            (mask) throws(LocatedError) in try context.inserted(mask, rank: 4, at: -3)
        }
        scores = try context.attentionWeights(
            scores, axes: 1, mask: mask, isPlain: dropout == 0 && !call.returnsScores)
        var weights = scores
        if context.training, dropout > 0, dropout < 1 {
            weights = try context.apply(Ops.Dropout(rate: Float(dropout), stream: stream), weights)
        }
        let combined = try context.einsum(
            "bvrqk,bkvh->bqvrh", try context.apply(Ops.Reshape(to: pairedShape), weights), value)
        var output = try context.apply(Ops.Reshape(to: shape), combined)
        if useGate {
            let gate = try made.project(call.query.value, "gate_dense", over: 1, activation: .sigmoid, context)
            output = try context.apply(Binary(.multiply), output, gate)
        }
        output = try made.project(output, "output_dense", over: 2, context)
        let first = Signal(output, mask: call.query.mask)
        return call.returnsScores ? [first, Signal(scores)] : [first]
    }
}
