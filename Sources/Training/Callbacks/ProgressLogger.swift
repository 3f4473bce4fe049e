internal import OrderedCollections
package import Tensors

/// Shows a training as Keras 2.3 does: `Epoch 1/20`, a progress bar or one line an epoch. Hands its text over; does not print.
///
/// Source: `ProgbarLogger` of keras/callbacks/callbacks.py and `fit_loop` of keras/engine/training_arrays.py (2.3.1).
package final class ProgressLogger: Callback {
    private let verbosity: ProgressBar.Verbosity
    private let isDynamic: Bool
    private let now: () -> Double
    private let write: (String) -> Void
    private var bar: ProgressBar?
    private var seen = 0
    private var lastBatch: Logs = [:]

    /// - Parameters:
    ///   - isDynamic: whether text goes to a terminal.
    ///   - now: the time in seconds.
    ///   - write: takes text as it comes.
    package init(
        _ verbosity: ProgressBar.Verbosity, isDynamic: Bool, now: @escaping () -> Double, write: @escaping (String) -> Void
    ) {
        self.verbosity = verbosity
        self.isDynamic = isDynamic
        self.now = now
        self.write = write
    }

    package func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        guard verbosity != .silent, training.validationSamples > 0 else { return }
        write("Train on \(training.samples) samples, validate on \(training.validationSamples) samples\n")
    }

    package func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {
        seen = 0
        guard verbosity != .silent else { return }
        write("Epoch \(epoch + 1)/\(training.epochs)\n")
        // All but the loss are means already.
        let names = training.metrics.prefix(training.metrics.count / (training.metrics.contains("val_loss") ? 2 : 1))
        bar = ProgressBar(
            target: training.countsSteps ? training.steps : training.samples, verbosity: verbosity, statefulMetrics: Set(names.dropFirst()), isDynamic: isDynamic,
            now: now())
    }

    package func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        seen += training.countsSteps ? 1 : size
        lastBatch = logs
        // The last batch is shown with the epoch's numbers; without a known end, a line is shown only then.
        if seen < bar?.target ?? (verbosity == .line ? 0 : .max) { show([logs], training) }
    }

    package func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        // An epoch that turned out to be so long.
        bar?.end(at: seen)
        // As Keras does it: the last batch's numbers, then the epoch's, one after the other.
        show([lastBatch, logs], training)
    }

    private func show(_ sources: [Logs], _ training: TrainingControl) {
        guard bar != nil else { return }
        var news: [(name: String, value: Double)] = []
        for source in sources {
            for name in training.metrics { if let value = source[name] { news.append((name, value)) } }
        }
        let text = bar!.update(seen, news, now: now())
        if !text.isEmpty { write(text) }
    }
}
