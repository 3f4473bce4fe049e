import CLibZip
import Files
import Foundation
public import Tensors

/// NumPy's archive of named arrays, `.npz`: a zip file with one `.npy` member for each.
///
/// Reads what `numpy.savez` and `numpy.savez_compressed` write, one array at a time, when it is asked for. Members that
/// are not called `….npy` are left out, as they are no arrays. An archive that contradicts itself is refused: two members
/// of one name, members that overlap, headers that disagree, sizes that cannot be.
public final class NPZ: Sendable {
    /// The arrays in the order of the archive, without the members' `.npy`.
    public let names: [String]
    private let path: String
    private let archive: ZipReader
    private let members: [String: Int]

    /// More entries than this are refused.
    static let mostEntries = 100_000

    /// Opens the archive and reads its table of contents.
    ///
    /// Throws 66 when there is no such file, 65 `npz.archive`, `npz.duplicate`, `npz.entries` for a broken one, 74 when
    /// reading fails.
    public init(reading path: String) throws(LocatedError) {
        let archive = try ZipReader(path)
        var names: [String] = []
        var members: [String: Int] = [:]
        try locating(path) { () throws(LocatedError) in
            for (index, member) in try archive.memberNames().enumerated() where member.hasSuffix(".npy") {
                let name = String(member.dropLast(4))
                guard members.updateValue(index, forKey: name) == nil else {
                    throw LocatedError(.invalid, "npz.duplicate", "expected every member once, got \"\(member)\" twice")
                }
                names.append(name)
            }
        }
        self.path = path
        self.names = names
        self.archive = archive
        self.members = members
    }

    /// The array of that name.
    ///
    /// Throws 67 `npz.name` when there is none, 65 `npy.…`, `npz.data`, `npz.ratio` for a broken member, 69 `npy.dtype`,
    /// `npz.method`, `npz.encrypted` for what is not supported.
    public func tensor(_ name: String) throws(LocatedError) -> Tensor {
        try member(name) { (size, next) throws(LocatedError) in try NPY.read(fileSize: size, next) }
    }

    /// Shape and element type of the array of that name now, elements when they are loaded. Throws as `tensor` does.
    public func lazyTensor(_ name: String) throws(LocatedError) -> LazyTensor {
        let header = try member(name) { (size, next) throws(LocatedError) in try NPYHeader.read(fileSize: size, next) }
        return LazyTensor(shape: header.shape, dtype: header.dtype) { () throws(LocatedError) in try self.tensor(name) }
    }

    private func member<Result>(
        _ name: String,
        _ body: (Int, (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        guard let index = members[name] else {
            let known = names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
            throw LocatedError(
                .mismatch, "npz.name", "expected an array named \"\(name)\", got only: \(known.isEmpty ? "none" : known)",
                at: [path])
        }
        return try locating(path) { () throws(LocatedError) in
            try locating(name) { () throws(LocatedError) in try archive.read(index, body) }
        }
    }
}

/// A zip archive open for reading. One member is read at a time.
private final class ZipReader: @unchecked Sendable {
    private let handle: OpaquePointer
    /// libzip's handles must not be used by two threads at once.
    private let lock = NSLock()

    init(_ path: String) throws(LocatedError) {
        // For the errors of files that are absent or are folders.
        let file = try InputFile(path)
        var status: Int32 = 0
        // CHECKCONS compares every local header with the table of contents, and refuses members that overlap.
        guard file.size > 0, let handle = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &status) else {
            var error = zip_error_t()
            zip_error_init_with_code(&error, status)
            defer { zip_error_fini(&error) }
            if status == ZIP_ER_READ || status == ZIP_ER_SEEK {
                throw LocatedError(.io, "file.read", String(cString: zip_error_strerror(&error)), at: [path])
            }
            if status == ZIP_ER_EXISTS {
                throw LocatedError(
                    .invalid, "npz.duplicate", "expected every member once, got two members of one name", at: [path])
            }
            let got = file.size == 0 ? "an empty file" : String(cString: zip_error_strerror(&error))
            throw LocatedError(.invalid, "npz.archive", "expected a sound zip archive, got: \(got)", at: [path])
        }
        self.handle = handle
    }

    deinit { zip_discard(handle) }

    func memberNames() throws(LocatedError) -> [String] {
        lock.lock()
        defer { lock.unlock() }
        let count = Int(zip_get_num_entries(handle, 0))
        guard count <= NPZ.mostEntries else {
            throw LocatedError(.invalid, "npz.entries", "expected at most \(NPZ.mostEntries) members, got \(count)")
        }
        var names: [String] = []
        for index in 0..<count {
            guard let name = zip_get_name(handle, zip_uint64_t(index), zip_flags_t(ZIP_FL_ENC_GUESS)) else {
                throw LocatedError(.invalid, "npz.archive", "expected member \(index) to have a name, got none")
            }
            names.append(String(cString: name))
        }
        return names
    }

    /// Hands `body` the member's declared size and a function that yields its bytes in order, never more than declared.
    func read<Result>(
        _ index: Int,
        _ body: (Int, (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        let size = try declaredSize(index)
        guard let stream = zip_fopen_index(handle, zip_uint64_t(index), 0) else {
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
                if count == 0 {
                    throw LocatedError(
                        .invalid, "npz.data", "expected \(size) bytes as the archive declares, got \(taken + done)")
                }
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
            if count > 0 {
                throw LocatedError(.invalid, "npz.data", "expected \(size) bytes as the archive declares, got more")
            }
        }
        return result
    }

    private func dataError(_ got: String) -> LocatedError {
        LocatedError(.invalid, "npz.data", "expected sound member data, got: \(got)")
    }

    private func declaredSize(_ index: Int) throws(LocatedError) -> Int {
        var status = zip_stat_t()
        let needed = zip_uint64_t(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD)
        guard zip_stat_index(handle, zip_uint64_t(index), 0, &status) == 0, status.valid & needed == needed else {
            throw LocatedError(.invalid, "npz.archive", "expected the member's sizes, got none")
        }
        if status.valid & zip_uint64_t(ZIP_STAT_ENCRYPTION_METHOD) != 0, status.encryption_method != ZIP_EM_NONE {
            throw LocatedError(.unsupported, "npz.encrypted", "expected a plain member, got an encrypted one")
        }
        guard [ZIP_CM_STORE, ZIP_CM_DEFLATE].contains(Int32(status.comp_method)) else {
            throw LocatedError(
                .unsupported, "npz.method",
                "expected a stored or deflated member, got compression method \(status.comp_method)")
        }
        // Deflate cannot shrink below 1/1032: what declares more lies, and would take memory for nothing.
        let (most, overflow) = status.comp_size.multipliedReportingOverflow(by: 1040)
        guard status.size <= zip_uint64_t(Int.max), overflow || status.size <= most + 1024 else {
            throw LocatedError(
                .invalid, "npz.ratio",
                "expected a size that \(status.comp_size) compressed bytes can give, got \(status.size)")
        }
        return Int(status.size)
    }
}
