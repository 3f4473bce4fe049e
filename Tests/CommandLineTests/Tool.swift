import Foundation
import TestSupport

/// Runs the built `swift-keras` as a process, the way a script does.
struct Tool {
    struct Result {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The executable lies beside the test bundle.
    static let executable: URL = {
        var folder = Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL.deletingLastPathComponent()
            ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while !FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("swift-keras").path),
            folder.path != "/"
        {
            folder.deleteLastPathComponent()
        }
        return folder.appendingPathComponent("swift-keras")
    }()

    /// - Parameter folder: the working directory; the package's `fixtures` folder unless given.
    static func run(_ arguments: String..., in folder: URL? = nil) throws -> Result {
        try run(arguments, in: folder)
    }

    /// - Parameters:
    ///   - executable: another one that was built.
    ///   - fileBlocks: no file may grow beyond so many blocks of 512 or 1024 bytes, as on a disk that fills up.
    ///   - environment: what the process sees beside what this one sees.
    static func run(
        _ arguments: [String], in folder: URL? = nil, fileBlocks: Int? = nil, environment: [String: String] = [:],
        executable: URL = executable
    ) throws -> Result {
        let scratch = try Fixtures.temporaryFolder()
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        if let fileBlocks {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            let script = "trap '' XFSZ; ulimit -f \(fileBlocks); exec \"$0\" \"$@\""
            process.arguments = ["-c", script, executable.path] + arguments
        }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = folder ?? Fixtures.root.appendingPathComponent("fixtures")
        // Files, not pipes: a pipe that nobody empties would stop the process.
        let output = scratch.appendingPathComponent("output")
        let errors = scratch.appendingPathComponent("errors")
        for file in [output, errors] { _ = FileManager.default.createFile(atPath: file.path, contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        process.waitUntilExit()
        defer { try? FileManager.default.removeItem(at: scratch) }
        let died = process.terminationReason == .uncaughtSignal
        return Result(
            status: died ? -process.terminationStatus : process.terminationStatus,
            output: try String(contentsOf: output, encoding: .utf8), errors: try String(contentsOf: errors, encoding: .utf8))
    }
}
