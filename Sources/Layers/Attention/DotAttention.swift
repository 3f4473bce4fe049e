internal import Graphs
internal import KerasSpec
internal import Ops
internal import Tensors

/// What `Attention` and `AdditiveAttention` share: everything but the scores.
struct DotAttention {
    static let keywords: Set<String> = ["mask", "return_attention_scores", "use_causal_mask"]

    var dropout: Double

    func lower(
        _ context: LoweringContext, scores: (_ query: Value, _ key: Value) throws(LocatedError) -> Value
    ) throws(LocatedError) -> [Signal] {
        let inputs = context.call.positional.first?.signals ?? []
        guard (2...3).contains(inputs.count) else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected a list of query, value and perhaps key, got \(inputs.count) inputs",
                at: [context.label])
        }
        let (query, value) = (inputs[0].value, inputs[1].value)
        let masks = context.call.masks(1, "mask") ?? inputs.map(\.mask)
        // The numbers are the same whether or not this call trains.
        let stream = context.randomStream()
        var weights = try scores(query, inputs.count > 2 ? inputs[2].value : value)
        var scoreMask = try (masks.count > 1 ? masks[1] : nil).map { (mask) throws(LocatedError) in
            try context.expanded(try context.asMask(mask), at: -2)
        }
        if try context.call.flag(4, "use_causal_mask") ?? false {
            scoreMask = try context.both(scoreMask, try context.bandMask(causal: true, width: nil, like: .value(weights)))
        }
        if let scoreMask {
            // As Keras has it: what is left out is lowered, not replaced.
            let lowered = try context.apply(Scale(by: 1, offset: -1e9), weights)
            weights = try context.apply(Select(), scoreMask, weights, lowered)
        }
        weights = try context.apply(Ops.Softmax(), weights)
        if context.training, dropout > 0, dropout < 1 {
            weights = try context.apply(Ops.Dropout(rate: Float(dropout), stream: stream), weights)
        }
        var output = try context.apply(BatchMatMul(), weights, value)
        let queryMask = masks.first ?? nil
        if let queryMask {
            let mask = try context.trailing(try context.asMask(queryMask), rank: context.shape(output).rank)
            output = try context.select(mask, output, else: 0)
        }
        var outputs = [Signal(output, mask: queryMask)]
        if try context.call.flag(3, "return_attention_scores") ?? false { outputs.append(Signal(weights)) }
        return outputs
    }
}

extension LoweringContext {
    /// The sums of each query with each key: (…, T, d) and (…, S, d) give (…, T, S, d).
    func pairs(_ query: Value, _ key: Value) throws(LocatedError) -> Value {
        try apply(AddN(), try expanded(query, at: -2), try expanded(key, at: -3))
    }
}
