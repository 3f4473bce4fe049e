internal import OrderedCollections
package import Tensors

/// Shows an `evaluate` as Keras 2.3 does: a bar of samples, or of steps for sources. Hands its text over; does not print.
///
/// Source: `test_loop` of keras/engine/training_arrays.py (2.3.1).
package final class TestProgressLogger: Callback {
    private let isDynamic: Bool
    private let now: () -> Double
    private let write: (String) -> Void
    private var bar: ProgressBar?
    private var seen = 0

    /// - Parameters:
    ///   - isDynamic: whether text goes to a terminal.
    ///   - now: the time in seconds.
    ///   - write: takes text as it comes.
    package init(isDynamic: Bool, now: @escaping () -> Double, write: @escaping (String) -> Void) {
        self.isDynamic = isDynamic
        self.now = now
        self.write = write
    }

    package func onTestBegin(_ training: TrainingControl) throws(LocatedError) {
        seen = 0
        bar = ProgressBar(
            target: training.countsSteps ? training.steps : training.samples, verbosity: .bar, isDynamic: isDynamic, now: now())
    }

    package func onTestBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        seen += training.countsSteps ? 1 : size
        show()
    }

    package func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let target = bar?.target else {
            bar?.end(at: seen)
            return show()
        }
        // A source that ran out leaves the bar where it is.
        if seen < target { write("\n") }
    }

    private func show() {
        let text = bar?.update(seen, now: now()) ?? ""
        if !text.isEmpty { write(text) }
    }
}
