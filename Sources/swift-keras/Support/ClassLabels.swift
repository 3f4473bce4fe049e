import Foundation
import SwiftKeras

/// Names of classes, in the order of a model's output.
struct ClassLabels {
    var names: [String]

    /// - Parameter name: `cifar10`, `imagenet` (Keras's own index file in its cache folder), or a file with a name a line.
    init(named name: String) throws(LocatedError) {
        switch name {
        case "cifar10":
            names = CIFAR10.classNames
        case "imagenet": names = try Self.imagenet()
        default:
            let text: String
            do { text = try String(contentsOfFile: name, encoding: .utf8) } catch {
                let exists = FileManager.default.fileExists(atPath: name)
                throw LocatedError(
                    exists ? .invalid : .notFound, "labels.file",
                    "expected cifar10, imagenet, or a text file with a class name a line, got \(exists ? "something else" : "no such file")",
                    at: [name])
            }
            names = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    /// `{"0": ["n01440764", "tench"], …}` as Keras downloads it.
    private static func imagenet() throws(LocatedError) -> [String] {
        let home = ProcessInfo.processInfo.environment["KERAS_HOME"] ?? NSHomeDirectory() + "/.keras"
        let path = home + "/models/imagenet_class_index.json"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw LocatedError(
                .notFound, "labels.imagenet", "expected Keras's class index, got no such file", at: [path],
                hint: "Keras puts imagenet_class_index.json there when decode_predictions is called once; copy it.")
        }
        let document = try locating(path) { () throws(LocatedError) in try ConfigValue(jsonText: Array(data)) }
        var names: [String] = []
        while let entry = document.object?[String(names.count)]?.array, entry.count == 2, let name = entry[1].string {
            names.append(name)
        }
        guard !names.isEmpty else {
            throw LocatedError(
                .invalid, "labels.imagenet", "expected {\"0\": [id, name], …}, got \(document.summary)", at: [path])
        }
        return names
    }
}
