import Foundation
package import Tensors

/// A file that is open for reading at any offset; closed when released.
package final class InputFile: Sendable {
    /// As the caller named it, for error locations.
    package let path: String
    /// Bytes in the file when it was opened. A pipe or device has no size: use `readBytes` for those.
    package let size: Int
    private let descriptor: Int32

    /// Opens a regular file. Throws 66 `file.not_found`, `file.unreadable`, `file.is_folder`.
    package convenience init(_ path: String) throws(LocatedError) {
        try self.init(path, regular: true)
    }

    private init(_ path: String, regular: Bool) throws(LocatedError) {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw InputFile.notReadable(ENOENT, path) }
        // A pipe that nobody writes to must not hold up who asks for a regular file.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (regular ? O_NONBLOCK : 0))
        guard descriptor >= 0 else { throw InputFile.notReadable(errno, path) }
        var status = stat()
        let outcome = fstat(descriptor, &status)
        let kind = status.st_mode & S_IFMT
        guard outcome == 0, kind != S_IFDIR, kind == S_IFREG || !regular else {
            close(descriptor)
            if outcome != 0 { throw InputFile.readFailure(errno, path) }
            if kind == S_IFDIR { throw InputFile.notReadable(EISDIR, path) }
            throw LocatedError(.notFound, "file.not_regular", "expected a regular file, got a device or a pipe", at: [path])
        }
        self.path = path
        self.descriptor = descriptor
        self.size = kind == S_IFREG ? Int(status.st_size) : 0
    }

    deinit { close(descriptor) }

    /// Fills `buffer` with the bytes from `offset` on. Throws 74 `file.read`, also when the file ends before.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(LocatedError) {
        var done = 0
        while done < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw InputFile.readFailure(errno, path)
            }
            if count == 0 {
                throw LocatedError(
                    .io, "file.read", "expected \(buffer.count) bytes at offset \(offset), got \(done): the file became shorter",
                    at: [path])
            }
            done += count
        }
    }

    /// `count` bytes from `offset` on; the range must lie within `size`. Throws 74 `file.read`.
    package func bytes(at offset: Int, count: Int) throws(LocatedError) -> [UInt8] {
        precondition(offset >= 0 && count >= 0 && offset <= size && count <= size - offset)
        var failure: LocatedError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(LocatedError) {
                try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
                initialized = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Whether something of this name is there.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The whole content of a file, device or pipe, refused before memory is taken when it is larger than `limit`.
    ///
    /// Throws 66 `file.not_found`, `file.unreadable`, `file.is_folder`, 65 `file.too_large`, 74 `file.read`.
    package static func readBytes(_ path: String, limit: Int = 1 << 34) throws(LocatedError) -> [UInt8] {
        let file = try InputFile(path, regular: false)
        if file.size > 0 {
            guard file.size <= limit else { throw tooLarge(file.size, limit, path) }
            return try file.bytes(at: 0, count: file.size)
        }
        return try file.readToEnd(limit: limit)
    }

    /// For what has no size that can be trusted: pipes, devices, files under /proc.
    private func readToEnd(limit: Int) throws(LocatedError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw InputFile.readFailure(errno, path)
            }
            if count == 0 { return bytes }
            guard count <= limit - bytes.count else { throw InputFile.tooLarge(nil, limit, path) }
            bytes.append(contentsOf: chunk[..<count])
        }
    }

    private static func tooLarge(_ size: Int?, _ limit: Int, _ path: String) -> LocatedError {
        LocatedError(
            .invalid, "file.too_large", "expected at most \(limit) bytes, got \(size.map(String.init) ?? "more")", at: [path])
    }

    private static func notReadable(_ number: Int32, _ path: String) -> LocatedError {
        switch number {
        case ENOENT, ENOTDIR: LocatedError(.notFound, "file.not_found", "no such file", at: [path])
        case EISDIR: LocatedError(.notFound, "file.is_folder", "expected a file, got a folder", at: [path])
        default: LocatedError(.notFound, "file.unreadable", "cannot be opened: \(systemMessage(number))", at: [path])
        }
    }

    private static func readFailure(_ number: Int32, _ path: String) -> LocatedError {
        LocatedError(.io, "file.read", "reading failed: \(systemMessage(number))", at: [path])
    }
}
