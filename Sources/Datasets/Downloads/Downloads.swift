import CDownloads
import Files
import Foundation
import Tensors

/// Whether and how files that are absent are got from the network.
public struct Downloads: Sendable {
    /// How far a file has come.
    public struct Progress: Sendable {
        /// Where it comes from.
        public let origin: String
        /// Bytes that are here.
        public let received: Int
        /// Bytes of the whole, nil when the server doesn't tell.
        public let total: Int?
    }

    /// Absent files are got; on a terminal, a progress bar shows it on standard error.
    public static let automatic = Downloads(DownloadBar.reporter())
    /// Absent files are an error.
    public static let never = Downloads(isAllowed: false, report: nil)

    let isAllowed: Bool
    let report: (@Sendable (Progress) -> Void)?
    /// What stands in the place of an origin's scheme, host and folders: a server nearby.
    package var mirror: String?
    /// Seconds before a broken connection is made again, and without any byte until it counts as broken.
    package var pause = 1.0
    package var idleSeconds = 60

    /// Absent files are got; `report` is told now and then, and when a file is complete.
    public init(_ report: (@Sendable (Progress) -> Void)?) { self.init(isAllowed: true, report: report) }

    private init(isAllowed: Bool, report: (@Sendable (Progress) -> Void)?) {
        self.isAllowed = isAllowed
        self.report = report
    }

    /// More bytes than this are refused.
    static let mostBytes = 1 << 34
    /// How often a connection that breaks is made again while bytes come.
    private static let mostAttempts = 6

    /// Gets `origin` into `path`: into `PATH.part` first, which takes the name when it is whole. What an interrupted run left of a
    /// file with a known sum is gone on with.
    ///
    /// Throws 66 `download.offline`, `download.status` (the server has no such file), 65 `download.checksum`, `download.too_large`, 69
    /// `download.library`, 73 when the file can't be made, 74 `download.interrupted`, `download.status`, `download.tls`,
    /// `download.failed`, `download.busy`, and when writing fails.
    func fetch(_ origin: String, to path: String, sum: FileSum?) throws(LocatedError) {
        guard origin.hasPrefix("https://") || origin.hasPrefix("http://"), !origin.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
            throw LocatedError(.unsupported, "download.origin", "expected an address that begins with https:// or http://, got \(origin.debugDescription)")
        }
        let part = try PartialFile(path)
        // Without a sum nobody can tell whether the rest belongs to what is there.
        if sum == nil { try part.empty() }
        var isContinued = part.size > 0
        if let sum, isContinued, try Digest.ofFile(part.path, sum.algorithm) == sum.digits { return try part.settle() }
        let address = mirror.map { $0 + (origin.split(separator: "/").last.map(String.init) ?? "") } ?? origin
        var attempt = 0
        while true {
            attempt += 1
            let before = part.size
            var result = cdownloads_result()
            let context = Unmanaged.passRetained(Report(origin, report))
            cdownloads_fetch(
                address, part.descriptor, Int64(before), Int64(Downloads.mostBytes), idleSeconds,
                { context, size, total in
                    Unmanaged<Report>.fromOpaque(context!).takeUnretainedValue().tell(Int(size), total < 0 ? nil : Int(total))
                    return 0
                }, context.toOpaque(), &result)
            context.release()
            part.size = Int(result.size)
            switch Int(result.status) {
            case CDOWNLOADS_OK:
                guard let sum else { return try part.settle() }
                let got = try Digest.ofFile(part.path, sum.algorithm)
                if got == sum.digits { return try part.settle() }
                // The beginning may be another version's.
                if isContinued {
                    isContinued = false
                    try part.empty()
                    continue
                }
                part.remove()
                throw LocatedError(
                    .invalid, "download.checksum", "expected a file with \(sum.name) \(sum.digits), got one with \(got)", at: [origin],
                    hint: "It was thrown away.")
            case CDOWNLOADS_RANGE where before > 0:
                isContinued = false
                try part.empty()
            case CDOWNLOADS_INTERRUPTED where attempt < Downloads.mostAttempts && part.size > before:
                Thread.sleep(forTimeInterval: pause)
            default:
                if sum == nil || part.size == 0 { part.remove() }
                throw Downloads.failure(result, origin, path)
            }
        }
    }

    private static func failure(_ result: cdownloads_result, _ origin: String, _ path: String) -> LocatedError {
        let text = withUnsafeBytes(of: result.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let reason = text.isEmpty ? "no reason" : text
        switch Int(result.status) {
        case CDOWNLOADS_NO_LIBRARY:
            return LocatedError(.unsupported, "download.library", "expected libcurl on this machine, got none", at: [origin])
        case CDOWNLOADS_NO_CONNECTION:
            return LocatedError(.notFound, "download.offline", "expected a connection, got: \(reason)", at: [origin])
        case CDOWNLOADS_STATUS:
            let isMissing = (400..<500).contains(result.http_status)
            return LocatedError(
                isMissing ? .notFound : .io, "download.status", "expected the file, got status \(result.http_status)", at: [origin])
        case CDOWNLOADS_INTERRUPTED:
            return LocatedError(
                .io, "download.interrupted", "expected the whole file, got \(result.size) bytes: \(reason)", at: [origin],
                hint: "Try again: it goes on from there if the file's sum is known.")
        case CDOWNLOADS_WRITE: return AtomicFile.writeFailure(result.saved_errno, path)
        case CDOWNLOADS_TOO_LARGE:
            return LocatedError(.invalid, "download.too_large", "expected at most \(mostBytes) bytes, got more", at: [origin])
        case CDOWNLOADS_TLS:
            return LocatedError(.io, "download.tls", "expected a server that can be trusted, got: \(reason)", at: [origin])
        default: return LocatedError(.io, "download.failed", "expected the file, got: \(reason)", at: [origin])
        }
    }
}

