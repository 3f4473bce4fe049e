import Files
import Foundation
public import Tensors

/// How a file's sum is made: Keras's `hash_algorithm`.
public enum HashAlgorithm: Sendable {
    /// SHA-256 for 64 digits, else MD5.
    case auto
    case sha256, md5
}

/// The path of a file in Keras's cache, which is got from `origin` when it is absent, as Keras's `get_file`.
///
/// A file that is there with another sum than `fileHash` is got again. Archives stay packed: the data sets read them where they
/// lie.
///
/// - Parameters:
///   - fname: the file's name in the cache; nil: the last part of `origin`.
///   - fileHash: the file's SHA-256 or MD5 in hexadecimal digits; nil: any bytes are taken.
///   - cacheSubdir: a folder within the cache; an absolute one stands for itself.
///   - cacheDir: nil: `$KERAS_HOME`, or `~/.keras`.
///   - forceDownload: gets it although it is there.
///
/// Throws 64 `download.name`, 66 `download.absent` (not there, and nothing is to be downloaded), 65, 66, 69, 73, 74
/// `download.…` when getting it fails.
public func getFile(
    _ fname: String? = nil, origin: String, fileHash: String? = nil, hashAlgorithm: HashAlgorithm = .auto,
    cacheSubdir: String = "datasets", cacheDir: String? = nil, forceDownload: Bool = false, downloads: Downloads = .automatic
) throws(LocatedError) -> String {
    let name: String
    if let fname, !fname.isEmpty {
        name = fname
    } else {
        let path = origin.prefix { $0 != "?" && $0 != "#" }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        name = parts.count > 3 ? String(parts.last ?? "") : ""
    }
    guard !name.isEmpty, !name.contains("/"), name != ".", name != "..", !name.utf8.contains(0) else {
        throw LocatedError(.usage, "download.name", "expected the name of a file without folders, got \(name.debugDescription)", at: [origin])
    }
    let home = cacheDir ?? KerasCache.home(ProcessInfo.processInfo.environment)
    let folder = cacheSubdir.hasPrefix("/") ? cacheSubdir : KerasCache.join(home, cacheSubdir)
    let path = KerasCache.join(folder, name)
    let sum = fileHash.map { (digits) -> FileSum in
        switch hashAlgorithm {
        case .auto: FileSum(digits)
        case .sha256: FileSum(digits, .sha256)
        case .md5: FileSum(digits, .md5)
        }
    }
    if !forceDownload, InputFile.exists(path) {
        guard let sum, try Digest.ofFile(path, sum.algorithm) != sum.digits else { return path }
        guard downloads.isAllowed else {
            throw LocatedError(
                .invalid, "download.checksum", "expected a file with \(sum.name) \(sum.digits), got another", at: [path])
        }
    }
    guard downloads.isAllowed else {
        throw LocatedError(
            .notFound, "download.absent", "expected the file, got none, and nothing is to be downloaded", at: [path],
            hint: "Get \(origin) and put it there.")
    }
    try downloads.fetch(origin, to: path, sum: sum)
    return path
}
