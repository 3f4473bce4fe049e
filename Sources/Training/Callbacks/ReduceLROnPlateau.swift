public import OrderedCollections
public import Tensors

/// Lowers the learning rate when a number has stopped getting better.
///
/// Source: keras/src/callbacks/reduce_lr_on_plateau.py (3.15).
public final class ReduceLROnPlateau: ResumableCallback {
    public let factor: Double
    public let patience: Int
    public let cooldown: Int
    public let minLR: Double
    private let template: Monitor
    private var monitor: Monitor
    private var wait = 0
    private var rest = 0
    private let say: ((String) -> Void)?

    /// - Parameters:
    ///   - monitor: a name in the logs.
    ///   - factor: what the rate is multiplied by; below 1.
    ///   - patience: epochs without getting better before that.
    ///   - minDelta: what counts as better.
    ///   - cooldown: epochs after it that don't count.
    ///   - minLR: the rate doesn't fall below this.
    ///   - say: is told of every change.
    public init(
        monitor: String = "val_loss", factor: Double = 0.1, patience: Int = 10, mode: MonitorMode = .auto,
        minDelta: Double = 1e-4, cooldown: Int = 0, minLR: Double = 0, say: ((String) -> Void)? = nil
    ) throws(LocatedError) {
        guard factor < 1, factor > 0 else {
            throw LocatedError(.usage, "callback.factor", "expected a factor between 0 and 1, got \(factor)")
        }
        self.factor = factor
        self.patience = patience
        self.cooldown = cooldown
        self.minLR = minLR
        self.say = say
        template = Monitor(monitor, mode: mode, minDelta: minDelta)
        self.monitor = template
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        try template.require(in: training)
        (monitor, wait, rest) = (template, 0, 0)
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let current = logs[monitor.name] else { return }
        if rest > 0 {
            rest -= 1
            wait = 0
        }
        if monitor.improves(current) {
            wait = 0
        } else if rest <= 0 {
            wait += 1
            guard wait >= patience else { return }
            // As Keras keeps it: a float32 variable.
            let rate = Double(Float(training.learningRate))
            guard rate > Double(Float(minLR)) else { return }
            let lower = max(rate * factor, minLR)
            training.learningRate = lower
            say?("Epoch \(epoch + 1): ReduceLROnPlateau reducing learning rate to \(lower).")
            rest = cooldown
            wait = 0
        }
    }

    public func memory(_ training: TrainingControl) -> [String: Tensor] { ["state": Tensor([monitor.best, Double(wait), Double(rest)])] }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let numbers = memory["state"], numbers.dtype == .float64, numbers.count == 3 else { return }
        let values = numbers.array(as: Double.self)
        monitor.best = values[0]
        (wait, rest) = (Int(exactly: values[1]) ?? 0, Int(exactly: values[2]) ?? 0)
    }
}
