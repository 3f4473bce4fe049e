import Files
import Foundation
public import Tensors

/// Image files as inputs of a network.
public enum ImageFile {
    /// What Keras's `img_to_array(load_img(path, …))` gives: float32, shape (height, width, channels), 0 to 255.
    ///
    /// As with Keras, colours are converted first and the size is changed after; a grey PNG of 16 bits that is loaded as
    /// `grayscale` keeps its values up to 65535. Throws as `Image(contentsOf:)` and `Image.resized` do.
    public static func load(
        _ path: String, targetSize: (height: Int, width: Int)? = nil, colorMode: Image.ColorMode = .rgb,
        interpolation: Interpolation = .nearest
    ) throws(LocatedError) -> Tensor {
        let image = try Image(contentsOf: path).converted(to: colorMode)
        guard let targetSize else { return image.array }
        return try locating(path) { () throws(LocatedError) in
            try image.resized(to: targetSize, interpolation: interpolation).array
        }
    }

    /// The paths of the PNG and JPEG files in a folder, told by their content, sorted by name (by code points, as Python
    /// sorts). Subfolders and hidden files are left out.
    ///
    /// Throws 66 `file.not_found`, `file.unreadable` when the folder cannot be listed.
    public static func list(_ folder: String) throws(LocatedError) -> [String] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            let exists = FileManager.default.fileExists(atPath: folder)
            throw LocatedError(
                .notFound, exists ? "file.unreadable" : "file.not_found",
                exists ? "expected a folder that can be listed" : "no such folder", at: [folder])
        }
        return names.filter { !$0.hasPrefix(".") }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            .map { folder.hasSuffix("/") ? folder + $0 : folder + "/" + $0 }
            .filter(isImage)
    }

    /// Whether the file is there, is a regular one and starts as PNG or JPEG files do.
    public static func isImage(_ path: String) -> Bool {
        guard let file = try? InputFile(path), let start = try? file.bytes(at: 0, count: min(8, file.size)) else {
            return false
        }
        return Image.FileKind(content: start) != nil
    }
}
