internal import CHDF5
internal import Tensors

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The one door to libhdf5. The library is at best safe call by call, not sequence by sequence, so one lock of the
/// process is held around every sequence. It isn't recursive: what runs under it is only code of this room, whose
/// functions named `locked…` expect it to be held.
enum HDF5Library {
    private static let lock = Lock()

    /// The version that is linked, for what one version does safely and another does not.
    static let version: (Int, Int, Int) = {
        _ = prepared
        var major: UInt32 = 0
        var minor: UInt32 = 0
        var release: UInt32 = 0
        H5get_libversion(&major, &minor, &release)
        return (Int(major), Int(minor), Int(release))
    }()

    /// Runs a sequence of calls with the lock held and the library's report on standard error off.
    static func locked<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        _ = prepared
        let report = chdf5_silence()
        defer { chdf5_unsilence(report) }
        kept = nil
        return try body()
    }

    /// Objects and attributes that are open in this process. 0 between any two sequences of this room; tests hold it to
    /// that.
    static func openHandles() -> Int { locked { Int(chdf5_open_objects_anywhere()) } }

    /// Has to come before any other call of the library.
    private static let prepared: Bool = {
        // A file that can't be flushed, the disk being full, can't be closed properly either. libhdf5 keeps what is left of it
        // and would touch it again when the process exits, after freeing it. Every file of ours is closed long before.
        let keepsExitClean = H5dont_atexit() >= 0
        // Filters come from code, never from a folder that a file or the environment names.
        return H5PLset_loading_state(0) >= 0 && keepsExitClean
    }()

    /// The error stack as it was when the last handle closed: closing one empties the stack.
    private nonisolated(unsafe) static var kept: String?

    /// Keeps the reason of a failure over a call that forgets it.
    static func keepReason() {
        if let reason = stackedReason() { kept = reason }
    }

    /// Why the last call failed, in the library's words: the call's and the deepest cause.
    static func reason() -> String {
        let reason = stackedReason() ?? kept ?? "no reason given"
        kept = nil
        chdf5_clear_errors()
        return reason
    }

    private static func stackedReason() -> String? {
        guard chdf5_error_count() > 0 else { return nil }
        var reason = chdf5_last_reason()
        let outer = text(&reason.outer)
        let inner = systemMessage(in: text(&reason.inner))
        return inner.isEmpty || inner == outer ? outer : "\(outer) (\(inner))"
    }

    /// The system's words in `file write failed: time = …, errno = 28, error message = 'No space left on device', buf = …`, and
    /// any other text as it is.
    private static func systemMessage(in reason: String) -> String {
        let parts = reason.split(separator: "error message = '", maxSplits: 1)
        guard parts.count == 2, let message = parts[1].split(separator: "'", maxSplits: 1).first else { return reason }
        return String(message)
    }

    private static func text<Characters>(_ characters: inout Characters) -> String {
        withUnsafeBytes(of: &characters) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}

/// A plain mutual exclusion lock.
private final class Lock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }
}

/// An identifier of libhdf5 that is closed once, when its owner ends. Both under the library's lock.
struct HDF5Handle: ~Copyable {
    let id: hid_t
    private let close: @convention(c) (hid_t) -> herr_t

    /// Nil when the call that made the identifier failed.
    init?(_ id: hid_t, close: @convention(c) (hid_t) -> herr_t) {
        guard id >= 0 else { return nil }
        self.id = id
        self.close = close
    }

    deinit {
        HDF5Library.keepReason()
        _ = close(id)
    }
}
