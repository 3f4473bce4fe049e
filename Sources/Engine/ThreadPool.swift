import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Work cut into tiles: called once for each tile, on any worker, in any order.
package typealias TileFunction = @convention(c) (_ job: UnsafeRawPointer, _ tile: Int, _ worker: Int) -> Void

/// Threads that wait for work, so that handing out a few microseconds of it is worth while.
///
/// A job is a function and a pointer to a plain struct: nothing is allocated and nothing retained to run one. Each worker has its
/// own run of neighbouring tiles, handed out one by one from an atomic counter, and takes from the others' when it is through: what one
/// op wrote is then mostly in the cache of whoever reads it in the next. The caller takes part as worker 0. Workers without work watch the
/// counters for some microseconds and then sleep.
///
/// Any thread may call `run` at any time. A caller that finds the pool at work does its tiles alone, and so does a tile
/// that calls `run` itself.
package final class ThreadPool: Sendable {
    /// One thread for each processor this process may run on.
    package static let shared = ThreadPool(threads: Platform.processorCount)

    /// Workers, with the caller.
    package let threads: Int
    private let core: PoolCore
    private let handles: [pthread_t]

    /// - Parameter threads: workers with the caller, at least 1. Fewer are used when the system gives fewer.
    package init(threads: Int) {
        let core = PoolCore(workers: max(1, threads))
        var handles: [pthread_t] = []
        for worker in 1..<max(2, threads) where worker < threads {
            guard let handle = core.spawn(worker) else { break }
            handles.append(handle)
        }
        self.core = core
        self.handles = handles
        self.threads = handles.count + 1
    }

    deinit {
        core.stop()
        for handle in handles { pthread_join(handle, nil) }
    }

    /// Calls `function` for every tile of `0..<tiles` and returns when all are done.
    package func run(tiles: Int, _ function: TileFunction, _ job: UnsafeRawPointer) {
        if tiles > 1, threads > 1, core.run(tiles, function, job) { return }
        for tile in 0..<max(0, tiles) { function(job, tile, 0) }
    }
}

