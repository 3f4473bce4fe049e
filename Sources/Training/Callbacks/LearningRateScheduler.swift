public import Tensors

/// Sets the learning rate at the beginning of each epoch.
public final class LearningRateScheduler: Callback {
    private let schedule: (_ epoch: Int, _ rate: Double) -> Double

    /// - Parameter schedule: from the epoch (from 0) and the rate so far, the rate of this epoch.
    public init(_ schedule: @escaping (_ epoch: Int, _ rate: Double) -> Double) { self.schedule = schedule }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {
        let rate = schedule(epoch, training.learningRate)
        guard rate >= 0, rate < .infinity else {
            throw LocatedError(.usage, "callback.learning_rate", "expected a rate of at least 0, got \(rate)")
        }
        training.learningRate = rate
    }
}
