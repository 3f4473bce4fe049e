package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A table of vectors, looked up by index.
///
/// Formula: y[b, t, :] = embeddings[x[b, t], :].
/// Shapes: (batch, …) of indices → (batch, …, output_dim). With `mask_zero` the mask is x ≠ 0.
/// Weights: embeddings (input_dim, output_dim).
/// Config: `input_dim`, `output_dim`, `embeddings_initializer`, `_regularizer`, `_constraint`, `activity_regularizer`,
/// `mask_zero`.
/// Differs from Keras: an index outside the table is an error, not zeros or whatever the device does; `input_length`, which
/// only tells the shape of the input, lives with the input.
/// Source: keras/src/layers/core/embedding.py (3.15), keras/layers/embeddings.py (2.3.1).
public struct Embedding: QuantizableLayer {
    public static let className = "Embedding"
    public var common: LayerCommon
    public var inputDim: Int
    public var outputDim: Int
    public var embeddingsInitializer: Initializer
    public var embeddingsRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var embeddingsConstraint: Constraint?
    public var maskZero: Bool
    package var quantization: Quantization?
    /// Keras keeps what it was told even where the layer stayed one of floats, as an embedding does when a model becomes float8.
    private var quantizationSettings = ConfigValue.null
    private var adaptation: LowRankAdaptation?

    /// - Parameters:
    ///   - inputDim: the number of rows: the largest index plus one.
    ///   - outputDim: the length of a vector.
    ///   - maskZero: whether index 0 stands for a step that isn't there.
    ///   - inputLength: the number of steps, when it never varies; the same as `inputShape: [inputLength]`.
    public init(
        _ inputDim: Int, _ outputDim: Int, embeddingsInitializer: Initializer = .randomUniform(),
        embeddingsRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        embeddingsConstraint: Constraint? = nil, maskZero: Bool = false, inputLength: Int? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape ?? [inputLength])
        self.inputDim = inputDim
        self.outputDim = outputDim
        self.embeddingsInitializer = embeddingsInitializer
        self.embeddingsRegularizer = embeddingsRegularizer
        self.activityRegularizer = activityRegularizer
        self.embeddingsConstraint = embeddingsConstraint
        self.maskZero = maskZero
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        inputDim = try config.integer("input_dim", atLeast: 1)
        outputDim = try config.integer("output_dim", atLeast: 1)
        embeddingsInitializer = try config.initializer("embeddings_initializer", default: .randomUniform())
        embeddingsRegularizer = try config.regularizer("embeddings_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        embeddingsConstraint = try config.constraint("embeddings_constraint")
        maskZero = try config.bool("mask_zero", default: false)
        config.ignore("input_length")
        quantizationSettings = config.value("quantization_config") ?? .null
        quantization = try Quantization(quantizationSettings, common)
        adaptation = try LowRankAdaptation(&config)
        switch quantization?.policy {
        case nil, .int8, .int4: break
        case .float8, .gptq, .awq:
            throw LocatedError(
                .invalid, "layer.quantized", "expected a table quantized to int8 or int4, got another policy", at: ["config", "dtype"])
        }
    }

    /// For a layer that reads the configuration of its own.
    init(config: inout ConfigReader, common: LayerCommon, roundsInputs: Bool) throws(LocatedError) {
        try self.init(config: &config, common: common)
        quantization = try Quantization(quantizationSettings, common, roundsInputs: roundsInputs)
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        config["input_dim"] = .integer(inputDim)
        config["output_dim"] = .integer(outputDim)
        config["embeddings_initializer"] = embeddingsInitializer.config
        config["embeddings_regularizer"] = embeddingsRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["embeddings_constraint"] = embeddingsConstraint.config
        config["mask_zero"] = .bool(maskZero)
        config["quantization_config"] = quantizationSettings
        adaptation?.encode(into: &config)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        _ = try inputs.single()
        switch quantization?.policy {
        case .int8?:
            return [
                Quantization.fixed("embeddings", [inputDim, outputDim], .int8),
                Quantization.fixed("embeddings_scale", [inputDim], ones: true),
            ]
        case .int4(let blockSize)?:
            return [Quantization.fixed("embeddings", [inputDim, outputDim / 2 + outputDim % 2], .int8)]
                + Quantization.scales("embeddings", outputs: inputDim, of: outputDim, blockSize: blockSize, inFront: false)
        default: break
        }
        return [
            WeightSlot(
                "embeddings", [inputDim, outputDim], trainable: adaptation == nil, initializer: embeddingsInitializer.config,
                regularizer: embeddingsRegularizer.config, constraint: embeddingsConstraint.config)
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        context.requireIndices(input, below: inputDim)
        let indices = context.info(input).dtype == .int32 ? input : try context.apply(Cast(to: .int32), input)
        let output = try looked(up: indices, context)
        return [Signal(output, mask: maskZero ? try context.apply(NotEqual(to: 0), indices) : nil)]
    }

    private func looked(up indices: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        guard let quantization else { return try context.apply(Embed(), context.weight("embeddings"), indices) }
        var table = context.weight("embeddings")
        var isGrouped = false
        if case .int4(let blockSize) = quantization.policy {
            table = try context.unpacked(table, axis: 1, count: outputDim, signed: true)
            isGrouped = blockSize != nil
        }
        if isGrouped {
            table = try context.ungrouped(
                table, scale: context.weight("embeddings_scale"), zero: context.weight("embeddings_zero"),
                groups: context.weight("g_idx"), axis: 1)
        } else {
            table = try context.divide(table, try context.expanded(context.weight("embeddings_scale"), axes: [1]))
        }
        return try context.apply(Embed(), table, indices)
    }
}
