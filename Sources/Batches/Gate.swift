#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A lock, and sleeping until what it guards has changed.
final class Gate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(condition)
        mutex.deallocate()
        condition.deallocate()
    }

    /// Runs `body` with the lock once `condition` holds, and wakes all who wait.
    func enter<Result>(when isReady: () -> Bool = { true }, _ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        while !isReady() { pthread_cond_wait(condition, mutex) }
        return body()
    }
}

/// A thread of its own, which can be waited for.
struct Worker {
    private let handle: pthread_t

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// nil when the system gives no thread.
    init?(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 8 << 20)
        let start = Unmanaged.passRetained(Start(body))
        #if os(Linux)
            var handle = pthread_t()
            let status = pthread_create(&handle, &attributes, { Worker.run($0!) }, start.toOpaque())
            if status == 0 {
                self.handle = handle
                return
            }
        #else
            var handle: pthread_t?
            let status = pthread_create(&handle, &attributes, { Worker.run($0) }, start.toOpaque())
            if status == 0, let handle {
                self.handle = handle
                return
            }
        #endif
        start.release()
        return nil
    }

    private static func run(_ start: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body()
        return nil
    }

    func join() { pthread_join(handle, nil) }
}
