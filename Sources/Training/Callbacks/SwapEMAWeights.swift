public import OrderedCollections
public import Tensors

/// Puts the optimizer's averages of the weights in the weights' place while the model is measured, for optimizers that keep
/// averages (`use_ema`).
///
/// Source: keras/src/callbacks/swap_ema_weights.py (3.15).
public final class SwapEMAWeights: ResumableCallback {
    private let swapsOnEpoch: Bool

    /// - Parameter swapOnEpoch: whether the averages stay from the end of an epoch to the beginning of the next, for callbacks
    ///   after this one that save the model.
    public init(swapOnEpoch: Bool = false) { swapsOnEpoch = swapOnEpoch }

    /// Throws `callback.ema` when the optimizer keeps no averages.
    private func swap(_ training: TrainingControl, to isSwapped: Bool) throws(LocatedError) {
        if training.areSwapped != isSwapped { try training.swapAverages() }
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        try training.requireAverages()
    }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {
        if swapsOnEpoch { try swap(training, to: false) }
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard swapsOnEpoch else { return }
        try swap(training, to: true)
    }

    public func onTestBegin(_ training: TrainingControl) throws(LocatedError) { try swap(training, to: true) }
    public func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError) { try swap(training, to: false) }

    public func memory(_ training: TrainingControl) -> [String: Tensor] { ["swapped": Tensor([training.areSwapped ? 1.0 : 0.0])] }
    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        training.areSwapped = memory["swapped"].map { $0.dtype == .float64 && $0.array(as: Double.self) == [1] } ?? false
    }
}
