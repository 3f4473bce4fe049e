public import OrderedCollections
public import Tensors

/// Something that watches a training and may steer it: Keras's callback. What it throws ends the training.
public protocol Callback: AnyObject {
    func onTrainBegin(_ training: TrainingControl) throws(LocatedError)
    /// - Parameter epoch: from 0.
    func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError)
    /// - Parameters:
    ///   - batch: from 0 in each epoch.
    ///   - size: samples of the batch.
    func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError)
    /// - Parameter logs: the batch's loss, and metrics since the epoch began.
    func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    /// - Parameter logs: the epoch's means, and those of validation under `val_…`.
    func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    func onTrainEnd(_ training: TrainingControl) throws(LocatedError)
}

extension Callback {
    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {}
    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {}
    public func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {}
    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) {}
}

/// What a callback sees of a training, and what it may do to it.
public final class TrainingControl {
    public let epochs: Int
    public let batchSize: Int
    /// Samples of an epoch, and of a validation; 0 without one.
    public let samples: Int
    public let validationSamples: Int
    /// What is reported, in order, `val_…` last.
    public let metrics: [String]
    /// Set it to end the training after this batch.
    public var stopsTraining = false
    private unowned let trainer: Trainer

    init(_ trainer: Trainer, epochs: Int, batchSize: Int, samples: Int, validationSamples: Int, metrics: [String]) {
        self.trainer = trainer
        self.epochs = epochs
        self.batchSize = batchSize
        self.samples = samples
        self.validationSamples = validationSamples
        self.metrics = metrics
    }

    /// The optimizer's, before decay.
    public var learningRate: Double {
        get { trainer.learningRate }
        set { trainer.learningRate = newValue }
    }

    /// The weights as they are now, copied, in the order of the model's table.
    package var weights: [Tensor] { trainer.weights }
    package func setWeights(_ tensors: [Tensor]) throws(LocatedError) { try trainer.setWeights(tensors) }
    /// The optimizer's state as it is now, copied.
    package var optimizerState: OptimizerState { trainer.optimizerState }
}
