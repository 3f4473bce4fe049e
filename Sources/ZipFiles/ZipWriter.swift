import CLibZip
package import Files
import Foundation
package import Tensors

/// Writes zip archives. The same members give the same bytes: all are dated alike.
///
/// Not an atomic writer: give it the path that `AtomicFile` gives.
package enum ZipWriter {
    /// How members are packed.
    package enum Compression: Sendable {
        case stored, deflated
    }

    /// What a member holds, in order.
    package enum Piece: Sendable {
        case bytes([UInt8])
        /// The elements as they are in memory.
        case tensor(Tensor)
        /// The content of a file, which stays where it is until the archive is written.
        case file(InputFile)

        var count: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .tensor(let tensor): tensor.byteCount
            case .file(let file): file.size
            }
        }
    }

    /// One member to be written.
    package struct Member: Sendable {
        package var name: String
        package var pieces: [Piece]

        package init(_ name: String, _ pieces: [Piece]) {
            self.name = name
            self.pieces = pieces
        }
    }

    /// A day and time as zip says them, in its own words; 1980-01-01, the first day that it can say, by default.
    package struct Date: Hashable, Sendable {
        /// Hours, minutes and half seconds in 5, 6 and 5 bits.
        package var time: UInt16 = 0
        /// Years from 1980, months and days in 7, 4 and 5 bits.
        package var day: UInt16 = 33

        package init() {}

        /// - Parameter secondsSince1970: UTC. What zip can't say becomes the nearest that it can.
        package init(secondsSince1970 seconds: Int) {
            let latest = 4_354_819_198  // 2107-12-31 23:59:58
            var clamped = time_t(min(max(seconds, 315_532_800), latest))
            var parts = tm()
            gmtime_r(&clamped, &parts)
            time = UInt16(parts.tm_hour << 11 | parts.tm_min << 5 | parts.tm_sec / 2)
            day = UInt16((parts.tm_year - 80) << 9 | (parts.tm_mon + 1) << 5 | parts.tm_mday)
        }
    }

    /// Writes an archive to `temporary`, in the order of `members`.
    ///
    /// - Parameters:
    ///   - path: what errors call the file.
    ///   - permissions: what Unix keeps of each member's; nil for none, as libzip writes.
    /// - Throws: 73 and 74 when writing fails.
    package static func write(
        _ members: [Member], to temporary: String, named path: String, compression: Compression = .stored, date: Date = Date(),
        permissions: UInt16? = nil
    ) throws(LocatedError) {
        if members.isEmpty {
            // libzip removes an archive without members; this is the table of contents of one.
            return try AtomicFile.write([0x50, 0x4b, 5, 6] + [UInt8](repeating: 0, count: 18), to: temporary)
        }
        var status: Int32 = 0
        guard let archive = zip_open(temporary, ZIP_CREATE | ZIP_TRUNCATE, &status) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, status)
            defer { zip_error_fini(&error) }
            throw failure(&error, path)
        }
        var closed = false
        defer { if !closed { zip_discard(archive) } }
        let sources = members.map { MemberSource($0.pieces) }
        for (member, content) in zip(members, sources) {
            let retained = Unmanaged.passRetained(content)
            guard let source = zip_source_function(archive, readMember, retained.toOpaque()) else {
                retained.release()
                throw failure(zip_get_error(archive), path)
            }
            let index = zip_file_add(archive, member.name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
            guard index >= 0 else {
                zip_source_free(source)
                throw failure(zip_get_error(archive), path)
            }
            let method = compression == .stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE
            guard zip_set_file_compression(archive, zip_uint64_t(index), method, 6) == 0,
                zip_file_set_dostime(archive, zip_uint64_t(index), date.time, date.day, 0) == 0
            else { throw failure(zip_get_error(archive), path) }
            if let permissions {
                let attributes = zip_uint32_t(permissions) << 16
                guard
                    zip_file_set_external_attributes(
                        archive, zip_uint64_t(index), 0, UInt8(ZIP_OPSYS_UNIX), attributes) == 0
                else { throw failure(zip_get_error(archive), path) }
            }
        }
        guard zip_close(archive) == 0 else {
            if let cause = sources.lazy.compactMap(\.failure).first { throw cause }
            throw failure(zip_get_error(archive), path)
        }
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
    let pieces: [ZipWriter.Piece]
    var position = 0
    var error = zip_error_t()
    /// What a file that is copied failed with.
    var failure: LocatedError?

    init(_ pieces: [ZipWriter.Piece]) {
        self.pieces = pieces
        zip_error_init(&error)
    }

    deinit { zip_error_fini(&error) }

    var count: Int { pieces.reduce(0) { $0 + $1.count } }

    /// How many bytes were read: fewer than the buffer holds only at the end, -1 for a failure.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        var done = 0
        var start = 0
        for piece in pieces {
            let from = position - start
            let length = min(buffer.count - done, piece.count - from)
            start += piece.count
            guard from >= 0, length > 0 else { continue }
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + length])
            switch piece {
            case .bytes(let bytes):
                bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[from..<from + length])) }
            case .tensor(let tensor):
                tensor.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[from..<from + length])) }
            case .file(let file):
                do throws(LocatedError) { try file.read(into: target, at: from) } catch {
                    failure = error
                    zip_error_set(&self.error, ZIP_ER_READ, 0)
                    return -1
                }
            }
            done += length
            position += length
        }
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
