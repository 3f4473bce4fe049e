import Foundation
internal import Datasets
internal import Tensors

/// The picture files of a folder's classes, in Keras's order.
struct PictureFolder: Sendable {
    /// Relative to the folder: `cats/a.png`.
    var filenames: [String] = []
    /// The class of each file.
    var classes: [Int] = []
    /// In the order of their numbers.
    let classNames: [String]

    /// Endings of names that Keras takes; a name may do without the point.
    private static let endings = ["png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff"]

    /// - Parameters:
    ///   - classes: subfolders; all of them, sorted, unless given.
    ///   - part: which part of each class's files, from one fraction to another.
    ///
    /// Throws 66 `file.not_found`, `file.unreadable`.
    init(
        _ directory: String, classes given: [String]?, followLinks: Bool, part: (from: Double, to: Double)?
    ) throws(LocatedError) {
        let names: [String]
        if let given, !given.isEmpty { names = given } else {
            names = try Self.contents(directory).filter { Self.isFolder(Self.join(directory, $0)) }
        }
        classNames = names
        for (number, name) in names.enumerated() {
            let root = Self.join(directory, name)
            var files: [(folder: String, name: String)] = []
            try Self.collect(root, relative: "", followLinks, depth: 0, &files)
            // Folders are sorted by their whole paths, files within them by name, both by code points.
            files.sort { Self.isBefore($0.folder, $1.folder) || ($0.folder == $1.folder && Self.isBefore($0.name, $1.name)) }
            if let part {
                let count = Double(files.count)
                let (start, stop) = (Int(part.from * count), Int(part.to * count))
                files = start < stop ? Array(files[start..<stop]) : []
            }
            for file in files {
                filenames.append([name, file.folder, file.name].filter { !$0.isEmpty }.joined(separator: "/"))
                classes.append(number)
            }
        }
    }

    static func join(_ folder: String, _ name: String) -> String { folder.hasSuffix("/") ? folder + name : folder + "/" + name }

    private static func isBefore(_ a: String, _ b: String) -> Bool {
        a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars)
    }

    /// Whether a name ends as picture files' names do.
    static func isPictureName(_ name: String) -> Bool {
        let name = name.lowercased()
        return endings.contains { name.hasSuffix($0) }
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func isLink(_ path: String) -> Bool {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
    }

    private static func contents(_ directory: String) throws(LocatedError) -> [String] {
        do { return try FileManager.default.contentsOfDirectory(atPath: directory).sorted(by: isBefore) } catch {
            let exists = FileManager.default.fileExists(atPath: directory)
            throw LocatedError(
                .notFound, exists ? "file.unreadable" : "file.not_found",
                exists ? "expected a folder that can be listed" : "no such folder", at: [directory])
        }
    }

    /// Folders in folders end somewhere even where a link leads back.
    private static let deepest = 40

    private static func collect(
        _ folder: String, relative: String, _ followLinks: Bool, depth: Int, _ files: inout [(folder: String, name: String)]
    ) throws(LocatedError) {
        // Python's walk passes over what it can't list.
        guard depth <= deepest, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return }
        for name in names {
            let path = join(folder, name)
            if isFolder(path) {
                if followLinks || !isLink(path) {
                    try collect(path, relative: relative.isEmpty ? name : relative + "/" + name, followLinks, depth: depth + 1, &files)
                }
            } else if isPictureName(name) {
                files.append((relative, name))
            }
        }
    }
}
