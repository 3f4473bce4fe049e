internal import Engine
internal import Synchronization

/// Thread pools by size: made when first asked for, kept, since their threads sleep while nothing runs.
enum Pools {
    private static let pools = Mutex<[Int: ThreadPool]>([:])

    static func pool(threads: Int) -> ThreadPool {
        if threads == ThreadPool.shared.threads { return .shared }
        return pools.withLock { pools in
            if let pool = pools[threads] { return pool }
            let pool = ThreadPool(threads: threads)
            pools[threads] = pool
            return pool
        }
    }
}
