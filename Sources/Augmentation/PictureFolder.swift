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

    /// Whether a name ends as picture files' names do.
    static func isPictureName(_ name: String) -> Bool { FolderListing.hasEnding(name, endings) }

    /// - Parameters:
    ///   - classes: subfolders; all of them, sorted, unless given. One that isn't there has no files.
    ///   - part: which part of each class's files, from one fraction to another.
    ///
    /// Throws what `FolderListing` throws.
    init(
        _ directory: String, classes given: [String]?, followLinks: Bool, part: (from: Double, to: Double)?
    ) throws(LocatedError) {
        if let given, !given.isEmpty { classNames = given } else {
            classNames = try FolderListing.subfolders(directory, hidden: true)
        }
        for (number, name) in classNames.enumerated() {
            let root = FolderListing.join(directory, name)
            guard FileManager.default.fileExists(atPath: root) else { continue }
            var files = try FolderListing.files(below: root, followLinks: followLinks, Self.isPictureName)
            if let part {
                let count = Double(files.count)
                let (start, stop) = (Int(part.from * count), Int(part.to * count))
                files = start < stop ? Array(files[start..<stop]) : []
            }
            filenames += files.map { name + "/" + $0 }
            classes += files.map { _ in number }
        }
    }
}
