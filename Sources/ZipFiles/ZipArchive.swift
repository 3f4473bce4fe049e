import CLibZip
import Files
import Foundation
package import Tensors

/// A zip archive open for reading. Its members are read by name into memory, or where they lie; nothing is ever unpacked to
/// disk.
///
/// An archive that contradicts itself is refused: two members of one name, members that overlap, headers that disagree, sizes
/// that cannot be. One member is read at a time; calls from several threads wait for each other.
package final class ZipArchive: @unchecked Sendable {
    /// One entry of the table of contents.
    package struct Member: Hashable, Sendable {
        package let name: String
        let index: Int
    }

    /// What the table of contents says of a member, for showing: nothing of it is checked.
    package struct Details: Hashable, Sendable {
        package enum Method: Hashable, Sendable {
            case stored, deflated
            case other(Int)
        }

        package var size: Int
        package var storedSize: Int
        package var method: Method
        package var isEncrypted: Bool
        /// CRC-32 of the unpacked bytes.
        package var checksum: UInt32
    }

    /// What the table of contents says of a member, checked.
    private struct Entry {
        var size: Int
        var storedSize: Int
        var isStored: Bool
    }

    package let path: String
    /// In the order of the archive.
    package let members: [Member]
    private let rules: ZipRules
    /// What codes of errors begin with.
    var family: String { rules.family }
    private let byName: [String: Int]
    private let handle: OpaquePointer
    /// libzip's handles must not be used by two threads at once.
    private let lock = NSLock()

    /// Where the archive's bytes are.
    private enum Content {
        case file
        /// A part of the file, such as a stored member of another archive.
        case part(Range<Int>)
        /// Borrowed by libzip, at an address that stays.
        case memory(UnsafeMutableRawBufferPointer)
    }

    private let content: Content

    /// Opens an archive and reads its table of contents.
    ///
    /// Throws 66 when there is no such file, 65 `….archive`, `….duplicate`, `….entries`, `….name` for a broken one, 74 when
    /// reading fails; errors are located at the path.
    package convenience init(reading path: String, rules: ZipRules) throws(LocatedError) {
        try self.init(.file, path, rules)
    }

    /// Opens an archive within an archive: in place where it is stored, else inflated into memory.
    package convenience init(
        _ member: Member, of outer: ZipArchive, rules: ZipRules
    ) throws(LocatedError) {
        if case .file = outer.content, let range = try outer.range(of: member) {
            try self.init(.part(range), outer.path, rules)
            return
        }
        let bytes = try outer.bytes(of: member, limit: .max)
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
        do { try self.init(.memory(UnsafeMutableRawBufferPointer(rebasing: memory[..<bytes.count])), member.name, rules) } catch {
            memory.deallocate()
            throw error
        }
    }

    private init(_ content: Content, _ path: String, _ rules: ZipRules) throws(LocatedError) {
        let family = rules.family
        var status = zip_error_t()
        zip_error_init(&status)
        defer { zip_error_fini(&status) }
        var size = 0
        let source: OpaquePointer?
        switch content {
        case .file:
            // For the errors of files that are absent or are folders.
            size = try InputFile(path).size
            source = zip_source_file_create(path, 0, -1, &status)
        case .part(let range):
            size = range.count
            source = size > 0 ? zip_source_file_create(path, zip_uint64_t(range.lowerBound), zip_int64_t(size), &status) : nil
        case .memory(let bytes):
            size = bytes.count
            source = zip_source_buffer_create(bytes.baseAddress, zip_uint64_t(size), 0, &status)
        }
        // CHECKCONS compares every local header with the table of contents, and refuses members that overlap.
        guard size > 0, let source, let handle = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &status) else {
            if let source { zip_source_free(source) }
            let code = zip_error_code_zip(&status)
            if code == ZIP_ER_READ || code == ZIP_ER_SEEK {
                throw LocatedError(.io, "file.read", String(cString: zip_error_strerror(&status)), at: [path])
            }
            if code == ZIP_ER_EXISTS {
                throw LocatedError(
                    .invalid, "\(family).duplicate", "expected every member once, got two members of one name", at: [path])
            }
            let got = size == 0 ? "an empty file" : String(cString: zip_error_strerror(&status))
            throw LocatedError(.invalid, "\(family).archive", "expected a sound zip archive, got: \(got)", at: [path])
        }
        var members: [Member] = []
        var byName: [String: Int] = [:]
        do {
            try locating(path) { () throws(LocatedError) in
                let count = Int(zip_get_num_entries(handle, 0))
                guard count <= rules.mostEntries else {
                    throw LocatedError(
                        .invalid, "\(family).entries", "expected at most \(rules.mostEntries) members, got \(count)")
                }
                for index in 0..<count {
                    guard let characters = zip_get_name(handle, zip_uint64_t(index), zip_flags_t(ZIP_FL_ENC_GUESS)) else {
                        throw LocatedError(
                            .invalid, "\(family).archive", "expected member \(index) to have a name, got none")
                    }
                    let name = String(cString: characters)
                    if rules.refusesUnsafeNames { try ZipArchive.check(name, index, of: handle, family) }
                    guard byName.updateValue(index, forKey: name) == nil else {
                        throw LocatedError(
                            .invalid, "\(family).duplicate", "expected every member once, got \"\(name)\" twice")
                    }
                    members.append(Member(name: name, index: index))
                }
            }
        } catch {
            zip_discard(handle)
            throw error
        }
        self.content = content
        self.path = path
        self.members = members
        self.rules = rules
        self.byName = byName
        self.handle = handle
    }

    deinit {
        zip_discard(handle)
        if case .memory(let bytes) = content { bytes.deallocate() }
    }

    /// Throws for a name that would lead out of a folder, and for what is neither file nor folder.
    private static func check(
        _ name: String, _ index: Int, of handle: OpaquePointer, _ family: String
    ) throws(LocatedError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let isDrive = name.dropFirst().first == ":"
        guard !name.isEmpty, !name.hasPrefix("/"), !name.contains("\\"), !isDrive, !parts.contains(".."),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 })
        else {
            throw LocatedError(
                .invalid, "\(family).name", "expected names of members within the archive, got \(name.debugDescription)")
        }
        var system: UInt8 = 0
        var attributes: zip_uint32_t = 0
        guard zip_file_get_external_attributes(handle, zip_uint64_t(index), 0, &system, &attributes) == 0 else { return }
        // Unix keeps the kind of a file in the upper half; 0 where none was told.
        let kind = attributes >> 16 & 0o170000
        guard system != UInt8(ZIP_OPSYS_UNIX) || [0, 0o100000, 0o040000].contains(kind) else {
            throw LocatedError(
                .invalid, "\(family).name", "expected files, got a link or a device", at: [name])
        }
    }

    /// The member of that name, nil when there is none.
    package func member(_ name: String) -> Member? { byName[name].map { Member(name: name, index: $0) } }

    /// How many bytes a member is unpacked, after the same checks as before reading it.
    package func size(of member: Member) throws(LocatedError) -> Int {
        lock.lock()
        defer { lock.unlock() }
        return try locating(path) { () throws(LocatedError) in
            try locating(member.name) { () throws(LocatedError) in try entry(member).size }
        }
    }

    /// What the table of contents says of a member, also of one that can't be read.
    package func details(of member: Member) throws(LocatedError) -> Details {
        lock.lock()
        defer { lock.unlock() }
        var status = zip_stat_t()
        let needed = zip_uint64_t(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC)
        guard zip_stat_index(handle, zip_uint64_t(member.index), 0, &status) == 0, status.valid & needed == needed,
            let size = Int(exactly: status.size), let storedSize = Int(exactly: status.comp_size)
        else {
            throw LocatedError(
                .invalid, "\(rules.family).archive", "expected the member's sizes, got none", at: [path, member.name])
        }
        let method: Details.Method =
            switch Int32(status.comp_method) {
            case ZIP_CM_STORE: .stored
            case ZIP_CM_DEFLATE: .deflated
            default: .other(Int(status.comp_method))
            }
        let isEncrypted = status.valid & zip_uint64_t(ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE
        return Details(size: size, storedSize: storedSize, method: method, isEncrypted: isEncrypted, checksum: status.crc)
    }

    /// A member's bytes. Throws 65 `….data`, `….ratio`, `….too_large` for a broken or oversized one, 69 `….method` for a
    /// compression that is not supported, `….encrypted`.
    package func bytes(of member: Member, limit: Int) throws(LocatedError) -> [UInt8] {
        try locating(path) { () throws(LocatedError) in
            try locating(member.name) { () throws(LocatedError) in
                try read(member) { (size, next) throws(LocatedError) in
                    guard size <= limit, Memory.holds(byteCount: size) else {
                        throw LocatedError(
                            .invalid, "\(rules.family).too_large", "expected at most \(limit) bytes, got \(size)")
                    }
                    var failure: LocatedError?
                    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
                        do throws(LocatedError) {
                            try next(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<size]))
                            initialized = size
                        } catch { failure = error }
                    }
                    if let failure { throw failure }
                    return bytes
                }
            }
        }
    }

    /// Hands `body` the member's declared size and a function that yields its bytes in order, never more than declared. The
    /// caller locates errors.
    package func read<Result>(
        _ member: Member,
        _ body: (Int, (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        let size = try entry(member).size
        guard let stream = zip_fopen_index(handle, zip_uint64_t(member.index), 0) else {
            throw dataError(String(cString: zip_strerror(handle)))
        }
        defer { zip_fclose(stream) }
        var taken = 0
        func next(_ buffer: UnsafeMutableRawBufferPointer) throws(LocatedError) {
            precondition(buffer.count <= size - taken)
            var done = 0
            while done < buffer.count {
                let count = zip_fread(stream, buffer.baseAddress! + done, zip_uint64_t(buffer.count - done))
                if count < 0 { throw dataError(String(cString: zip_file_strerror(stream))) }
                if count == 0 { throw dataError("\(taken + done) bytes instead of the declared \(size)") }
                done += Int(count)
            }
            taken += done
        }
        let result = try body(size, next)
        // Reading up to the end makes libzip compare the checksum, and shows whether there is more than declared.
        if taken == size {
            var extra: UInt8 = 0
            let count = zip_fread(stream, &extra, 1)
            if count < 0 { throw dataError(String(cString: zip_file_strerror(stream))) }
            if count > 0 { throw dataError("more bytes than the declared \(size)") }
        }
        return result
    }

    /// Where the bytes of a stored member lie in the file; nil for a member that is compressed. `ledger` compares its checksum.
    package func range(of member: Member) throws(LocatedError) -> Range<Int>? {
        lock.lock()
        defer { lock.unlock() }
        return try locating(path) { () throws(LocatedError) in
            try locating(member.name) { () throws(LocatedError) in
                let entry = try entry(member)
                // An archive within an archive is read through libzip alone.
                guard entry.isStored, case .file = content else { return nil }
                var directory = try ZipDirectory(try InputFile(path), rules.family)
                return try directory.range(
                    ofEntry: member.index, of: members.count, size: entry.size, storedSize: entry.storedSize)
            }
        }
    }

    private func dataError(_ got: String) -> LocatedError {
        LocatedError(.invalid, "\(rules.family).data", "expected sound member data, got: \(got)")
    }

    private func entry(_ member: Member) throws(LocatedError) -> Entry {
        let family = rules.family
        var status = zip_stat_t()
        let needed = zip_uint64_t(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD)
        guard zip_stat_index(handle, zip_uint64_t(member.index), 0, &status) == 0, status.valid & needed == needed else {
            throw LocatedError(.invalid, "\(family).archive", "expected the member's sizes, got none")
        }
        if status.valid & zip_uint64_t(ZIP_STAT_ENCRYPTION_METHOD) != 0, status.encryption_method != ZIP_EM_NONE {
            throw LocatedError(rules.encrypted, "\(family).encrypted", "expected a plain member, got an encrypted one")
        }
        let method = Int32(status.comp_method)
        guard [ZIP_CM_STORE, ZIP_CM_DEFLATE].contains(method) else {
            throw LocatedError(
                .unsupported, "\(family).method",
                "expected a stored or deflated member, got compression method \(status.comp_method)")
        }
        let (most, overflow) = status.comp_size.multipliedReportingOverflow(by: zip_uint64_t(rules.mostExpansion))
        let small = zip_uint64_t(rules.smallMember)
        guard let size = Int(exactly: status.size), let storedSize = Int(exactly: status.comp_size),
            overflow || status.size <= small || status.size - small <= most
        else {
            throw LocatedError(
                .invalid, "\(family).ratio",
                "expected a size that \(status.comp_size) compressed bytes can give, got \(status.size)")
        }
        return Entry(size: size, storedSize: storedSize, isStored: method == ZIP_CM_STORE)
    }
}
