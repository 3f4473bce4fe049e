import Foundation

/// Where Keras keeps the data sets that it downloads.
enum KerasCache {
    /// `$KERAS_HOME/datasets`, or `~/.keras/datasets`.
    static func datasets(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        if let home = environment["KERAS_HOME"], !home.isEmpty { return join(home, "datasets") }
        let user = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
        return join(user, ".keras/datasets")
    }

    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
