import Foundation

/// Where Keras keeps what it downloads.
enum KerasCache {
    /// `$KERAS_HOME/datasets`, or `~/.keras/datasets`.
    static func datasets(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        folder("datasets", environment)
    }

    /// `$KERAS_HOME/models`, or `~/.keras/models`.
    static func models(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
        folder("models", environment)
    }

    private static func folder(_ name: String, _ environment: [String: String]) -> String {
        if let home = environment["KERAS_HOME"], !home.isEmpty { return join(home, name) }
        let user = environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory()
        return join(user, ".keras/" + name)
    }

    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }
}
