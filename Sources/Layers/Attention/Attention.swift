package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Dot-product attention, Luong's.
///
/// Formula: scores = scale·query·keyᵀ, or Σ tanh(scale·(query + key)) times concat_score_weight for `score_mode` "concat";
/// y = softmax(scores)·value, over the values' steps. Steps that the values' mask, or `use_causal_mask`, leaves out have no
/// part; steps that the query's mask leaves out come out as 0.
/// Shapes: a list of query (batch, T, d), value (batch, S, e) and perhaps key (batch, S, d), else the value is the key →
/// (batch, T, e); with `return_attention_scores` also (batch, T, S). The query's mask goes on.
/// Weights: scale (if `use_scale`) and concat_score_weight (for "concat"), single numbers.
/// Config: `use_scale`, `score_mode`, `dropout`, `seed`.
/// Call: `mask` (a list), `return_attention_scores`, `use_causal_mask`.
/// Differs from Keras: other random numbers in dropout.
/// Source: keras/src/layers/attention/attention.py (3.15).
public struct Attention: BuiltInLayer {
    public static let className = "Attention"
    public var common: LayerCommon
    public var useScale: Bool
    public var scoreMode: ScoreMode
    public var dropout: Double
    public var seed: Int?

    /// How a query and a key are compared.
    public enum ScoreMode: String, Sendable, CaseIterable { case dot, concat }

    public init(
        useScale: Bool = false, scoreMode: ScoreMode = .dot, dropout: Double = 0, seed: Int? = nil, name: String? = nil,
        trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable)
        self.useScale = useScale
        self.scoreMode = scoreMode
        self.dropout = dropout
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        useScale = try config.bool("use_scale", default: false)
        scoreMode = try config.word("score_mode", default: .dot)
        dropout = try config.number("dropout", default: 0, in: 0...1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        config["use_scale"] = .bool(useScale)
        config["score_mode"] = .string(scoreMode.rawValue)
        config["dropout"] = .float(dropout)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package var callKeywords: Set<String>? { DotAttention.keywords }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        var slots: [WeightSlot] = []
        if useScale { slots.append(WeightSlot("scale", [], initializer: Initializer.ones.config)) }
        if scoreMode == .concat {
            slots.append(WeightSlot("concat_score_weight", [], initializer: Initializer.ones.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        try DotAttention(dropout: dropout).lower(context) { (query, key) throws(LocatedError) in
            switch scoreMode {
            case .dot:
                let scores = try context.apply(BatchMatMul(transposingB: true), query, key)
                return useScale ? try context.apply(Binary(.multiply), scores, context.weight("scale")) : scores
            case .concat:
                var sum = try context.pairs(query, key)
                if useScale { sum = try context.apply(Binary(.multiply), sum, context.weight("scale")) }
                let scores = try context.apply(Reduce(.sum, axes: [-1]), try context.apply(Activate(.tanh), sum))
                return try context.apply(Binary(.multiply), scores, context.weight("concat_score_weight"))
            }
        }
    }
}
