internal import Layers
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
    /// Set with `stopsTraining` where the training is to be gone on with later, so that what was kept for that is kept.
    public var isInterrupted = false
    /// Where training begins: epochs, and batches of the next one, that were made before an interruption.
    package struct Start: Hashable, Sendable {
        package var epoch: Int
        package var batch: Int

        package init(epoch: Int, batch: Int) {
            self.epoch = epoch
            self.batch = batch
        }
    }
    /// Set it in `onTrainBegin` to go on after an interruption; nil: at the beginning. The order of samples is as if nothing
    /// had happened.
    package var start: Start?
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
    /// Goes on from a state. Throws when it isn't this model's.
    package func restore(_ state: OptimizerState) throws(LocatedError) { try trainer.restore(state) }
    /// The paths of the model's weights, in the order of `weights`.
    package var weightPaths: [String] { trainer.table.slots.map(\.path) }
    /// Whether a schedule tells the learning rate.
    package var followsSchedule: Bool { trainer.schedule != nil }
    /// The seed of all that is random.
    package var seed: UInt64 { trainer.seed }
}
