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
    /// Throws 66 when there is no such archive, 65 `archive.kind`, `archive.duplicate`, `tar.…`, `gzip.…`, `zip.…`, 74 when reading
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
            throw LocatedError(
                .invalid, "archive.kind", "expected a .tar, .tar.gz or .zip archive, got a file of another kind", at: [path])
        }
        return files
    }
}
