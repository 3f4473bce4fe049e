public import OrderedCollections
public import Tensors

/// Ends the training when a number has stopped getting better.
///
/// Source: keras/callbacks/callbacks.py (2.3.1).
public final class EarlyStopping: ResumableCallback {
    public typealias Mode = MonitorMode

    public let monitor: String
    public let minDelta: Double
    public let patience: Int
    public let mode: Mode
    /// What has to be beaten from the start.
    public let baseline: Double?
    public let restoreBestWeights: Bool
    /// The epoch (from 0) after which it ended the training, or nil.
    public private(set) var stoppedEpoch: Int?
    private var best: Monitor
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
        best = Monitor(monitor, mode: mode, minDelta: minDelta, baseline: baseline)
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        best = Monitor(monitor, mode: mode, minDelta: minDelta, baseline: baseline)
        try best.require(in: training)
        wait = 0
        stoppedEpoch = nil
        bestWeights = nil
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let current = logs[monitor] else { return }
        if best.improves(current) {
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

    public func memory(_ training: TrainingControl) -> [String: Tensor] {
        var memory = ["best": Tensor([best.best, Double(wait)])]
        for (place, tensor) in (bestWeights ?? []).enumerated() { memory["weight/\(place)"] = tensor }
        return memory
    }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let numbers = memory["best"], numbers.dtype == .float64, numbers.count == 2 else { return }
        let values = numbers.array(as: Double.self)
        best.best = values[0]
        wait = Int(exactly: values[1]) ?? 0
        let weights = (0..<max(memory.count - 1, 0)).compactMap { memory["weight/\($0)"] }
        bestWeights = weights.isEmpty ? nil : weights
    }
}
