import SwiftKeras
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Ends a training after the batch that runs when Ctrl-C is pressed; pressed again, it ends the program.
final class Interruption: Callback {
    private static let flag = Atomic<Bool>(false)

    /// Whether it did.
    private(set) var happened = false

    func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        Self.flag.store(false, ordering: .relaxed)
        // A parent may have blocked it.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        signal(SIGINT) { _ in
            Interruption.flag.store(true, ordering: .relaxed)
            signal(SIGINT, SIG_DFL)
        }
    }

    func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard Self.flag.load(ordering: .relaxed) else { return }
        happened = true
        training.isInterrupted = true
        training.stopsTraining = true
    }

    func onTrainEnd(_ training: TrainingControl) throws(LocatedError) { signal(SIGINT, SIG_DFL) }
}
