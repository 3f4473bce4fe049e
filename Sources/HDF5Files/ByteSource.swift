#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// `open` under a name that `ByteSource.open` doesn't hide.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

/// Bytes at offsets: a range of an open regular file, or memory. For what is read without libhdf5: values, and the few
/// structures that it doesn't read safely.
final class ByteSource: @unchecked Sendable {
    enum Failure: Error, Hashable {
        case notFound, isFolder, notRegular
        case system(Int32)
    }

    private enum Storage {
        /// The descriptor, and where in the file offset 0 is.
        case file(Int32, Int)
        case memory(UnsafeMutableRawBufferPointer)
    }

    /// Hears of bytes that are read from a file, and where they begin.
    typealias Watcher = @Sendable (_ offset: Int, _ bytes: UnsafeRawBufferPointer) -> Void

    private let storage: Storage
    private let watcher: Watcher?
    /// Bytes in total.
    let count: Int

    private init(_ storage: Storage, count: Int, watcher: Watcher? = nil) {
        self.storage = storage
        self.count = count
        self.watcher = watcher
    }

    /// Opens a regular file for reading. Never waits for the other end of a pipe.
    ///
    /// - Parameter range: the part that is the source's; nil for the whole file. A part beyond its end is cut.
    static func open(_ path: String, range: Range<Int>? = nil, watcher: Watcher? = nil) -> Result<ByteSource, Failure> {
        let descriptor = systemOpen(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            let number = errno
            return .failure(number == ENOENT || number == ENOTDIR ? .notFound : .system(number))
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let number = errno
            close(descriptor)
            return .failure(.system(number))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return .failure(status.st_mode & S_IFMT == S_IFDIR ? .isFolder : .notRegular)
        }
        let whole = 0..<Int(status.st_size)
        let part = (range ?? whole).clamped(to: whole)
        return .success(ByteSource(.file(descriptor, part.lowerBound), count: part.count, watcher: watcher))
    }

    /// A copy of bytes in memory, at an address that stays.
    init(copying bytes: UnsafeRawBufferPointer) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        memory.copyMemory(from: bytes)
        storage = .memory(memory)
        count = bytes.count
        watcher = nil
    }

    /// Memory that `fill` writes all of, at an address that stays.
    convenience init<Failure: Error>(
        count: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
        do { try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count])) } catch {
            memory.deallocate()
            throw error
        }
        self.init(.memory(memory), count: count)
    }

    /// The bytes of a source in memory.
    var memory: UnsafeMutableRawPointer? {
        if case .memory(let memory) = storage { return memory.baseAddress }
        return nil
    }

    /// The descriptor of a source in a file, and the offset at which it begins there.
    var region: (descriptor: Int32, offset: Int)? {
        if case .file(let descriptor, let offset) = storage { return (descriptor, offset) }
        return nil
    }

    /// `count` bytes from `offset`, nil when they aren't all there.
    func read(at offset: Int, count wanted: Int) -> [UInt8]? {
        guard offset >= 0, wanted >= 0, wanted <= count, offset <= count - wanted else { return nil }
        var whole = false
        let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
            whole = read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
            initialized = whole ? wanted : 0
        }
        return whole ? bytes : nil
    }

    /// Fills `target` from `offset` on; false when the bytes aren't all there.
    func read(at offset: Int, into target: UnsafeMutableRawBufferPointer) -> Bool {
        let wanted = target.count
        guard offset >= 0, wanted <= count, offset <= count - wanted else { return false }
        guard wanted > 0, let start = target.baseAddress else { return true }
        switch storage {
        case .memory(let memory):
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[offset..<offset + wanted]))
            return true
        case .file(let descriptor, let base):
            var got = 0
            while got < wanted {
                // One call moves less than 2 GiB; who watches wants the bytes while they are in the cache.
                let most = watcher == nil ? 1 << 30 : 1 << 18
                let step = pread(descriptor, start + got, min(wanted - got, most), off_t(base + offset + got))
                if step < 0 && errno == EINTR { continue }
                guard step > 0 else { return false }
                watcher?(offset + got, UnsafeRawBufferPointer(start: start + got, count: step))
                got += step
            }
            return true
        }
    }

    deinit {
        switch storage {
        case .file(let descriptor, _): close(descriptor)
        case .memory(let memory): memory.deallocate()
        }
    }
}

/// The system's words for an error number.
func systemMessage(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
