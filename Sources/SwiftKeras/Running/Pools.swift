internal import Engine
internal import Synchronization
internal import Tensors

/// Thread pools by size: made when first asked for, kept, since their threads sleep while nothing runs.
enum Pools {
    private static let pools = Mutex<[Int: ThreadPool]>([:])

    /// More than any machine makes use of, and few enough that the system gives them.
    private static let mostThreads = 1024

    /// The pool of `threads` workers, or of one for each processor. Throws 64 `threads` for a number that can't be had.
    static func pool(threads: Int?) throws(LocatedError) -> ThreadPool {
        guard let threads else { return .shared }
        guard (1...mostThreads).contains(threads) else {
            throw LocatedError(.usage, "threads", "expected 1 to \(mostThreads) threads, got \(threads)")
        }
        if threads == ThreadPool.shared.threads { return .shared }
        return pools.withLock { pools in
            if let pool = pools[threads] { return pool }
            let pool = ThreadPool(threads: threads)
            pools[threads] = pool
            return pool
        }
    }
}
