package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A table of vectors, looked up by index; called in reverse, it gives each row's score for a vector.
///
/// Formula: y[b, t, :] = embeddings[x[b, t], :]; in reverse y = x·embeddingsᵀ, or x·reverse_embeddings where the weights aren't
/// tied; with a soft cap c then c·tanh(y / c).
/// Shapes: (batch, …) of indices → (batch, …, output_dim); in reverse (batch, …, output_dim) → (batch, …, input_dim). With
/// `mask_zero` the mask is x ≠ 0; in reverse no mask goes on.
/// Weights: embeddings (input_dim, output_dim); reverse_embeddings (output_dim, input_dim) if not tied.
/// Config: those of `Embedding`, `tie_weights`, `reverse_dtype`, `logit_soft_cap`.
/// Call: `reverse`.
/// Differs from Keras: an index outside the table is an error; `reverse_dtype` is kept, and float32 is computed in.
/// Source: keras/src/layers/core/reversible_embedding.py (3.15).
public struct ReversibleEmbedding: QuantizableLayer {
    public static let className = "ReversibleEmbedding"
    private var embedding: Embedding
    public var tieWeights: Bool
    public var reverseDType: String?
    public var logitSoftCap: Double?

    public var common: LayerCommon {
        get { embedding.common }
        set { embedding.common = newValue }
    }
    public var inputDim: Int { embedding.inputDim }
    public var outputDim: Int { embedding.outputDim }
    public var activityRegularizer: Regularizer? { embedding.activityRegularizer }

    public init(
        _ inputDim: Int, _ outputDim: Int, tieWeights: Bool = true, embeddingsInitializer: Initializer = .randomUniform(),
        embeddingsRegularizer: Regularizer? = nil, embeddingsConstraint: Constraint? = nil, maskZero: Bool = false,
        logitSoftCap: Double? = nil, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        embedding = Embedding(
            inputDim, outputDim, embeddingsInitializer: embeddingsInitializer, embeddingsRegularizer: embeddingsRegularizer,
            embeddingsConstraint: embeddingsConstraint, maskZero: maskZero, inputShape: inputShape, name: name,
            trainable: trainable)
        self.tieWeights = tieWeights
        self.logitSoftCap = logitSoftCap
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        tieWeights = try config.bool("tie_weights", default: true)
        reverseDType = try config.optionalString("reverse_dtype")
        logitSoftCap = try config.optionalNumber("logit_soft_cap")
        embedding = try Embedding(config: &config, common: common, roundsInputs: true)
    }

    package func encode(into config: inout ConfigObject) {
        embedding.encode(into: &config)
        config["tie_weights"] = .bool(tieWeights)
        config["reverse_dtype"] = reverseDType.map(ConfigValue.string) ?? .null
        config["logit_soft_cap"] = logitSoftCap.map(ConfigValue.float) ?? .null
    }

    package var callKeywords: Set<String>? { ["reverse"] }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        var slots = try embedding.weights(for: inputs)
        if !tieWeights, let quantization = embedding.quantization {
            var packed = outputDim, blockSize: Int?
            if case .int4(let size) = quantization.policy { (packed, blockSize) = (outputDim / 2 + outputDim % 2, size) }
            slots.append(Quantization.fixed("reverse_embeddings", [packed, inputDim], .int8))
            slots += Quantization.scales(
                "reverse_embeddings", outputs: inputDim, of: outputDim, blockSize: blockSize, inFront: true, sharesGroups: true)
        } else if !tieWeights {
            slots.append(
                WeightSlot(
                    "reverse_embeddings", [outputDim, inputDim], initializer: embedding.embeddingsInitializer.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard try context.call.flag(1, "reverse") ?? false else { return try embedding.lower(inputs, context) }
        let input = try inputs.single().value
        var scores = if let quantization = embedding.quantization { try quantizedScores(input, quantization, context) } else {
            tieWeights
            ? try context.einsum("...d,vd->...v", input, context.weight("embeddings"))
            : try context.apply(MatMul(hasBias: false), input, context.weight("reverse_embeddings"))
        }
        if let cap = logitSoftCap.map({ Float($0) }) {
            let squeezed = try context.apply(Activate(.tanh), try context.apply(Scale(by: 1 / cap), scores))
            scores = try context.apply(Scale(by: cap), squeezed)
        }
        return [Signal(scores)]
    }

    private func quantizedScores(
        _ x: Value, _ quantization: Quantization, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let name = tieWeights ? "embeddings" : "reverse_embeddings"
        let stored = context.weight(name), scale = context.weight(name + "_scale")
        // By axes of the outputs and the words.
        var table = tieWeights ? try context.transposed(stored, [1, 0]) : stored
        var isGrouped = false
        if case .int4(let blockSize) = quantization.policy {
            table = try context.unpacked(table, axis: 0, count: outputDim, signed: true)
            isGrouped = blockSize != nil
        }
        if isGrouped {
            func turned(_ value: Value) throws(LocatedError) -> Value { tieWeights ? try context.transposed(value, [1, 0]) : value }
            table = try context.ungrouped(
                table, scale: try turned(scale), zero: try turned(context.weight(name + "_zero")), groups: context.weight("g_idx"),
                axis: 0)
        }
        func product(_ x: Value) throws(LocatedError) -> Value { try context.apply(MatMul(hasBias: false), x, table) }
        guard let quantizer = quantization.inputs else {
            let result = try product(x)
            return isGrouped ? result : try context.divide(result, scale)
        }
        let (numbers, factor) = try context.quantized(x, quantizer, axes: quantizer.axes ?? [-1])
        // Keras has no gradient of its own here: whole numbers have none, so that only what they are divided by depends on x.
        let result = try product(try context.apply(StopGradient(), numbers))
        return try context.divide(result, isGrouped ? factor : try context.multiply(factor, scale))
    }
}
