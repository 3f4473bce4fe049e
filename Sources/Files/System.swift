import Foundation

/// What the system calls an error: "No space left on device".
func systemMessage(_ number: Int32) -> String { String(cString: strerror(number)) }

extension stat {
    /// The field has another name on Apple's systems.
    var modificationSeconds: Int {
        #if canImport(Darwin)
            Int(st_mtimespec.tv_sec)
        #else
            Int(st_mtim.tv_sec)
        #endif
    }
}
