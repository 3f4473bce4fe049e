import Foundation
import SwiftKeras

/// Where the commands speak: documents on standard output, everything else on standard error.
enum Terminal {
    /// Ends the program with an error's paragraph and exit status.
    static func fail(_ error: LocatedError) -> Never {
        note("swift-keras: \(error)")
        Foundation.exit(Int32(error.category.rawValue))
    }

    /// A line for people, on standard error.
    static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// Whether progress bars have somebody to look at them.
    static var isInteractive: Bool { isatty(FileHandle.standardError.fileDescriptor) == 1 }

    /// Text as it is, on standard output.
    static func put(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// The one JSON document of a command.
    static func put(json value: ConfigValue) {
        put(value.jsonText + "\n")
    }
}
