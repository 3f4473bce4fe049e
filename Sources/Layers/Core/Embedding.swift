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
public struct Embedding: BuiltInLayer {
    public static let className = "Embedding"
    public var common: LayerCommon
    public var inputDim: Int
    public var outputDim: Int
    public var embeddingsInitializer: Initializer
    public var embeddingsRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var embeddingsConstraint: Constraint?
    public var maskZero: Bool

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
        try config.refuseQuantization()
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
        config["quantization_config"] = .null
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        _ = try inputs.single()
        return [
            WeightSlot(
                "embeddings", [inputDim, outputDim], initializer: embeddingsInitializer.config,
                regularizer: embeddingsRegularizer.config, constraint: embeddingsConstraint.config)
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        context.requireIndices(input, below: inputDim)
        let indices = context.info(input).dtype == .int32 ? input : try context.apply(Cast(to: .int32), input)
        let output = try context.apply(Embed(), context.weight("embeddings"), indices)
        return [Signal(output, mask: maskZero ? try context.apply(NotEqual(to: 0), indices) : nil)]
    }
}
