public import OrderedCollections
public import Tensors

/// Ends the training when a batch's loss is NaN or infinite.
public final class TerminateOnNaN: Callback {
    /// The batch that ended it, or nil.
    public private(set) var batch: Int?

    public init() {}

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) { batch = nil }

    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let loss = logs["loss"], !loss.isFinite else { return }
        self.batch = batch
        training.stopsTraining = true
    }
}
