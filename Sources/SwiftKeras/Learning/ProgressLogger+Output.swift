internal import Foundation
package import Training

extension ProgressLogger {
    /// Keras's progress on standard output.
    static func toStandardOutput(verbose: Int) -> ProgressLogger {
        on(FileHandle.standardOutput, verbose: verbose)
    }

    /// Keras's progress on standard error, for programs whose output is a document.
    package static func toStandardError(verbose: Int) -> ProgressLogger {
        on(FileHandle.standardError, verbose: verbose)
    }

    private static func on(_ file: FileHandle, verbose: Int) -> ProgressLogger {
        ProgressLogger(
            ProgressBar.Verbosity(rawValue: verbose) ?? .bar, isDynamic: isatty(file.fileDescriptor) == 1,
            now: { ProcessInfo.processInfo.systemUptime }, write: { file.write(Data($0.utf8)) })
    }
}
