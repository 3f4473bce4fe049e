#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// `open` under a name that `ByteSource.open` doesn't hide.
private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

/// Bytes at offsets: an open regular file, or memory. For the few structures that are read without libhdf5.
final class ByteSource: @unchecked Sendable {
    enum Failure: Error, Hashable {
        case notFound, isFolder, notRegular
        case system(Int32)
    }

    private enum Storage {
        case file(Int32)
        case memory(UnsafeMutableRawBufferPointer)
    }

    private let storage: Storage
    /// Bytes in total.
    let count: Int

    private init(_ storage: Storage, count: Int) {
        self.storage = storage
        self.count = count
    }

    /// Opens a regular file for reading. Never waits for the other end of a pipe.
    static func open(_ path: String) -> Result<ByteSource, Failure> {
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
        return .success(ByteSource(.file(descriptor), count: Int(status.st_size)))
    }

    /// A copy of bytes in memory, at an address that stays.
    init(copying bytes: UnsafeRawBufferPointer) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 64)
        memory.copyMemory(from: bytes)
        storage = .memory(memory)
        count = bytes.count
    }

    /// The bytes of a source in memory.
    var memory: UnsafeMutableRawPointer? {
        if case .memory(let memory) = storage { return memory.baseAddress }
        return nil
    }

    /// `count` bytes from `offset`, nil when they aren't all there.
    func read(at offset: Int, count wanted: Int) -> [UInt8]? {
        guard offset >= 0, wanted >= 0, wanted <= count, offset <= count - wanted else { return nil }
        switch storage {
        case .memory(let memory):
            return Array(memory[offset..<offset + wanted])
        case .file(let descriptor):
            var got = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, initialized in
                while got < wanted {
                    let step = pread(descriptor, buffer.baseAddress! + got, wanted - got, off_t(offset + got))
                    if step < 0 && errno == EINTR { continue }
                    guard step > 0 else { break }
                    got += step
                }
                initialized = got
            }
            return got == wanted ? bytes : nil
        }
    }

    deinit {
        switch storage {
        case .file(let descriptor): close(descriptor)
        case .memory(let memory): memory.deallocate()
        }
    }
}

/// The system's words for an error number.
func systemMessage(_ number: Int32) -> String {
    strerror(number).map { String(cString: $0) } ?? "error \(number)"
}