/// What is known of a file's bytes.
struct FileSum: Sendable {
    let algorithm: Digest.Algorithm
    /// Hexadecimal, lower case.
    let digits: String

    var name: String { algorithm == .sha256 ? "SHA-256" : "MD5" }

    /// 64 digits are SHA-256's, all others MD5's, as Keras's `hash_algorithm="auto"` takes them.
    init(_ digits: String) {
        self.digits = digits.lowercased()
        algorithm = digits.utf8.count == 64 ? .sha256 : .md5
    }

    init(_ digits: String, _ algorithm: Digest.Algorithm) {
        self.digits = digits.lowercased()
        self.algorithm = algorithm
    }
}

/// What libcurl's C function reports to.
private final class Report: Sendable {
    private let origin: String
    private let report: (@Sendable (Downloads.Progress) -> Void)?

    init(_ origin: String, _ report: (@Sendable (Downloads.Progress) -> Void)?) {
        self.origin = origin
        self.report = report
    }

    func tell(_ size: Int, _ total: Int?) { report?(Downloads.Progress(origin: origin, received: size, total: total)) }
}

/// The file that grows while a download runs; no other process writes it at the same time.
///
/// It isn't `AtomicFile`'s: what an interruption leaves is to be found again.
private final class PartialFile {
    let path: String
    let descriptor: Int32
    /// Bytes in the file.
    var size: Int
    private let target: String

    init(_ target: String) throws(LocatedError) {
        self.target = target
        path = target + ".part"
        let folder = target.contains("/") ? String(target[..<target.lastIndex(of: "/")!]) : "."
        do { try FileManager.default.createDirectory(atPath: folder.isEmpty ? "/" : folder, withIntermediateDirectories: true) } catch {
            throw LocatedError(.cannotCreate, "output.folder", "expected a folder that can be made, got none", at: [folder])
        }
        try AtomicFile.requireWritable(target)
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw LocatedError(.cannotCreate, "output.create", "cannot be created: \(String(cString: strerror(errno)))", at: [path])
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw LocatedError(.cannotCreate, "output.create", "expected a regular file", at: [path])
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw LocatedError(.io, "download.busy", "expected nobody else to download this file, got another process that does", at: [path])
        }
        size = Int(status.st_size)
        lseek(descriptor, 0, SEEK_END)
    }

    deinit { close(descriptor) }

    func empty() throws(LocatedError) {
        guard ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else { throw AtomicFile.writeFailure(errno, path) }
        size = 0
    }

    func remove() { unlink(path) }

    /// Brings the bytes to the disk and gives them their name.
    func settle() throws(LocatedError) {
        guard fsync(descriptor) == 0, rename(path, target) == 0 else { throw AtomicFile.writeFailure(errno, target) }
    }
}
