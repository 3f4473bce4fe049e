internal import KerasSpec
internal import Layers
public import OrderedCollections
public import Tensors

/// Something that watches a training, a measuring or a prediction and may steer it: Keras's callback. What it throws ends the
/// training.
public protocol Callback: AnyObject {
    func onTrainBegin(_ training: TrainingControl) throws(LocatedError)
    /// - Parameter epoch: from 0.
    func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError)
    /// Does what `onBatchBegin` does, unless it is written anew.
    ///
    /// - Parameters:
    ///   - batch: from 0 in each epoch.
    ///   - size: samples of the batch.
    func onTrainBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError)
    /// Does what `onBatchEnd` does, unless it is written anew.
    ///
    /// - Parameter logs: the batch's loss, and metrics since the epoch began.
    func onTrainBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    /// Keras's older name of `onTrainBatchBegin`.
    func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError)
    /// Keras's older name of `onTrainBatchEnd`.
    func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    /// - Parameter logs: the epoch's means, and those of validation under `val_…`.
    func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    func onTrainEnd(_ training: TrainingControl) throws(LocatedError)

    /// A validation or an `evaluate` begins.
    func onTestBegin(_ training: TrainingControl) throws(LocatedError)
    func onTestBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError)
    /// - Parameter logs: loss and metrics since it began.
    func onTestBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError)
    func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError)

    /// A `predict` begins.
    func onPredictBegin() throws(LocatedError)
    func onPredictBatchBegin(_ batch: Int, size: Int) throws(LocatedError)
    /// - Parameter outputs: of the batch, in the model's order.
    func onPredictBatchEnd(_ batch: Int, outputs: [Tensor]) throws(LocatedError)
    func onPredictEnd() throws(LocatedError)
}

extension Callback {
    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {}
    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {}
    public func onTrainBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {
        try onBatchBegin(batch, size: size, training)
    }
    public func onTrainBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        try onBatchEnd(batch, size: size, logs, training)
    }
    public func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {}
    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) {}
    public func onTestBegin(_ training: TrainingControl) throws(LocatedError) {}
    public func onTestBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {}
    public func onTestBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError) {}
    public func onPredictBegin() throws(LocatedError) {}
    public func onPredictBatchBegin(_ batch: Int, size: Int) throws(LocatedError) {}
    public func onPredictBatchEnd(_ batch: Int, outputs: [Tensor]) throws(LocatedError) {}
    public func onPredictEnd() throws(LocatedError) {}
}

/// A callback that remembers something from epoch to epoch, which a training that was cut off goes on with.
public protocol ResumableCallback: Callback {
    /// What it remembers, by name.
    func memory(_ training: TrainingControl) -> [String: Tensor]
    /// Goes on from that; called after `onTrainBegin`. What is missing stays as it is.
    func restore(_ memory: [String: Tensor], _ training: TrainingControl)
}

/// A callback whose turn comes after all others': it keeps what they left.
package protocol ClosingCallback: Callback {}

/// What a callback sees of a training, and what it may do to it.
public final class TrainingControl {
    public let epochs: Int
    public let batchSize: Int
    /// Batches of an epoch; nil while nobody knows.
    public internal(set) var steps: Int?
    /// Whether progress is counted in batches, as of a source, rather than in samples.
    public internal(set) var countsSteps = false
    /// Samples of an epoch, and of a validation; 0 without one, and of sources.
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
    /// What the epoch that was cut off had added up for its numbers.
    package var startSums: [Double]?
    /// What callbacks remembered, by `callbackMemory`'s keys.
    package var startMemory: [String: [String: Tensor]] = [:]
    /// The epochs so far, with those before an interruption.
    package var history = History()
    /// Of this epoch.
    var sums: EpochSums?
    /// All that take part.
    var callbacks: [any Callback] = []
    private unowned let trainer: Trainer

    init(_ trainer: Trainer, epochs: Int, batchSize: Int, samples: Int, validationSamples: Int, metrics: [String]) {
        self.trainer = trainer
        self.epochs = epochs
        self.batchSize = batchSize
        self.samples = samples
        self.validationSamples = validationSamples
        self.metrics = metrics
    }

    /// What this epoch has added up for its numbers so far.
    package var epochSums: [Double] { sums?.numbers ?? [] }

    /// The mean of the epoch's losses so far, which is what tf.keras and Keras 3 report after a batch; nil in models of standalone
    /// Keras, which report the batch's own.
    package var runningLoss: Double? { trainer.generation.isStandalone ? nil : sums?.logs["loss"] }

    /// What callbacks remember, by their class and place among those of it.
    package var callbackMemory: [String: [String: Tensor]] {
        Dictionary(uniqueKeysWithValues: resumableCallbacks.map { ($0.key, $0.callback.memory(self)) })
    }

    func restoreCallbacks() throws(LocatedError) {
        for (key, callback) in resumableCallbacks { if let memory = startMemory[key] { callback.restore(memory, self) } }
    }

    private var resumableCallbacks: [(key: String, callback: any ResumableCallback)] {
        var counts: [String: Int] = [:]
        return callbacks.compactMap { callback in
            guard let callback = callback as? any ResumableCallback else { return nil }
            let name = String(describing: type(of: callback))
            counts[name, default: 0] += 1
            return ("\(name)_\(counts[name] ?? 1)", callback)
        }
    }

    /// The optimizer's, before decay.
    public var learningRate: Double {
        get { trainer.learningRate }
        set { trainer.learningRate = newValue }
    }

    /// Steps that the optimizer made, those before a resumption included.
    package var iterations: Int { trainer.iterations }
    /// Lets weights and their averages change places. Throws `callback.ema` when the optimizer keeps none.
    func swapAverages() throws(LocatedError) { try trainer.swapAverages() }
    /// Whether they have.
    var areSwapped: Bool {
        get { trainer.areSwapped }
        set { trainer.areSwapped = newValue }
    }
    func requireAverages() throws(LocatedError) { try trainer.requireAverages() }
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
