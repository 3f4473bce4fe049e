internal import CHDF5
internal import CHDF5Driver
package import Tensors

/// An HDF5 file opened for reading through libhdf5, in this process.
///
/// Made for files from strangers, as far as that goes in process: plugins off, no link but hard ones followed, nothing
/// read from a second file, declared sizes held against the file before memory is taken. Lists of attributes, strings of
/// variable length, chunks and their index are read by bounds-checked code of this room (see `RawCursor.swift`).
///
/// What remains: libhdf5 itself decodes the superblock, links of groups, object headers, element types and fill values,
/// and names of attributes in dense storage; releases before 1.14 have known memory errors there, so a file made to hit
/// one can still crash the process or worse. Of the HDF Group's 137 public attack files 10 crash libhdf5 1.10.8 here: 4
/// in listing links, 4 in opening named or nested types, 1 in a fill value, 1 in a cache image. Whoever serves strangers
/// should run the program in a sandbox; `HDF5Reading` is where a reader without this risk takes over.
///
/// Safe to use from several threads; calls wait for each other. The file stays open until the last tensor that can
/// still be loaded is gone, or until `close()`.
package final class HDF5File: HDF5Reading, HDF5Located, @unchecked Sendable {
    package let path: String
    /// The same file's bytes, for what is read without libhdf5.
    let source: ByteSource
    /// Sizes of offsets and lengths in the file, and where its addresses count from.
    let geometry: RawGeometry
    /// What errors call the file.
    let fileName: String
    /// Guarded by the library's lock; nil after `close()`.
    private var file: HDF5Handle?
    /// Groups whose names were found in order. Guarded by the library's lock.
    private var soundGroups: Set<UInt64> = []
    /// What libhdf5 borrows while the file is open, for files in memory.
    private let image: UnsafeMutablePointer<chdf5_image>?

    /// What libhdf5 holds open in this process besides files; 0 between calls, or this room leaks.
    package static var openHandles: Int { HDF5Library.openHandles() }

    /// Groups within groups: deeper than any model nests, shallow enough to walk.
    static let deepest = 64
    /// Bytes of a name of a link or attribute.
    static let longestName = 1024
    /// Links of one group.
    static let mostLinks = 1_000_000

    /// Opens a file on disk. Throws `file.not_found` and the like, `hdf5.signature` when it isn't HDF5,
    /// `hdf5.truncated` and `hdf5.corrupt` when it is broken.
    ///
    /// - Parameters:
    ///   - range: which bytes of the file on disk are the HDF5 file, such as a stored member of an archive, read where it
    ///     lies; nil for all.
    ///   - name: what errors call it; the name of the file on disk by default.
    ///   - watcher: hears of bytes that are read, and where in the HDF5 file they begin; not of what libhdf5 reads itself.
    package convenience init(
        reading path: String, range: Range<Int>? = nil, name: String? = nil,
        watcher: (@Sendable (_ offset: Int, _ bytes: UnsafeRawBufferPointer) -> Void)? = nil
    ) throws(LocatedError) {
        let inner = name
        let name = HDF5Path.fileName(path)
        switch ByteSource.open(path, range: range, watcher: watcher) {
        case .success(let source): try self.init(source, path: inner ?? path)
        case .failure(.notFound):
            throw LocatedError(.notFound, "file.not_found", "expected a file, found none", at: [name])
        case .failure(.isFolder):
            throw LocatedError(.notFound, "file.is_folder", "expected a file, got a folder", at: [name])
        case .failure(.notRegular):
            throw LocatedError(
                .notFound, "file.not_regular", "expected a regular file, got a device or a pipe", at: [name])
        case .failure(.system(let number)):
            throw LocatedError(.io, "file.unreadable", "cannot be opened: \(systemMessage(number))", at: [name])
        }
    }

    /// Opens a file that is in memory, such as a member of an archive; `name` is what errors call it. Copies the bytes
    /// once.
    package convenience init(bytes: [UInt8], name: String) throws(LocatedError) {
        let source = bytes.withUnsafeBytes { ByteSource(copying: $0) }
        try self.init(source, path: name)
    }

    /// Opens a file that `fill` puts into memory of `byteCount` bytes, such as a compressed member of an archive; `name` is
    /// what errors call it. Throws 69 `memory.size` when it doesn't fit, and whatever `fill` throws.
    package convenience init(
        name: String, byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void
    ) throws(LocatedError) {
        try Memory.require(Shape([byteCount]), dtype: .uint8, for: "a file in memory")
        try self.init(try ByteSource(count: byteCount, filledBy: fill), path: name)
    }

    private init(_ source: ByteSource, path: String) throws(LocatedError) {
        let fileName = HDF5Path.fileName(path)
        guard HDF5Sniff.superblockOffset(in: source) != nil else {
            throw LocatedError(
                .invalid, "hdf5.signature", "expected an HDF5 file, got \(describe(source))", at: [fileName])
        }
        var image: UnsafeMutablePointer<chdf5_image>?
        if let memory = source.memory {
            image = .allocate(capacity: 1)
            image?.initialize(to: chdf5_image(bytes: memory, count: source.count))
        }
        var opened: Opened
        do {
            opened = try HDF5Library.locked { () throws(LocatedError) in
                try HDF5File.lockedOpen(source, image, fileName)
            }
        } catch {
            image?.deallocate()
            throw error
        }
        self.path = path
        self.fileName = fileName
        self.source = source
        self.geometry = opened.geometry
        self.image = image
        self.file = opened.file.take()
    }

    /// Closes the file. What was not loaded by then throws `hdf5.closed`.
    package func close() {
        HDF5Library.locked { file = nil }
    }

    deinit {
        close()
        image?.deallocate()
    }

    private struct Opened: ~Copyable {
        var file: HDF5Handle?
        var geometry: RawGeometry
    }

    private static func lockedOpen(
        _ source: ByteSource, _ image: UnsafeMutablePointer<chdf5_image>?, _ fileName: String
    ) throws(LocatedError) -> Opened {
        func failure() -> LocatedError {
            let reason = HDF5Library.reason()
            return reason.contains("truncated file")
                ? LocatedError(
                    .invalid, "hdf5.truncated", "expected a whole HDF5 file, got one that was cut off: \(reason)",
                    at: [fileName], hint: "Download or copy it again.")
                : LocatedError(
                    .invalid, "hdf5.corrupt", "expected a sound HDF5 file, libhdf5 says: \(reason)", at: [fileName])
        }
        // libhdf5 takes two files in memory for one when their names are equal.
        let name = image.map { "memory at \($0)" } ?? fileName
        func setDriver(_ access: hid_t) -> herr_t {
            if let image { return chdf5_set_image(access, image) }
            guard let region = source.region else { return -1 }
            return chdf5_set_region(access, region.descriptor, UInt64(region.offset), UInt64(source.count))
        }
        guard let access = HDF5Handle(H5Pcreate(chdf5_class_file_access()), close: H5Pclose),
            H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG) >= 0,
            H5Pset_file_locking(access.id, false, true) >= 0,
            setDriver(access.id) >= 0,
            let file = HDF5Handle(H5Fopen(name, chdf5_read_only(), access.id), close: H5Fclose),
            let creation = HDF5Handle(H5Fget_create_plist(file.id), close: H5Pclose)
        else { throw failure() }
        var (userBlock, offsetSize, lengthSize) = (hsize_t(0), 0, 0)
        guard H5Pget_userblock(creation.id, &userBlock) >= 0,
            H5Pget_sizes(creation.id, &offsetSize, &lengthSize) >= 0, let base = Int(exactly: userBlock)
        else { throw failure() }
        return Opened(file: file, geometry: RawGeometry(base: base, offsetSize: offsetSize, lengthSize: lengthSize))
    }

    // MARK: - Errors

    /// The last call of libhdf5 failed.
    func corrupt(_ what: String, at objectPath: String, attribute: String? = nil) -> LocatedError {
        error(
            .invalid, "hdf5.corrupt", "expected \(what), libhdf5 says: \(HDF5Library.reason())", at: objectPath,
            attribute: attribute)
    }

    // MARK: - Objects

    /// Opens an object through hard links only, one name at a time; nil when there is none.
    func lockedObject(_ objectPath: String) throws(LocatedError) -> HDF5Handle? {
        guard let fileID = file?.id else {
            throw error(.usage, "hdf5.closed", "expected an open file, got one that was closed", at: objectPath)
        }
        let parts = objectPath.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        guard parts.count <= HDF5File.deepest else {
            throw error(
                .invalid, "hdf5.depth", "expected at most \(HDF5File.deepest) groups in each other, got \(parts.count)",
                at: objectPath)
        }
        guard var object = HDF5Handle(H5Gopen2(fileID, "/", chdf5_default()), close: H5Gclose) else {
            throw corrupt("a root group", at: "")
        }
        var groups = [try lockedGroupAddress(of: object.id, at: "")]
        for (depth, part) in parts.enumerated() {
            let here = parts[...depth].joined(separator: "/")
            guard H5Iget_type(object.id) == H5I_GROUP else { return nil }
            guard HDF5File.isName(part) else {
                throw error(.invalid, "hdf5.name", "expected a name of an object", at: here)
            }
            switch chdf5_link_kind(object.id, part) {
            case 0: return nil
            case 1: break
            case 2: throw refusedLink("a soft link", at: here)
            case 3: throw refusedLink("an external link", at: here)
            case 4...: throw refusedLink("a user-defined link", at: here)
            default: throw corrupt("a link", at: here)
            }
            guard let next = HDF5Handle(H5Oopen(object.id, part, chdf5_default()), close: H5Oclose) else {
                throw corrupt("a sound object", at: here)
            }
            object = next
            guard H5Iget_type(object.id) == H5I_GROUP else { continue }
            let address = try lockedGroupAddress(of: object.id, at: here)
            guard !groups.contains(address) else {
                throw error(
                    .invalid, "hdf5.cycle", "expected a tree of groups, got a group that contains itself", at: here)
            }
            groups.append(address)
        }
        return object
    }

    /// Like `lockedObject`, but throws when there is none.
    func lockedExisting(_ objectPath: String) throws(LocatedError) -> HDF5Handle {
        guard let object = try lockedObject(objectPath) else {
            throw error(.invalid, "hdf5.missing", "expected an object, found none", at: objectPath)
        }
        return object
    }

    /// The address of a group whose names may be looked up.
    private func lockedGroupAddress(of group: hid_t, at objectPath: String) throws(LocatedError) -> UInt64 {
        let address = try lockedAddress(of: group, at: objectPath)
        guard !soundGroups.contains(address) else { return address }
        do throws(RawFailure) { try rawReader.checkNames(header: try RawObjectReader.address(address)) } catch {
            let what = switch error { case .malformed(let what), .unsupported(let what): what }
            throw self.error(.invalid, "hdf5.corrupt", "expected a sound group, got \(what)", at: objectPath)
        }
        soundGroups.insert(address)
        return address
    }

    func lockedAddress(of object: hid_t, at objectPath: String) throws(LocatedError) -> UInt64 {
        var address = haddr_t(0)
        guard chdf5_object_address(object, &address) >= 0 else { throw corrupt("an object header", at: objectPath) }
        return UInt64(address)
    }

    private func refusedLink(_ what: String, at objectPath: String) -> LocatedError {
        error(
            .invalid, "hdf5.link", "expected the object itself, got \(what), which is not followed", at: objectPath,
            hint: "Copy the file with h5repack or h5py so that the object lies in it.")
    }

    /// Names that a walk can spell: no separators, no "this" or "parent".
    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= longestName
            && !name.utf8.contains { $0 == 0 || $0 == UInt8(ascii: "/") }
    }

    static func kind(lockedID object: hid_t) -> HDF5ObjectKind? {
        switch H5Iget_type(object) {
        case H5I_GROUP: .group
        case H5I_DATASET: .dataset
        case H5I_DATATYPE: .namedType
        default: nil
        }
    }

    package func exists(_ objectPath: String) throws(LocatedError) -> HDF5ObjectKind? {
        try HDF5Library.locked { () throws(LocatedError) in
            guard let object = try lockedObject(objectPath) else { return nil }
            guard let kind = HDF5File.kind(lockedID: object.id) else { throw corrupt("an object", at: objectPath) }
            return kind
        }
    }

    package func links(of groupPath: String) throws(LocatedError) -> [HDF5Link] {
        try HDF5Library.locked { () throws(LocatedError) in try lockedLinks(of: groupPath) }
    }

    private func lockedLinks(of groupPath: String) throws(LocatedError) -> [HDF5Link] {
        let group = try lockedExisting(groupPath)
        guard H5Iget_type(group.id) == H5I_GROUP else {
            throw error(.invalid, "hdf5.kind", "expected a group, got a dataset or type", at: groupPath)
        }
        let names = NameCollector(limit: HDF5File.mostLinks)
        let result = chdf5_visit_links(
            group.id, { name, kind, context in NameCollector.from(context).append(name, kind) }, names.context)
        try check(names, result, at: groupPath, what: "links")
        var links: [HDF5Link] = []
        links.reserveCapacity(names.entries.count)
        for (name, kind) in names.entries {
            let here = HDF5Path.crumb(groupPath) == "/" ? name : groupPath + "/" + name
            switch kind {
            case 1:
                guard let object = HDF5Handle(H5Oopen(group.id, name, chdf5_default()), close: H5Oclose) else {
                    throw corrupt("a sound object", at: here)
                }
                let kind: HDF5Link.Kind =
                    switch HDF5File.kind(lockedID: object.id) {
                    case .group: .group
                    case .dataset: .dataset
                    case .namedType: .namedType
                    case nil: throw corrupt("an object", at: here)
                    }
                links.append(HDF5Link(name: name, kind: kind, identity: try lockedAddress(of: object.id, at: here)))
            case 2: links.append(HDF5Link(name: name, kind: .softLink, identity: 0))
            case 3: links.append(HDF5Link(name: name, kind: .externalLink, identity: 0))
            default: links.append(HDF5Link(name: name, kind: .userDefinedLink, identity: 0))
            }
        }
        return links
    }

    /// Throws what went wrong while names were collected.
    func check(
        _ names: NameCollector, _ result: herr_t, at objectPath: String, what: String
    ) throws(LocatedError) {
        switch names.failure {
        case .tooMany:
            throw error(
                .invalid, "hdf5.size", "expected at most \(names.limit) \(what), got more", at: objectPath)
        case .badName(let name):
            throw error(
                .invalid, "hdf5.name", "expected names in UTF-8 without separators, got \(name.debugDescription)",
                at: objectPath)
        case nil:
            if result < 0 { throw corrupt("readable \(what)", at: objectPath) }
        }
    }
}

