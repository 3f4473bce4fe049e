public import Tensors
public import Training

/// Saves the model after epochs or batches.
///
/// Source: keras/src/callbacks/model_checkpoint.py (3.15).
public final class ModelCheckpoint: ModelCallback, ResumableCallback {
    /// When to save.
    public enum Frequency: Hashable, Sendable {
        case epoch
        /// Every so many batches, counted through epochs.
        case batches(Int)
    }

    private let pattern: String
    private let monitored: Monitor
    private let savesBestOnly: Bool
    private let savesWeightsOnly: Bool
    private let frequency: Frequency
    private let target: KerasTarget?
    private var monitor: Monitor
    private var batches = 0
    private var lastSaved = 0
    private var model: Model?
    private var update: (() -> Void)?

    /// - Parameters:
    ///   - filepath: a whole model's name (`.h5`, `.keras`), or with `saveWeightsOnly` one that `saveWeights` takes. `{epoch:02d}`
    ///     and `{val_loss:.2f}` are replaced: the epoch from 1, and the logs' numbers, in Python's format.
    ///   - monitor: what is best, with `saveBestOnly`.
    ///   - initialValueThreshold: what has to be beaten from the start.
    ///   - target: for which Keras; nil: the model's own.
    public init(
        filepath: String, monitor: String = "val_loss", saveBestOnly: Bool = false, saveWeightsOnly: Bool = false,
        mode: MonitorMode = .auto, saveFreq: Frequency = .epoch, initialValueThreshold: Double? = nil, for target: KerasTarget? = nil
    ) throws(LocatedError) {
        if case .batches(let count) = saveFreq, count < 1 {
            throw LocatedError(.usage, "callback.save_freq", "expected at least one batch, got \(count)")
        }
        pattern = filepath
        monitored = Monitor(monitor, mode: mode, baseline: initialValueThreshold)
        self.monitor = monitored
        savesBestOnly = saveBestOnly
        savesWeightsOnly = saveWeightsOnly
        frequency = saveFreq
        self.target = target
    }

    public func attach(to model: Model, update: @escaping () -> Void) { (self.model, self.update) = (model, update) }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        if savesBestOnly { try monitored.require(in: training) }
        var logs: Logs = [:]
        for name in training.metrics { logs[name] = 0 }
        // Before hours of work.
        _ = try FilePattern(pattern).filled(epoch: 1, logs)
    }

    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        batches += 1
        guard case .batches(let count) = frequency, batches - lastSaved >= count else { return }
        lastSaved = batches
        try save(epoch: epoch, logs)
    }

    public func memory(_ training: TrainingControl) -> [String: Tensor] {
        ["state": Tensor([monitor.best, Double(batches), Double(lastSaved)])]
    }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let numbers = memory["state"], numbers.dtype == .float64, numbers.count == 3 else { return }
        let values = numbers.array(as: Double.self)
        monitor.best = values[0]
        (batches, lastSaved) = (Int(exactly: values[1]) ?? 0, Int(exactly: values[2]) ?? 0)
    }

    private var epoch = 0
    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { self.epoch = epoch }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        if frequency == .epoch { try save(epoch: epoch, logs) }
    }

    private func save(epoch: Int, _ logs: Logs) throws(LocatedError) {
        if savesBestOnly {
            guard let current = logs[monitor.name], monitor.improves(current) else { return }
        }
        guard let model, let update else {
            throw LocatedError(.usage, "callback.model", "expected a training by Model.fit, got another", at: ["ModelCheckpoint"])
        }
        update()
        let path = try FilePattern(pattern).filled(epoch: epoch + 1, logs)
        if savesWeightsOnly { try model.saveWeights(path, for: target) } else { try model.save(path, for: target) }
    }
}
