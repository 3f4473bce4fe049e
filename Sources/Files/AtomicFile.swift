import Foundation
package import Tensors

/// The one way this program writes a file: whole, or not at all.
///
/// The new content goes to a temporary file in the target's own folder; only when it is complete and on the disk does it
/// take the target's name. A full disk, an error or a kill in the middle leaves the old file as it was. What a kill
/// leaves behind is named `.NAME.swift-keras-XXXXXX.tmp` (`….tmp.XXXXXX` where libzip was writing) and is swept away by a
/// later write to the same target.
package enum AtomicFile {
    /// Lets `body` write a file at the path it is given, then puts it in the place of `path`.
    ///
    /// The temporary file exists and is empty when `body` starts; `body` may truncate, rewrite or replace it, and has to
    /// close it. Permissions of an existing target are kept, and a symbolic link stays a link: what it leads to is
    /// replaced. A target that is no regular file (`/dev/stdout`, a pipe) gets the bytes written into it.
    ///
    /// Throws 73 `output.folder`, `output.is_folder`, `output.denied` before anything is written, 74
    /// `output.disk_full`, `output.write` after, and whatever `body` throws.
    package static func write<Result>(
        to path: String, _ body: (_ temporaryPath: String) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let target = try resolvingLinks(path)
        let old = try metadata(of: target, named: path)
        if let old, old.st_mode & S_IFMT != S_IFREG { return try writeThrough(to: target, named: path, body) }
        if old != nil, access(target, W_OK) != 0 { throw cannotCreate(errno, path) }

        let (folder, name) = split(target)
        removeLeftovers(of: name, in: folder)
        let temporary = try makeTemporary(beside: name, in: folder, named: path)
        do throws(LocatedError) {
            let result = try body(temporary)
            try settle(temporary, like: old, named: path)
            guard rename(temporary, target) == 0 else { throw writeFailure(errno, path) }
            try synchronizeFolder(folder, named: path)
            return result
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Throws 73, as `write(to:_:)` would before it writes anything: for commands that work long before they write.
    package static func requireWritable(_ path: String) throws(LocatedError) {
        let target = try resolvingLinks(path)
        let old = try metadata(of: target, named: path)
        if old != nil, access(target, W_OK) != 0 { throw cannotCreate(errno, path) }
        if let old, old.st_mode & S_IFMT != S_IFREG { return }
        // Permissions don't tell it all: root may write to folders that take no files.
        let (folder, name) = split(target)
        unlink(try makeTemporary(beside: name, in: folder, named: path))
    }

    /// Writes `bytes` as the whole content of `path`. Throws as `write(to:_:)` does.
    ///
    /// - Parameter companion: writes what belongs to this file, once its bytes are on disk and before it takes its name: when
    ///   the companion fails, neither is there.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to path: String, with companion: () throws(LocatedError) -> Void = {}
    ) throws(LocatedError) {
        try write(to: path) { (temporary) throws(LocatedError) in
            let descriptor = open(temporary, O_WRONLY | O_TRUNC | O_CLOEXEC)
            guard descriptor >= 0 else { throw writeFailure(errno, path) }
            do throws(LocatedError) { try writeAll(bytes, to: descriptor, named: path) } catch {
                close(descriptor)
                throw error
            }
            guard close(descriptor) == 0 else { throw writeFailure(errno, path) }
            try companion()
        }
    }

    /// Writes `bytes` as the whole content of `path`. Throws as `write(to:_:)` does.
    package static func write(_ bytes: [UInt8], to path: String) throws(LocatedError) {
        try bytes.withUnsafeBufferPointer { (buffer) throws(LocatedError) in
            try write(UnsafeRawBufferPointer(buffer), to: path)
        }
    }

    /// Writes `text` in UTF-8 as the whole content of `path`. Throws as `write(to:_:)` does.
    package static func write(
        _ text: String, to path: String, with companion: () throws(LocatedError) -> Void = {}
    ) throws(LocatedError) {
        var text = text
        let result = text.withUTF8 { buffer in
            Result { () throws(LocatedError) in try write(UnsafeRawBufferPointer(buffer), to: path, with: companion) }
        }
        try result.get()
    }

    /// Whether a file of this name is an unfinished write of ours, which listings of folders leave out.
    package static func isTemporary(_ name: String) -> Bool {
        guard name.hasPrefix("."), let mark = name.range(of: ".swift-keras-", options: .backwards) else { return false }
        // Six letters and `.tmp`; libzip writes beside what it replaces and appends a dot and six more.
        let tail = name[mark.upperBound...]
        return tail.dropFirst(6).hasPrefix(".tmp") && [10, 17].contains(tail.utf8.count)
    }

    // MARK: - Steps

    private static func makeTemporary(
        beside name: String, in folder: String, named path: String
    ) throws(LocatedError) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        for _ in 0..<100 {
            let tail = String((0..<6).map { _ in letters[Int.random(in: 0..<letters.count)] })
            let temporary = folder + "/" + prefix(of: name) + tail + ".tmp"
            let descriptor = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                close(descriptor)
                return temporary
            }
            if errno != EEXIST { throw cannotCreate(errno, path) }
        }
        throw cannotCreate(EEXIST, path)
    }

    /// `.NAME.swift-keras-`, with NAME cut so that the whole stays within the 255 bytes of a file name.
    private static func prefix(of name: String) -> String {
        var kept = name
        while kept.utf8.count > 220 { kept.removeLast() }
        return "." + kept + ".swift-keras-"
    }

    /// Gives the finished temporary file its permissions and brings it to the disk.
    private static func settle(_ temporary: String, like old: stat?, named path: String) throws(LocatedError) {
        let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw writeFailure(errno, path) }
        defer { close(descriptor) }
        if let old {
            // Only root may give a file away; everyone else keeps their own.
            if old.st_uid != getuid() || old.st_gid != getgid() { _ = fchown(descriptor, old.st_uid, old.st_gid) }
            guard fchmod(descriptor, old.st_mode & 0o7777) == 0 else { throw writeFailure(errno, path) }
        }
        guard fsync(descriptor) == 0 else { throw writeFailure(errno, path) }
    }

    /// Makes the renaming itself durable; file systems that cannot do so for folders say EINVAL.
    private static func synchronizeFolder(_ folder: String, named path: String) throws(LocatedError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // A folder may be writable and not readable.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if fsync(descriptor) != 0, errno == EIO || errno == ENOSPC { throw writeFailure(errno, path) }
    }

    /// Devices and pipes cannot be replaced: the finished bytes are copied into them.
    private static func writeThrough<Result>(
        to target: String, named path: String, _ body: (String) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let temporary = try makeTemporary(
            beside: split(target).name, in: FileManager.default.temporaryDirectory.path, named: path)
        defer { unlink(temporary) }
        let result = try body(temporary)
        let bytes = try InputFile.readBytes(temporary)
        let descriptor = open(target, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw cannotCreate(errno, path) }
        defer { close(descriptor) }
        try bytes.withUnsafeBufferPointer { (buffer) throws(LocatedError) in
            try writeAll(UnsafeRawBufferPointer(buffer), to: descriptor, named: path)
        }
        return result
    }

    /// Removes what killed processes left of earlier writes to the same target. An hour without a change tells them
    /// from a write that another process is busy with.
    private static func removeLeftovers(of name: String, in folder: String) {
        let start = prefix(of: name)
        guard let stream = opendir(folder) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let found = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard found.hasPrefix(start), isTemporary(found) else { continue }
            let leftover = folder + "/" + found
            var status = stat()
            guard lstat(leftover, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            if time(nil) - status.modificationSeconds > 3600 { unlink(leftover) }
        }
    }

    private static func writeAll(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, named path: String
    ) throws(LocatedError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = systemWrite(descriptor, rest)
            if written < 0 {
                if errno == EINTR { continue }
                throw writeFailure(errno, path)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    // MARK: - Paths

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = String(path[..<slash])
        return (folder.isEmpty ? "/" : folder, String(path[path.index(after: slash)...]))
    }

    /// Where a chain of symbolic links leads, whether something is there already or not.
    private static func resolvingLinks(_ path: String) throws(LocatedError) -> String {
        var current = path
        for _ in 0..<40 {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let length = buffer.withUnsafeMutableBytes { readlink(current, $0.baseAddress!, $0.count) }
            guard length >= 0 else { return current }
            let link = String(decoding: buffer[..<length], as: UTF8.self)
            current = link.hasPrefix("/") ? link : split(current).folder + "/" + link
        }
        throw cannotCreate(ELOOP, path)
    }

    /// What is at `target` now, nil for nothing.
    private static func metadata(of target: String, named path: String) throws(LocatedError) -> stat? {
        guard !target.isEmpty, !target.utf8.contains(0) else {
            throw LocatedError(.cannotCreate, "output.name", "expected a file name, got \"\(path)\"")
        }
        var status = stat()
        if stat(target, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR || target.hasSuffix("/") { throw cannotCreate(EISDIR, path) }
            return status
        }
        if errno == ENOENT {
            let folder = split(target).folder
            if target.hasSuffix("/") || access(folder, F_OK) != 0 { throw cannotCreate(ENOENT, path) }
            return nil
        }
        throw cannotCreate(errno, path)
    }

    // MARK: - Errors

    private static func cannotCreate(_ number: Int32, _ path: String) -> LocatedError {
        switch number {
        case ENOENT, ENOTDIR:
            LocatedError(
                .cannotCreate, "output.folder", "expected an existing folder, got \"\(split(path).folder)\"", at: [path],
                hint: "Make the folder first.")
        case EISDIR: LocatedError(.cannotCreate, "output.is_folder", "expected the path of a file, got a folder", at: [path])
        case EACCES, EPERM, EROFS:
            LocatedError(
                .cannotCreate, "output.denied", "expected a place that may be written, got: \(systemMessage(number))", at: [path])
        case ENOSPC, EDQUOT: writeFailure(number, path)
        default: LocatedError(.cannotCreate, "output.create", "cannot be created: \(systemMessage(number))", at: [path])
        }
    }

    /// The error for a system error number that writing the content of `path` ended with, for writers that have their
    /// own way of writing (libzip, libhdf5): 74 `output.disk_full` or `output.write`.
    package static func writeFailure(_ number: Int32, _ path: String) -> LocatedError {
        if number == ENOSPC || number == EDQUOT {
            return LocatedError(
                .io, "output.disk_full", "writing stopped: \(systemMessage(number)); an older file of this name is unchanged",
                at: [path], hint: "Free some space or write to another disk.")
        }
        return LocatedError(
            .io, "output.write", "writing failed: \(systemMessage(number)); an older file of this name is unchanged", at: [path])
    }
}

/// The C `write`, which `AtomicFile.write` would hide.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