/// What caller and workers share.
///
/// Tickets count down: whoever takes one that is above zero has a tile. The job changes only while no ticket is out (all
/// tiles are counted as done before `run` returns), so a worker that comes late finds no ticket and reads nothing.
private final class PoolCore: @unchecked Sendable {
    /// By worker, the tiles of its run that nobody has taken.
    private let tickets: UnsafeMutablePointer<Tickets>
    private let workers: Int
    private let done = Atomic<Int>(0)
    private let busy = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)

    // The job: written by the caller before tickets are out, read by whoever holds one.
    private var tiles = 0
    private var function: TileFunction = { _, _, _ in }
    private var job = UnsafeRawPointer(bitPattern: 64)!

    private let lock = Lock()

    /// How long a worker watches for work before it sleeps, and a caller for the end.
    private static let watchNanoseconds: UInt64 = 40_000

    /// A counter in cache lines of its own.
    private struct Tickets: ~Copyable {
        let left = Atomic<Int>(0)
        private let room: (Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int, Int) = (
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
        )
    }

    /// - Parameter workers: with the caller.
    init(workers: Int) {
        self.workers = workers
        tickets = .allocate(capacity: workers)
        for worker in 0..<workers { (tickets + worker).initialize(to: Tickets()) }
    }

    deinit {
        tickets.deinitialize(count: workers)
        tickets.deallocate()
    }

    /// False when the pool is at work for somebody else.
    func run(_ tiles: Int, _ function: @escaping TileFunction, _ job: UnsafeRawPointer) -> Bool {
        guard !busy.exchange(true, ordering: .acquiring) else { return false }
        defer { busy.store(false, ordering: .releasing) }
        self.tiles = tiles
        self.function = function
        self.job = job
        done.store(0, ordering: .relaxed)
        // The other workers first: they have to hear of it.
        var worker = workers
        while worker > 0 {
            worker -= 1
            tickets[worker].left.store(end(of: worker, tiles) - end(of: worker - 1, tiles), ordering: .sequentiallyConsistent)
        }
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            lock.wakeWorkers(min(tiles - 1, workers - 1))
        }
        takeTiles(worker: 0)
        waitForAll(tiles)
        return true
    }

    /// Behind the last tile of a worker's run.
    private func end(of worker: Int, _ tiles: Int) -> Int {
        // Runs are equal up to one tile; worker 0, who is there at once, has the larger ones.
        let (size, rest) = (tiles / workers, tiles % workers)
        return (worker + 1) * size + min(worker + 1, rest)
    }

    private func takeTiles(worker: Int) {
        var finished = 0, turn = 0
        while turn < workers {
            let owner = worker + turn < workers ? worker + turn : worker + turn - workers
            turn += 1
            while tickets[owner].left.load(ordering: .relaxed) > 0 {
                let ticket = tickets[owner].left.subtract(1, ordering: .acquiring).oldValue
                if ticket <= 0 { break }
                function(job, end(of: owner, tiles) - ticket, worker)
                finished += 1
            }
        }
        guard finished > 0 else { return }
        // The job is not over before this worker has counted its tiles, so `tiles` is still this job's.
        let all = tiles
        if done.add(finished, ordering: .sequentiallyConsistent).newValue == all,
            callerSleeps.load(ordering: .sequentiallyConsistent)
        {
            lock.wakeCaller()
        }
    }

    private func waitForAll(_ tiles: Int) {
        if watch({ self.done.load(ordering: .acquiring) == tiles }) { return }
        lock.sleepAsCaller(callerSleeps) { self.done.load(ordering: .sequentiallyConsistent) == tiles }
    }

    /// The life of a worker.
    func work(as worker: Int) {
        while !stopping.load(ordering: .acquiring) {
            if hasWork(worker) {
                takeTiles(worker: worker)
            } else if !watch({ self.hasWork(worker) }) {
                lock.sleepAsWorker(sleepers) { self.hasWork(worker) }
            }
        }
    }

    /// Whether a worker finds something to do, in its own run or in another's.
    @inline(__always) private func hasWork(_ worker: Int) -> Bool {
        if tickets[worker].left.load(ordering: .sequentiallyConsistent) > 0 { return true }
        var other = 0
        while other < workers {
            if tickets[other].left.load(ordering: .sequentiallyConsistent) > 0 { return true }
            other += 1
        }
        return stopping.load(ordering: .sequentiallyConsistent)
    }

    /// Looks again and again for a while. Returns whether the condition came true.
    @inline(__always) private func watch(_ condition: () -> Bool) -> Bool {
        let start = Platform.nanoseconds
        repeat {
            for _ in 0..<32 where condition() { return true }
        } while Platform.nanoseconds &- start < PoolCore.watchNanoseconds
        return false
    }

    func stop() {
        stopping.store(true, ordering: .sequentiallyConsistent)
        lock.wakeWorkers(.max)
    }

    /// A thread for a worker, or nil when the system gives none.
    func spawn(_ worker: Int) -> pthread_t? {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        let start = Unmanaged.passRetained(Start(core: self, worker: worker))
        #if os(Linux)
        var handle = pthread_t()
        let status = pthread_create(&handle, &attributes, { runWorker($0!) }, start.toOpaque())
        if status == 0 { return handle }
        #else
        var handle: pthread_t?
        let status = pthread_create(&handle, &attributes, { runWorker($0) }, start.toOpaque())
        if status == 0 { return handle }
        #endif
        start.release()
        return nil
    }
}

/// What a new thread is told.
private final class Start {
    let core: PoolCore
    let worker: Int

    init(core: PoolCore, worker: Int) {
        self.core = core
        self.worker = worker
    }
}

private func runWorker(_ start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let start = Unmanaged<Start>.fromOpaque(start).takeRetainedValue()
    start.core.work(as: start.worker)
    return nil
}

/// The mutex and the two conditions on which workers and the caller sleep.
///
/// Sleeping is announced, then the reason is looked at once more; waking looks for announcements after the reason was made.
/// Both in sequential consistency, so one of the two always sees the other.
private final class Lock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let work = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let end = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        work.initialize(to: pthread_cond_t())
        end.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(work, nil)
        pthread_cond_init(end, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(work)
        pthread_cond_destroy(end)
        mutex.deallocate()
        work.deallocate()
        end.deallocate()
    }

    func wakeWorkers(_ count: Int) {
        pthread_mutex_lock(mutex)
        if count > 4 {
            pthread_cond_broadcast(work)
        } else {
            for _ in 0..<count { pthread_cond_signal(work) }
        }
        pthread_mutex_unlock(mutex)
    }

    func sleepAsWorker(_ sleepers: borrowing Atomic<Int>, until hasWork: () -> Bool) {
        pthread_mutex_lock(mutex)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        if !hasWork() { pthread_cond_wait(work, mutex) }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }

    func wakeCaller() {
        pthread_mutex_lock(mutex)
        pthread_cond_signal(end)
        pthread_mutex_unlock(mutex)
    }

    func sleepAsCaller(_ sleeps: borrowing Atomic<Bool>, until isOver: () -> Bool) {
        pthread_mutex_lock(mutex)
        sleeps.store(true, ordering: .sequentiallyConsistent)
        while !isOver() { pthread_cond_wait(end, mutex) }
        sleeps.store(false, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
    }
}
