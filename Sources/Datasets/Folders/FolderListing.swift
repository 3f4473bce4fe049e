import Files
import Foundation
package import Tensors

/// Files below a folder, in the order in which Keras finds them: folders by their whole path, files by name, both by code
/// points as Python sorts.
///
/// Source: `index_directory` of Keras 3.15's `utils/dataset_utils.py`; `_iter_valid_files` of Keras 2.3's
/// `preprocessing/image.py`, which lists alike.
package enum FolderListing {
    /// Deeper folders, and more files than this, are refused.
    package static let deepest = 64
    package static let mostFiles = 10_000_000

    /// The folders in a folder, by name: the classes of a data set. What begins with a dot is left out unless `hidden`.
    ///
    /// Throws 66 `file.not_found`, `file.unreadable`.
    package static func subfolders(_ folder: String, hidden: Bool = false) throws(LocatedError) -> [String] {
        try names(in: folder).filter { name in
            (hidden || !name.hasPrefix(".")) && kind(join(folder, name)) == .folder
        }
    }

    /// The files in a folder and all folders below it, as paths from the folder: `name`, `sub/name`.
    ///
    /// - Parameters:
    ///   - isWanted: by file name, whatever the file is.
    ///   - followLinks: whether links to folders are gone into.
    ///
    /// Throws 66 `file.not_found`, `file.unreadable`, 65 `folder.loop` for a link that leads back, `folder.deep`, `folder.many`.
    package static func files(
        below folder: String, followLinks: Bool = false, _ isWanted: (_ name: String) -> Bool
    ) throws(LocatedError) -> [String] {
        var found: [(folder: String, names: [String])] = []
        // With the folders above each, by which links that lead back are known.
        var open: [(path: String, above: [Identity])] = [("", identity(folder).map { [$0] } ?? [])]
        var count = 0
        while let (path, above) = open.popLast() {
            var wanted: [String] = []
            for name in try names(in: path.isEmpty ? folder : join(folder, path)) {
                let place = path.isEmpty ? name : path + "/" + name
                switch kind(join(folder, place)) {
                case .folder:
                    if !followLinks, isLink(join(folder, place)) { continue }
                    guard above.count <= deepest else {
                        throw LocatedError(.invalid, "folder.deep", "expected folders at most \(deepest) deep, got deeper ones", at: [folder, place])
                    }
                    guard let identity = identity(join(folder, place)) else { continue }
                    guard !above.contains(identity) else {
                        throw LocatedError(.invalid, "folder.loop", "expected links that don't lead back, got one to a folder above it", at: [folder, place])
                    }
                    open.append((place, above + [identity]))
                case .other: if isWanted(name) { wanted.append(name) }
                }
            }
            count += wanted.count
            guard count <= mostFiles else {
                throw LocatedError(.invalid, "folder.many", "expected at most \(mostFiles) files, got more", at: [folder])
            }
            if !wanted.isEmpty { found.append((path, wanted)) }
        }
        // Python sorts the whole paths, in which a folder's slash stands between other characters.
        return found.sorted { precedes($0.folder.isEmpty ? "" : "/" + $0.folder, $1.folder.isEmpty ? "" : "/" + $1.folder) }
            .flatMap { place in place.names.map { place.folder.isEmpty ? $0 : place.folder + "/" + $0 } }
    }

    /// Whether the name ends so, in any case: what `fname.lower().endswith(formats)` is. Endings have their dots.
    package static func hasEnding(_ name: String, _ endings: [String]) -> Bool {
        let lowered = name.lowercased()
        return endings.contains { lowered.utf8.count >= $0.utf8.count && lowered.utf8.suffix($0.utf8.count).elementsEqual($0.utf8) }
    }

    /// Whether one name stands before another where Python sorts them: by code points, which is by UTF-8's bytes.
    package static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    package static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    // MARK: - The file system

    private enum Kind { case folder, other }

    private static func names(in folder: String) throws(LocatedError) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: folder).sorted(by: precedes) } catch {
            let exists = FileManager.default.fileExists(atPath: folder)
            throw LocatedError(
                .notFound, exists ? "file.unreadable" : "file.not_found",
                exists ? "expected a folder that can be listed" : "no such folder", at: [folder])
        }
    }

    private struct Identity: Equatable {
        var device: UInt64
        var file: UInt64
    }

    private static func identity(_ path: String) -> Identity? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Identity(device: UInt64(truncatingIfNeeded: status.st_dev), file: UInt64(truncatingIfNeeded: status.st_ino))
    }

    /// What a path leads to, links followed; a link that leads nowhere is no folder.
    private static func kind(_ path: String) -> Kind {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? .folder : .other
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
