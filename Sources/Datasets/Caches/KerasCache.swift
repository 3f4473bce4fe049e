import Files
import Foundation
import Tensors

/// Where Keras keeps what it downloads, and how absent files get there.
struct KerasCache {
    /// A file that Keras downloads.
    struct RemoteFile {
        /// What it belongs to, for people: `MNIST`.
        var dataset: String
        /// What codes of errors begin with: `mnist`.
        var family: String
        var name: String
        /// Below Keras's home.
        var subfolder = "datasets"
        /// Where it comes from.
        var origin: String
        /// SHA-256 or MD5, nil where Keras knows none.
        var sum: String?
    }

    /// Where Keras's own copies are.
    static let server = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

    let environment: [String: String]
    let downloads: Downloads

    /// The path of a file, which is got when it is absent and may be got. A file that is there is taken as it is.
    ///
    /// - Parameter named: a path that the user named; nothing is got there.
    ///
    /// Throws 66 `….absent` when it isn't there and can't be got, 65 `download.checksum`, 73 and 74 when getting it fails half way.
    func path(_ file: RemoteFile, or named: String? = nil) throws(LocatedError) -> String {
        if let named {
            if InputFile.exists(named) { return named }
            throw LocatedError(
                .notFound, "\(file.family).absent", "expected \(file.dataset)'s file, got no such file", at: [named],
                hint: "Get \(file.origin) and put it there.")
        }
        let folder = KerasCache.folder(file.subfolder, environment)
        let path = KerasCache.join(folder, file.name)
        if InputFile.exists(path) { return path }
        let hint = "Get \(file.origin) and put it there under this name."
        guard downloads.isAllowed else {
            throw LocatedError(.notFound, "\(file.family).absent", "expected \(file.dataset)'s file, got no such file", at: [path], hint: hint)
        }
        do throws(LocatedError) {
            try downloads.fetch(file.origin, to: path, sum: file.sum.map { FileSum($0) })
        } catch {
            guard error.category == .notFound || error.code == "download.library" else {
                throw LocatedError(error.category, error.code, error.message, at: [path] + error.location, hint: error.hint)
            }
            throw LocatedError(
                .notFound, "\(file.family).absent",
                "expected \(file.dataset)'s file, got no such file, and it can't be downloaded: \(error.message)", at: [path], hint: hint)
        }
        return path
    }

    // MARK: - Folders

    /// `$KERAS_HOME`, or `~/.keras`.
    static func home(_ environment: [String: String]) -> String {
        if let home = environment["KERAS_HOME"], !home.isEmpty { return home }
        let user = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
        return join(user, ".keras")
    }

    /// `$KERAS_HOME/datasets`, or `~/.keras/datasets`.
    static func datasets(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        folder("datasets", environment)
    }

    /// `$KERAS_HOME/models`, or `~/.keras/models`.
    static func models(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        folder("models", environment)
    }

    private static func folder(_ name: String, _ environment: [String: String]) -> String { join(home(environment), name) }

    static func join(_ folder: String, _ name: String) -> String { FolderListing.join(folder, name) }
}
