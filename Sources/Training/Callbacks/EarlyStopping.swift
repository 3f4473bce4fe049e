public import OrderedCollections
public import Tensors

/// Ends the training when a number has stopped getting better.
///
/// Source: keras/callbacks/callbacks.py (2.3.1).
public final class EarlyStopping: Callback {
    /// Whether better is less or more.
    public enum Mode: String, Sendable, CaseIterable {
        /// More for accuracies, else less.
        case auto
        case min, max
    }

    public let monitor: String
    public let minDelta: Double
    public let patience: Int
    public let mode: Mode
    /// What has to be beaten from the start.
    public let baseline: Double?
    public let restoreBestWeights: Bool
    /// The epoch (from 0) after which it ended the training, or nil.
    public private(set) var stoppedEpoch: Int?
    private var best = 0.0
    private var wait = 0
    private var bestWeights: [Tensor]?

    /// - Parameters:
    ///   - monitor: a name in the logs.
    ///   - minDelta: what counts as better.
    ///   - patience: epochs without getting better before the end.
    public init(
        monitor: String = "val_loss", minDelta: Double = 0, patience: Int = 0, mode: Mode = .auto, baseline: Double? = nil,
        restoreBestWeights: Bool = false
    ) {
        self.monitor = monitor
        self.minDelta = minDelta
        self.patience = patience
        self.mode = mode
        self.baseline = baseline
        self.restoreBestWeights = restoreBestWeights
    }

    private var wantsMore: Bool { mode == .max || (mode == .auto && monitor.contains("acc")) }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        guard training.metrics.contains(monitor) else {
            throw LocatedError(
                .usage, "callback.monitor",
                "expected one of \(training.metrics.joined(separator: ", ")) to watch, got \(monitor)",
                hint: monitor.hasPrefix("val_") ? "Validation data or a validation split gives val_ numbers." : nil)
        }
        wait = 0
        stoppedEpoch = nil
        best = baseline ?? (wantsMore ? -Double.infinity : .infinity)
        bestWeights = nil
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let current = logs[monitor] else { return }
        if wantsMore ? current - abs(minDelta) > best : current + abs(minDelta) < best {
            best = current
            wait = 0
            if restoreBestWeights { bestWeights = training.weights }
            return
        }
        wait += 1
        guard wait >= patience else { return }
        stoppedEpoch = epoch
        training.stopsTraining = true
        if let bestWeights { try training.setWeights(bestWeights) }
    }
}
