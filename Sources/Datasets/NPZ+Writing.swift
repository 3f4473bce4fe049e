import CLibZip
import Files
import Foundation
public import Tensors

extension NPZ {
    /// How members are packed: `numpy.savez` stores, `numpy.savez_compressed` deflates.
    public enum Compression: Sendable {
        case stored, deflated
    }

    /// Writes named arrays in that order, each as the member `NAME.npy`. The same arrays give the same bytes: members
    /// are dated 1980-01-01.
    ///
    /// Throws 64 `npz.name` for two equal names or one that zip cannot hold, 69 `npy.dtype` for bfloat16, 73 and 74 when
    /// writing fails.
    public static func write(
        _ arrays: [(name: String, tensor: Tensor)], to path: String, compression: Compression = .stored
    ) throws(LocatedError) {
        var seen: Set<String> = []
        for (name, _) in arrays {
            guard seen.insert(name).inserted, name.utf8.count <= 60_000, !name.utf8.contains(0) else {
                throw LocatedError(
                    .usage, "npz.name", "expected different names without NUL, up to 60000 bytes, got \"\(name.prefix(100))\"",
                    at: [path])
            }
        }
        // Headers first, so that nothing is created for arrays that cannot be written.
        var members: [MemberSource] = []
        for (name, tensor) in arrays {
            members.append(
                try locating(path) { () throws(LocatedError) in
                    try locating(name) { () throws(LocatedError) in
                        MemberSource(header: try NPYHeader(dtype: tensor.dtype, shape: tensor.shape).bytes(), tensor: tensor)
                    }
                })
        }
        let names = arrays.map { $0.name + ".npy" }
        if names.isEmpty {
            // libzip removes an archive without members; this is the table of contents of one.
            return try AtomicFile.write([0x50, 0x4b, 5, 6] + [UInt8](repeating: 0, count: 18), to: path)
        }
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            try writeArchive(names, members, to: temporary, named: path, compression)
        }
    }

    private static func writeArchive(
        _ names: [String], _ members: [MemberSource], to temporary: String, named path: String, _ compression: Compression
    ) throws(LocatedError) {
        var status: Int32 = 0
        guard let archive = zip_open(temporary, ZIP_CREATE | ZIP_TRUNCATE, &status) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, status)
            defer { zip_error_fini(&error) }
            throw failure(&error, path)
        }
        var closed = false
        defer { if !closed { zip_discard(archive) } }
        for (name, member) in zip(names, members) {
            let retained = Unmanaged.passRetained(member)
            guard let source = zip_source_function(archive, readMember, retained.toOpaque()) else {
                retained.release()
                throw failure(zip_get_error(archive), path)
            }
            let index = zip_file_add(archive, name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
            guard index >= 0 else {
                zip_source_free(source)
                throw failure(zip_get_error(archive), path)
            }
            let method = compression == .stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE
            // 1980-01-01, the first day that zip can say.
            guard zip_set_file_compression(archive, zip_uint64_t(index), method, 6) == 0,
                zip_file_set_dostime(archive, zip_uint64_t(index), 0, 33, 0) == 0
            else { throw failure(zip_get_error(archive), path) }
        }
        guard zip_close(archive) == 0 else { throw failure(zip_get_error(archive), path) }
        closed = true
    }

    private static func failure(_ error: UnsafeMutablePointer<zip_error_t>?, _ path: String) -> LocatedError {
        guard let error else { return LocatedError(.io, "output.write", "writing failed", at: [path]) }
        if zip_error_system_type(error) == ZIP_ET_SYS { return AtomicFile.writeFailure(zip_error_code_system(error), path) }
        return LocatedError(.io, "output.write", "writing failed: \(String(cString: zip_error_strerror(error)))", at: [path])
    }
}

/// The bytes of one member, which libzip asks for while it writes the archive.
private final class MemberSource {
    let header: [UInt8]
    let tensor: Tensor
    var position = 0
    var error = zip_error_t()

    init(header: [UInt8], tensor: Tensor) {
        self.header = header
        self.tensor = tensor
        zip_error_init(&error)
    }

    deinit { zip_error_fini(&error) }

    var count: Int { header.count + tensor.byteCount }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        func copy(_ bytes: UnsafeRawBufferPointer, startingAt start: Int) {
            let from = position - start
            let length = min(buffer.count - done, bytes.count - from)
            guard from >= 0, length > 0 else { return }
            UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + length])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<from + length]))
            done += length
            position += length
        }
        header.withUnsafeBytes { copy($0, startingAt: 0) }
        tensor.withUnsafeBytes { copy($0, startingAt: header.count) }
        return done
    }
}

/// libzip's callback: `context` is a retained `MemberSource`.
private func readMember(
    _ context: UnsafeMutableRawPointer?, _ data: UnsafeMutableRawPointer?, _ length: zip_uint64_t, _ command: zip_source_cmd_t
) -> zip_int64_t {
    let unmanaged = Unmanaged<MemberSource>.fromOpaque(context!)
    let member = unmanaged.takeUnretainedValue()
    switch command {
    case ZIP_SOURCE_OPEN:
        member.position = 0
        return 0
    case ZIP_SOURCE_READ:
        return zip_int64_t(member.read(into: UnsafeMutableRawBufferPointer(start: data, count: Int(length))))
    case ZIP_SOURCE_CLOSE: return 0
    case ZIP_SOURCE_STAT:
        let status = data!.assumingMemoryBound(to: zip_stat_t.self)
        zip_stat_init(status)
        status.pointee.size = zip_uint64_t(member.count)
        status.pointee.valid |= zip_uint64_t(ZIP_STAT_SIZE)
        return zip_int64_t(MemoryLayout<zip_stat_t>.size)
    case ZIP_SOURCE_ERROR: return zip_error_to_data(&member.error, data, length)
    case ZIP_SOURCE_FREE:
        unmanaged.release()
        return 0
    case ZIP_SOURCE_SUPPORTS:
        return [ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE]
            .reduce(0) { $0 | 1 << zip_int64_t($1.rawValue) }
    default:
        zip_error_set(&member.error, ZIP_ER_OPNOTSUPP, 0)
        return -1
    }
}