/// Collects names while libhdf5 walks a group or the attributes of an object.
final class NameCollector {
    enum Failure {
        case tooMany
        case badName(String)
    }

    private(set) var entries: [(name: String, kind: Int32)] = []
    private(set) var failure: Failure?
    let limit: Int

    init(limit: Int) { self.limit = limit }

    /// Valid while the collector is alive.
    var context: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    static func from(_ context: UnsafeMutableRawPointer?) -> NameCollector {
        Unmanaged<NameCollector>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Non-zero ends the walk.
    func append(_ characters: UnsafePointer<CChar>?, _ kind: Int32) -> Int32 {
        guard let characters else { return 1 }
        guard let name = String(validatingCString: characters), HDF5File.isName(name) || kind == 0 else {
            failure = .badName(String(cString: characters))
            return 1
        }
        guard entries.count < limit else {
            failure = .tooMany
            return 1
        }
        entries.append((name, kind))
        return 0
    }
}

/// What a file that isn't HDF5 looks like.
private func describe(_ source: ByteSource) -> String {
    if source.count == 0 { return "an empty file" }
    let start = source.read(at: 0, count: min(source.count, 8)) ?? []
    if start.starts(with: [0x50, 0x4b, 0x03, 0x04]) { return "a zip archive, such as a .keras file" }
    if start.starts(with: [0x1f, 0x8b]) { return "a gzip file" }
    if start.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") { return "what looks like JSON" }
    if start.starts(with: [0x0d, 0x0a]) || start.starts(with: [0xef, 0xbf, 0xbd]) {
        return "bytes that a text conversion damaged"
    }
    return "other bytes"
}
