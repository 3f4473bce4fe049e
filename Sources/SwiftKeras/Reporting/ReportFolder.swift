internal import Files
internal import Foundation
package import KerasSpec
internal import OrderedCollections
package import Tensors
package import Training

/// A folder that the files of a report go to.
package struct ReportFolder: Sendable {
    private let path: String

    /// Makes the folder if it is missing. Throws 73 `output.folder` where that can't be done, or nothing can be written.
    package init(_ path: String) throws(LocatedError) {
        self.path = path
        try Self.make(path)
        try AtomicFile.requireWritable(path + "/report.json")
    }

    private static func make(_ path: String) throws(LocatedError) {
        do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
            throw LocatedError(
                .cannotCreate, "output.folder", "expected a folder that can be made, got: \(error.localizedDescription)", at: [path])
        }
    }

    /// Writes what is told of classes.
    ///
    /// - Parameters:
    ///   - metrics: what `evaluate` gave.
    ///   - output: of which output, as a folder within this one; nil: the only one.
    package func write(_ report: ClassReport, metrics: Logs, in output: String? = nil) throws(LocatedError) {
        // Names of layers may have slashes, which are folders to nobody here.
        let folder = output.map { path + "/" + $0.replacingOccurrences(of: "/", with: "_") } ?? path
        if output != nil { try Self.make(folder) }
        var document: ConfigObject = [
            "metrics": .object(ConfigObject(uniqueKeysWithValues: metrics.map { ($0.key, .float($0.value)) }))
        ]
        for (key, value) in report.json.object ?? [:] { document[key] = value }
        for (name, bytes) in try report.files(json: .object(document)) { try AtomicFile.write(bytes, to: folder + "/" + name) }
    }

    package func write(_ files: [(name: String, text: String)]) throws(LocatedError) {
        for (name, text) in files { try AtomicFile.write(text, to: path + "/" + name) }
    }
}
