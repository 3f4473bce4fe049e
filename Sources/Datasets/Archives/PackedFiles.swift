import Files
import Tensors
import ZipFiles

/// Files in an archive (`.tar`, `.tar.gz`, `.zip`, told by content), read into memory by their names. Nothing is ever unpacked to
/// disk.
enum PackedFiles {
    /// More unpacked bytes than this are refused.
    static let mostBytes = 1 << 33

    /// Whether a file is such an archive.
    static func isArchive(_ path: String) -> Bool { (try? kind(path)) != nil }

    /// Whether a file is a tar archive, packed or not.
    static func isTar(_ path: String) -> Bool {
        guard let kind = try? kind(path) else { return false }
        return kind != .zip
    }

    private enum Kind { case zip, tar, packedTar }

    /// Archives of kinds that aren't unpacked, by their first bytes.
    private static let refused: [(name: String, start: [UInt8])] = [
        ("bzip2", Array("BZh".utf8)), ("xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), ("Zstandard", [0x28, 0xb5, 0x2f, 0xfd]),
        ("7-Zip", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]), ("RAR", Array("Rar!".utf8)),
    ]

    /// Throws 69 `archive.packing` for one of these.
    static func refuseOtherPacking(_ path: String) throws(LocatedError) {
        guard let file = try? InputFile(path), let start = try? file.bytes(at: 0, count: min(6, file.size)) else { return }
        for (name, signature) in refused where start.starts(with: signature) {
            throw LocatedError(
                .unsupported, "archive.packing", "expected a .tar, .tar.gz or .zip archive, got one that \(name) packed", at: [path],
                hint: "Unpack it, or pack it with gzip.")
        }
    }

    private static func kind(_ path: String) throws(LocatedError) -> Kind? {
        let file = try InputFile(path)
        let start = try file.bytes(at: 0, count: min(512, file.size))
        if start.starts(with: Array("PK".utf8)) { return .zip }
        if start.starts(with: GzipStream.signature) {
            let stream = try GzipStream(FileStream(file), limit: mostBytes)
            guard let block = try? stream.bytes(512), TarReader.isHeader(block) else { return nil }
            return .packedTar
        }
        return TarReader.isHeader(start) ? .tar : nil
    }

    /// The files whose last name is wanted, by it.
    ///
    /// - Parameters:
    ///   - wanted: names without folders: `data_batch_1`.
    ///   - limit: the most bytes of a file.
    ///
    /// Throws 66 when there is no such archive, 69 `archive.packing`, 65 `archive.kind`, `archive.duplicate`, `tar.…`, `gzip.…`, `zip.…`, 74 when reading
    /// fails.
    static func read(_ path: String, _ wanted: Set<String>, limit: Int) throws(LocatedError) -> [String: [UInt8]] {
        let found = try locating(path) { () throws(LocatedError) in try kind(path) }
        var files: [String: [UInt8]] = [:]
        func take(_ name: String, _ content: () throws(LocatedError) -> [UInt8]) throws(LocatedError) {
            let last = String(name.split(separator: "/").last ?? "")
            guard wanted.contains(last) else { return }
            guard files[last] == nil else {
                throw LocatedError(.invalid, "archive.duplicate", "expected one file \(last), got two, the second as \(name)")
            }
            files[last] = try content()
        }
        switch found {
        case .zip:
            let archive = try ZipArchive(reading: path, rules: .archive)
            for member in archive.members where !member.name.hasSuffix("/") {
                try take(member.name) { () throws(LocatedError) in try archive.bytes(of: member, limit: limit) }
            }
        case .tar, .packedTar:
            let file = try InputFile(path)
            try locating(path) { () throws(LocatedError) in
                let stream: any ByteStream =
                    found == .tar ? FileStream(file) : try GzipStream(FileStream(file), limit: mostBytes)
                var tar = TarReader(stream)
                while let entry = try tar.next() {
                    try locating(entry.name) { () throws(LocatedError) in
                        try take(entry.name) { () throws(LocatedError) in try tar.content(limit: limit) }
                    }
                }
            }
        case nil:
            try refuseOtherPacking(path)
            throw LocatedError(
                .invalid, "archive.kind", "expected a .tar, .tar.gz or .zip archive, got a file of another kind", at: [path])
        }
        return files
    }
}
