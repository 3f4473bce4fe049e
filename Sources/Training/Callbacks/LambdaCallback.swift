public import OrderedCollections
public import Tensors

/// A callback of closures.
public final class LambdaCallback: Callback {
    private let epochEnd: ((_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)?
    private let batchEnd: ((_ batch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)?

    public init(
        onEpochEnd: ((_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onBatchEnd: ((_ batch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil
    ) {
        epochEnd = onEpochEnd
        batchEnd = onBatchEnd
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        try epochEnd?(epoch, logs, training)
    }

    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        try batchEnd?(batch, logs, training)
    }
}
