internal import Foundation
package import Training

extension TestProgressLogger {
    /// A bar on standard error.
    package static func toStandardError() -> TestProgressLogger {
        TestProgressLogger(
            isDynamic: isatty(FileHandle.standardError.fileDescriptor) == 1, now: { ProcessInfo.processInfo.systemUptime },
            write: { FileHandle.standardError.write(Data($0.utf8)) })
    }
}

extension ProgressLogger {
    /// Keras's progress on standard output, in order with what the program prints there.
    static func toStandardOutput(verbose: Int) -> ProgressLogger {
        on(FileHandle.standardOutput, verbose: verbose) { text in
            print(text, terminator: "")
            fflush(nil)
        }
    }

    /// Keras's progress on standard error, for programs whose output is a document.
    package static func toStandardError(verbose: Int) -> ProgressLogger {
        on(FileHandle.standardError, verbose: verbose) { FileHandle.standardError.write(Data($0.utf8)) }
    }

    private static func on(
        _ file: FileHandle, verbose: Int, write: @escaping (String) -> Void
    ) -> ProgressLogger {
        ProgressLogger(
            ProgressBar.Verbosity(rawValue: verbose) ?? .bar, isDynamic: isatty(file.fileDescriptor) == 1,
            now: { ProcessInfo.processInfo.systemUptime }, write: write)
    }
}
