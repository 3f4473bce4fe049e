import Files
import Foundation
import Tensors

/// Where CIFAR's files may be: in folders, or in archives that stay packed; the Python version or the binary one.
struct CIFARFiles {
    /// What codes of errors begin with: `cifar10`.
    var family: String
    /// `CIFAR-10`
    var dataset: String
    /// The files' names, the last one the test part's; in the binary version with `.bin` behind.
    var names: [String]
    /// `cifar-10-batches-py`
    var folder: String
    /// `cifar-10-batches-bin`
    var binaryFolder: String
    /// `cifar-10-binary`
    var binaryArchive: String
    var origin: String
    var sum: String

    /// The original files have up to 154 MB; protocol 0 writes a byte in up to 6.
    static let largestFile = 1 << 30

    private var archive: String { String(origin.split(separator: "/").last ?? "") }

    /// What Keras 3 calls the archive.
    var remote: KerasCache.RemoteFile {
        KerasCache.RemoteFile(dataset: dataset, family: family, name: "\(folder)-target_archive", origin: origin, sum: sum)
    }

    /// Archives as Keras 3, Keras 2 and people name them.
    private var archives: [String] {
        ["\(folder)-target_archive"]
            + [folder, archive.replacingOccurrences(of: ".tar.gz", with: ""), binaryArchive].flatMap { name in
                ["\(name).tar.gz", "\(name).tar", "\(name).zip"]
            }
    }

    private enum Place {
        case folder(String, isBinary: Bool)
        case archive(String)
    }

    /// Whether some of the files are in the folder, or below it where `read` looks; or whether it is an archive of theirs.
    func isAt(_ path: String) -> Bool { place(path) != nil }

    /// The folder itself and those in it; the archives in it; or the archive itself.
    private func place(_ start: String, alsoItself: Bool = true) -> Place? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: start, isDirectory: &isFolder) else { return nil }
        if !isFolder.boolValue { return PackedFiles.isArchive(start) ? .archive(start) : nil }
        for folder in (alsoItself ? [start] : []) + folders(in: start) + [KerasCache.join(start, binaryFolder)] {
            if has(folder, names) { return .folder(folder, isBinary: false) }
            if has(folder, names.map { $0 + ".bin" }) { return .folder(folder, isBinary: true) }
        }
        return archives.map { KerasCache.join(start, $0) }.first(where: InputFile.exists).map { .archive($0) }
    }

    private func folders(in start: String) -> [String] {
        ["\(folder)-target/\(folder)", folder].map { KerasCache.join(start, $0) }
    }

    private func has(_ folder: String, _ names: [String]) -> Bool { names.contains { InputFile.exists(KerasCache.join(folder, $0)) } }

    /// The bytes of the files in the order of `names`, handed over one after another.
    ///
    /// - Parameters:
    ///   - named: a folder with the files, the one above it, or an archive; nil: Keras's cache, where the archive is downloaded when
    ///     there is none.
    ///   - read: gets the bytes, and whether they are the binary version's.
    ///
    /// Throws 66 `….absent`, 65 `….batch`, and what `read` throws, located at the file.
    func read<Result>(
        _ named: String?, _ cache: KerasCache, _ read: ([UInt8], _ isBinary: Bool) throws(LocatedError) -> Result
    ) throws(LocatedError) -> [Result] {
        let start = named ?? KerasCache.datasets(cache.environment)
        var found = place(start, alsoItself: named != nil)
        if found == nil {
            if named != nil { try PackedFiles.refuseOtherPacking(start) }
            if named == nil, cache.downloads.isAllowed {
                found = .archive(try cache.path(remote))
            } else {
                throw absent(start, named)
            }
        }
        switch found {
        case .folder(let folder, let isBinary):
            let files = names.map { isBinary ? $0 + ".bin" : $0 }
            // All are looked for before the first is read: a folder that lacks some is known at once.
            for name in files where !InputFile.exists(KerasCache.join(folder, name)) { throw missing(name, folder) }
            var results: [Result] = []
            for name in files {
                let path = KerasCache.join(folder, name)
                let bytes = try InputFile.readBytes(path, limit: CIFARFiles.largestFile)
                results.append(try locating(path) { () throws(LocatedError) in try read(bytes, isBinary) })
            }
            return results
        case .archive(let path):
            let wanted = Set(names + names.map { $0 + ".bin" })
            let files = try PackedFiles.read(path, wanted, limit: CIFARFiles.largestFile)
            let isBinary = !names.contains { files[$0] != nil } && files.count > 0
            var results: [Result] = []
            for name in names {
                let name = isBinary ? name + ".bin" : name
                guard let bytes = files[name] else { throw missing(name, path) }
                results.append(
                    try locating(path) { () throws(LocatedError) in
                        try locating(name) { () throws(LocatedError) in try read(bytes, isBinary) }
                    })
            }
            return results
        case nil: throw absent(start, named)
        }
    }

    private func missing(_ name: String, _ place: String) -> LocatedError {
        LocatedError(
            .invalid, "\(family).batch", "expected the files \(names.joined(separator: ", ")), got no \(name)", at: [place],
            hint: "Get \(archive) again.")
    }

    private func absent(_ start: String, _ named: String?) -> LocatedError {
        let candidates = (named == nil ? [] : [start]) + folders(in: start) + [KerasCache.join(start, remote.name)]
        return LocatedError(
            .notFound, "\(family).absent", "expected \(dataset)'s files in \(candidates.joined(separator: " or ")), got none there", at: [start],
            hint: """
                Get \(archive) ("\(dataset) python version") from the University of Toronto's page "The CIFAR-10 dataset" \
                and put it in \(start); it need not be unpacked.
                """)
    }
}
