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
        case "imagenet": names = try ImageNet.classes().map(\.name)
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
}
