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

    /// The one JSON document of a command. JSON has no words for what isn't a finite number; Python's NaN and Infinity, which other
    /// parsers refuse, become null.
    static func put(json value: ConfigValue) {
        put(value.finite.jsonText + "\n")
    }
}

extension ConfigValue {
    /// With null for what isn't a finite number.
    fileprivate var finite: ConfigValue {
        switch self {
        case .float(let number): number.isFinite ? self : .null
        case .array(let items): .array(items.map(\.finite))
        case .object(let members): .object(members.mapValues(\.finite))
        default: self
        }
    }
}
