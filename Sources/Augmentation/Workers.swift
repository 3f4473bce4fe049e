internal import Engine
internal import Synchronization
internal import Tensors

/// Work on samples, spread over threads.
struct Workers {
    private let pool: ThreadPool

    /// - Parameter threads: nil: one for each processor.
    init(threads: Int?) {
        pool = threads.map { $0 == ThreadPool.shared.threads ? .shared : Workers.pool($0) } ?? .shared
    }

    private static let pools = Mutex<[Int: ThreadPool]>([:])

    /// Kept, since its threads sleep while nothing runs.
    private static func pool(_ threads: Int) -> ThreadPool {
        pools.withLock { pools in
            if let pool = pools[threads] { return pool }
            let pool = ThreadPool(threads: threads)
            pools[threads] = pool
            return pool
        }
    }

    /// What all tiles share while they run.
    private final class Job {
        let body: (Int) throws(LocatedError) -> Void
        /// The error of the first sample that has one, whichever thread met it.
        let failure = Mutex<(index: Int, error: LocatedError)?>(nil)

        init(_ body: @escaping (Int) throws(LocatedError) -> Void) { self.body = body }
    }

    /// Calls `body` for each of `0..<count`, on any thread; writes must be disjoint. Throws the first sample's error.
    func forEach(_ count: Int, _ body: (Int) throws(LocatedError) -> Void) throws(LocatedError) {
        let failure: LocatedError? = withoutActuallyEscaping(body) { body in
            let job = Job(body)
            withExtendedLifetime(job) {
                pool.run(
                    tiles: count,
                    { job, index, _ in
                        let job = Unmanaged<Job>.fromOpaque(job).takeUnretainedValue()
                        do throws(LocatedError) { try job.body(index) } catch {
                            job.failure.withLock { if index < $0?.index ?? .max { $0 = (index, error) } }
                        }
                    }, Unmanaged.passUnretained(job).toOpaque())
            }
            return job.failure.withLock { $0?.error }
        }
        if let failure { throw failure }
    }
}
