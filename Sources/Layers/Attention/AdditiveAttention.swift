package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Additive attention, Bahdanau's.
///
/// Formula: scores = Σ scale·tanh(query + key);
/// y = softmax(scores)·value, over the values' steps. Steps that the values' mask, or `use_causal_mask`, leaves out have no
/// part; steps that the query's mask leaves out come out as 0.
/// Shapes: a list of query (batch, T, d), value (batch, S, e) and perhaps key (batch, S, d), else the value is the key →
/// (batch, T, e); with `return_attention_scores` also (batch, T, S). The query's mask goes on.
/// Weights: scale (d), if `use_scale`.
/// Config: `use_scale`, `dropout`, `seed`.
/// Call: `mask` (a list), `return_attention_scores`, `use_causal_mask`.
/// Differs from Keras: other random numbers in dropout.
/// Source: keras/src/layers/attention/additive_attention.py (3.15).
public struct AdditiveAttention: BuiltInLayer {
    public static let className = "AdditiveAttention"
    public var common: LayerCommon
    public var useScale: Bool
    public var dropout: Double
    public var seed: Int?

    public init(
        useScale: Bool = true, dropout: Double = 0, seed: Int? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.useScale = useScale
        self.dropout = dropout
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        useScale = try config.bool("use_scale", default: true)
        dropout = try config.number("dropout", default: 0, in: 0...1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        config["use_scale"] = .bool(useScale)
        config["dropout"] = .float(dropout)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package var callKeywords: Set<String>? { DotAttention.keywords }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        guard useScale, let query = inputs.first else { return [] }
        let width = try query.knownExtent(-1, "the query's last axis (the scale's length)")
        return [WeightSlot("scale", [width], initializer: Initializer.glorotUniform().config)]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        try DotAttention(dropout: dropout).lower(context) { (query, key) throws(LocatedError) in
            var terms = try context.apply(Activate(.tanh), try context.pairs(query, key))
            if useScale { terms = try context.apply(Binary(.multiply), terms, context.weight("scale")) }
            return try context.apply(Reduce(.sum, axes: [-1]), terms)
        }
    }
}
