import Foundation

/// The memory of this process.
package enum ProcessMemory {
    /// The most bytes that it has held at a time, as the system counts them.
    package static var peak: Int {
        var usage = rusage()
        // Kilobytes on Linux, bytes on macOS.
        #if canImport(Darwin)
        getrusage(RUSAGE_SELF, &usage)
        return usage.ru_maxrss
        #else
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss * 1024
        #endif
    }
}
