import Files
import Foundation
import HDF5Files
import KerasSpec
import Tensors
import ZipFiles

/// What holds other files: folders, zip archives, maps of shards.
extension RawTree {
    // MARK: - Folders

    mutating func addFolder(_ root: String) {
        func names(in folder: String) -> [String] {
            let place = folder.isEmpty ? root : root + "/" + folder
            let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
            return names.sorted().reversed().map { folder.isEmpty ? $0 : folder + "/" + $0 }
        }
        var pending = names(in: "")
        while let path = pending.popLast() {
            guard add(name: path, at: root + "/" + path) else { return }
            if type(of: root + "/" + path) == .typeDirectory { pending += names(in: path) }
        }
    }

    private func type(of path: String) -> FileAttributeType? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType
    }

    /// False when there is room for no more.
    private mutating func add(name: String, at path: String) -> Bool {
        switch type(of: path) {
        case .typeDirectory: return append(Entry(path: name, kind: "folder"))
        case .typeSymbolicLink: return append(Entry(path: name, kind: "link", detail: "not followed"))
        case .typeRegular: return add(file: name, at: path)
        default: return append(Entry(path: name, kind: "other"))
        }
    }

    /// A file with what it holds. False when there is room for no more.
    private mutating func add(file name: String, at path: String) -> Bool {
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? Int
        guard append(Entry(path: name, kind: "file", detail: size.map { "\($0) bytes" } ?? "")) else { return false }
        let own = entries.count - 1
        let holder = Holder(path: name, depth: name.split(separator: "/").count)
        do throws(LocatedError) {
            if HDF5Sniff.isHDF5(path) {
                try add(try HDF5File(reading: path), within: holder)
            } else if KerasFile.isZip(path) {
                try addZip(path, within: holder)
            }
        } catch { entries[own].problem = error.message }
        return !isCut
    }

    // MARK: - Archives

    /// Names are shown, whatever they are: nothing is unpacked to disk, so none leads anywhere.
    private static let rules: ZipRules = {
        var rules = ZipRules.keras
        rules.refusesUnsafeNames = false
        return rules
    }()

    mutating func addZip(_ path: String, within holder: Holder) throws(LocatedError) {
        let archive = try ZipArchive(reading: path, rules: Self.rules)
        for member in archive.members {
            var entry = Entry(path: holder.place(member.name), kind: member.name.hasSuffix("/") ? "folder" : "member")
            entry.name = entry.kind == "folder" ? String(member.name.dropLast()) : member.name
            entry.depth = holder.depth + 1
            do throws(LocatedError) { entry.detail = Self.text(try archive.details(of: member)) } catch { entry.problem = error.message }
            guard append(entry) else { return }
            guard entry.problem == nil, entry.kind == "member" else { continue }
            let own = entries.count - 1
            do throws(LocatedError) {
                guard let file = try Self.hdf5(member, of: archive) else { continue }
                try add(file, within: Holder(path: entry.path, depth: holder.depth + 1))
            } catch { entries[own].problem = error.message }
            if isCut { return }
        }
    }

    /// A member as HDF5, in place or inflated; nil for one that isn't.
    private static func hdf5(_ member: ZipArchive.Member, of archive: ZipArchive) throws(LocatedError) -> HDF5File? {
        let head = try archive.read(member) { (size, next) throws(LocatedError) in
            var bytes = [UInt8](repeating: 0, count: min(size, 8))
            try bytes.withUnsafeMutableBufferPointer { (buffer) throws(LocatedError) in
                try next(UnsafeMutableRawBufferPointer(buffer))
            }
            return bytes
        }
        guard HDF5Sniff.isHDF5(bytes: head) else { return nil }
        if let range = try archive.range(of: member) { return try HDF5File(reading: archive.path, range: range, name: member.name) }
        return try HDF5File(name: member.name, byteCount: try archive.size(of: member)) { (buffer) throws(LocatedError) in
            try archive.read(member) { (_, next) throws(LocatedError) in try next(buffer) }
        }
    }

    private static func text(_ details: ZipArchive.Details) -> String {
        var parts = ["\(details.size) bytes"]
        switch details.method {
        case .stored: parts.append("stored")
        case .deflated: parts.append("deflated to \(details.storedSize) bytes")
        case .other(let number): parts.append("compression method \(number), \(details.storedSize) bytes")
        }
        if details.isEncrypted { parts.append("encrypted") }
        return parts.joined(separator: ", ")
    }

    // MARK: - Shards

    /// The map of sharded weights that a file is; nil for any other file.
    static func shardMap(_ path: String) -> ConfigValue? {
        guard let bytes = try? InputFile.readBytes(path, limit: JSON.largestDocument), bytes.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"),
            let json = try? JSON.parse(bytes), ShardedWeights.isMap(json)
        else { return nil }
        return json
    }

    /// The map as attributes of the root, then the files that it names.
    mutating func addShards(_ map: ConfigValue, _ path: String) throws(LocatedError) {
        let shards = try ShardedWeights(map, at: path)
        let places = map.object?["weight_map"]?.object ?? [:]
        append(
            Entry(
                path: "", kind: "map",
                attributes: [Attribute(name: "metadata", kind: "JSON", value: Self.short(map.object?["metadata"].map { JSON.text($0) } ?? ""))]
                    + places.map { Attribute(name: $0, kind: "shard", value: Self.short(JSON.text($1))) }))
        for shard in shards.shards {
            guard InputFile.exists(shards.folder + shard) else {
                append(Entry(path: shard, kind: "file", problem: "not there"))
                continue
            }
            guard add(file: shard, at: shards.folder + shard) else { return }
        }
    }
}
