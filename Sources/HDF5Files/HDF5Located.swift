import Tensors

/// Paths of files and of objects inside them.
enum HDF5Path {
    /// The last part of a file's path, which is how errors name the file.
    static func fileName(_ path: String) -> String {
        path.split(separator: "/").last.map(String.init) ?? path
    }

    /// How errors name an object: without outer slashes, the root as "/".
    static func crumb(_ objectPath: String) -> String {
        let parts = objectPath.split(separator: "/")
        return parts.isEmpty ? "/" : parts.joined(separator: "/")
    }
}

/// What is part of a file, and says so in its errors.
protocol HDF5Located {
    /// How errors name the file.
    var fileName: String { get }
}

extension HDF5Located {
    /// An error located in this file.
    func error(
        _ category: LocatedError.Category, _ code: String, _ message: String, at objectPath: String,
        attribute: String? = nil, hint: String? = nil
    ) -> LocatedError {
        var location = [fileName, HDF5Path.crumb(objectPath)]
        if let attribute { location.append("@" + attribute) }
        return LocatedError(category, code, message, at: location, hint: hint)
    }
}
