public import Tensors
internal import Training

/// The loss of a batch, and how it changes with each weight.
public struct LossGradients: Sendable {
    /// As `trainOnBatch` reports it.
    public var loss: Double
    /// In the order of Keras's `trainable_weights`: the weight's path (`dense_1/kernel`), and the gradient of the total loss, penalties
    /// included, before any clipping; nil where nothing depends on the weight.
    public var weights: [(path: String, gradient: Tensor?)]
}

extension Model {
    /// Loss and gradients of a batch in training, as `tf.GradientTape` gives them. Nothing changes: no weight, no moving average.
    ///
    /// - Parameters:
    ///   - x: one array for each input.
    ///   - y: one for each output.
    ///   - sampleWeight: what each sample counts for, one array for each output.
    ///   - seed: of dropout and other random numbers.
    ///   - threads: all cores by default.
    /// - Throws: `model.notCompiled` for a model without a loss, `data.…` for what doesn't fit.
    public func lossGradients(
        _ x: [Tensor], _ y: [Tensor], sampleWeight: [Tensor]? = nil, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> LossGradients {
        let trainer = try makeTrainer(try compiled(), threads: threads, seed: seed)
        let found = try trainer.gradients(TrainingData(inputs: x, targets: y, sampleWeights: sampleWeight))
        return LossGradients(loss: found.loss, weights: zip(trainer.trainedPaths, found.weights).map { ($0, $1) })
    }
}
