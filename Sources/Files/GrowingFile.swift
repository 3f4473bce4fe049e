internal import Foundation
package import Tensors

/// A file that others read while it grows: records are put behind each other, each with one write. What a kill leaves is a file
/// of whole records but for the last.
package final class GrowingFile {
    private let path: String
    private let descriptor: Int32

    /// Makes a new file and the folders above it. Throws 73 `output.folder` and `output.create` where that can't be done.
    package init(creating path: String) throws(LocatedError) {
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
                throw LocatedError(.cannotCreate, "output.folder", "expected a folder that can be made, got: \(error.localizedDescription)", at: [folder])
            }
        }
        descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            throw LocatedError(.cannotCreate, "output.create", "cannot be created: \(systemMessage(errno))", at: [path])
        }
        self.path = path
    }

    deinit { close(descriptor) }

    /// Throws 74 `output.disk_full` or `output.write`.
    package func append(_ bytes: [UInt8]) throws(LocatedError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw AtomicFile.writeFailure(errno, path) }
            rest = rest.dropFirst(count)
        }
    }
}
