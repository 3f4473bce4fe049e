public import OrderedCollections
public import Tensors

/// A callback of closures.
public final class LambdaCallback: Callback {
    private let trainBegin: ((_ training: TrainingControl) throws(LocatedError) -> Void)?
    private let trainEnd: ((_ training: TrainingControl) throws(LocatedError) -> Void)?
    private let epochBegin: ((_ epoch: Int, _ training: TrainingControl) throws(LocatedError) -> Void)?
    private let epochEnd: ((_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)?
    private let batchBegin: ((_ batch: Int, _ training: TrainingControl) throws(LocatedError) -> Void)?
    private let batchEnd: ((_ batch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)?

    public init(
        onEpochBegin: ((_ epoch: Int, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onEpochEnd: ((_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onBatchBegin: ((_ batch: Int, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onBatchEnd: ((_ batch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onTrainBegin: ((_ training: TrainingControl) throws(LocatedError) -> Void)? = nil,
        onTrainEnd: ((_ training: TrainingControl) throws(LocatedError) -> Void)? = nil
    ) {
        trainBegin = onTrainBegin
        trainEnd = onTrainEnd
        epochBegin = onEpochBegin
        epochEnd = onEpochEnd
        batchBegin = onBatchBegin
        batchEnd = onBatchEnd
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) { try trainBegin?(training) }

    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) { try trainEnd?(training) }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { try epochBegin?(epoch, training) }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        try epochEnd?(epoch, logs, training)
    }

    public func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {
        try batchBegin?(batch, training)
    }

    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        try batchEnd?(batch, logs, training)
    }
}
