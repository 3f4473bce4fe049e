import Files
import Foundation
import HDF5Files
package import KerasSpec
package import Tensors

/// What a file or folder holds as its format tells it, without giving it a meaning: groups, attributes and datasets of HDF5,
/// members of a zip archive, files of a folder, shards of a map, each with the HDF5 in it.
///
/// For files from strangers: links are named and not followed, a group that is reached twice is entered once, no array is read,
/// and what can't be read is told in its place.
package struct RawTree: Sendable {
    /// One object, parents before what they hold.
    package struct Entry: Hashable, Sendable {
        /// From the root, `model_weights/dense_1`; empty for the root.
        package var path: String
        /// `group`, `dataset`, `namedType`, `softLink`, `file`, `member`, `folder`…
        package var kind: String
        /// Shape, type, layout and filters of a dataset; bytes of a file; bytes and compression of a member.
        package var detail = ""
        /// Name, kind and the beginning of the value.
        package var attributes: [Attribute] = []
        /// What can't be read here.
        package var problem: String?
        /// What it is called by what holds it, where that isn't the last part of the path: members of archives have whole paths
        /// for names.
        var name: String?
        /// How many hold it: 0 for the root.
        var depth: Int?
    }

    package struct Attribute: Hashable, Sendable {
        package var name: String
        /// `variable ASCII`, `fixed ASCII [3] of 16 bytes`, `float64 (0)`.
        package var kind: String
        package var value: String
    }

    /// `HDF5`, `zip`, `shards` or `folder`.
    package private(set) var format: String
    package internal(set) var entries: [Entry] = []
    /// Whether the file holds more than is told.
    package private(set) var isCut = false

    /// More tell nobody more.
    private static let mostEntries = 100_000
    static let longestValue = 60

    /// Throws 66 for a file that isn't there, 65 for one that can't be told at all, 69 `tree.format` for a file of another format.
    package init(of path: String) throws(LocatedError) {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            format = "folder"
            addFolder(path)
        } else if KerasFile.isZip(path) {
            format = "zip"
            try addZip(path, within: Holder())
        } else if HDF5Sniff.isHDF5(path) {
            format = "HDF5"
            try add(try HDF5File(reading: path), within: Holder())
        } else if let map = Self.shardMap(path) {
            format = "shards"
            try addShards(map, path)
        } else {
            let size = try InputFile(path).size
            throw LocatedError(
                .unsupported, "tree.format",
                "expected HDF5, a zip archive, a map of shards or a folder, got a file of \(size) bytes of another format",
                at: [path],
                hint: "Without --tree, inspect tells what the file means.")
        }
    }

    // MARK: - Entries

    @discardableResult
    mutating func append(_ entry: Entry) -> Bool {
        guard entries.count < Self.mostEntries else {
            isCut = true
            return false
        }
        entries.append(entry)
        return true
    }

    // MARK: - HDF5

    /// What holds the objects of a file: an archive's member, a folder's file, or nothing.
    struct Holder {
        var path = ""
        var depth = 0

        /// The path of what it holds under a name.
        func place(_ name: String) -> String { path.isEmpty ? name : name.isEmpty ? path : path + "/" + name }
    }

    mutating func add(_ file: any HDF5Reading, within holder: Holder) throws(LocatedError) {
        var seen: Set<UInt64> = []
        let own = attributes(of: "", in: file)
        if holder.path.isEmpty {
            append(Entry(path: "", kind: "group", attributes: own))
        } else if let last = entries.indices.last {
            entries[last].attributes += own
        }
        var pending = try file.links(of: "").reversed().map { (path: $0.name, link: $0, depth: holder.depth + 1) }
        while let (path, link, depth) = pending.popLast() {
            var entry = Entry(path: holder.place(path), kind: link.kind.rawValue)
            (entry.name, entry.depth) = (link.name, depth)
            switch link.kind {
            case .softLink, .externalLink, .userDefinedLink: entry.detail = "not followed"
            case .group, .dataset, .namedType: entry.attributes = attributes(of: path, in: file)
            }
            do throws(LocatedError) {
                if link.kind == .dataset { entry.detail = Self.text(try file.datasetInfo(path)) }
                if link.kind == .group {
                    if seen.insert(link.identity).inserted {
                        pending += try file.links(of: path).reversed().map { (path: path + "/" + $0.name, link: $0, depth: depth + 1) }
                    } else {
                        entry.detail = "linked before"
                    }
                }
            } catch { entry.problem = error.message }
            guard append(entry) else { return }
        }
    }

    private func attributes(of path: String, in file: any HDF5Reading) -> [Attribute] {
        guard let names = try? file.attributes(of: path) else {
            return [Attribute(name: "?", kind: "unreadable", value: "")]
        }
        return names.map { name in
            do throws(LocatedError) {
                guard let attribute = try file.attribute(name, of: path) else {
                    return Attribute(name: name, kind: "unreadable", value: "")
                }
                return Self.described(attribute, name)
            } catch { return Attribute(name: name, kind: "unreadable", value: error.message) }
        }
    }

    private static func described(_ attribute: HDF5Attribute, _ name: String) -> Attribute {
        switch attribute {
        case .string(let string): Attribute(name: name, kind: text(string.kind), value: short(string.value))
        case .strings(let list, let kind, let shape):
            Attribute(
                name: name, kind: "\(text(kind)) \(shape)",
                value: list.prefix(4).map(short).joined(separator: ", ") + (list.count > 4 ? ", …" : ""))
        case .numbers(let tensor):
            Attribute(name: name, kind: "\(tensor.dtype.rawValue) \(tensor.shape)", value: numbers(tensor))
        case .empty: Attribute(name: name, kind: "empty", value: "")
        }
    }

    private static func numbers(_ tensor: Tensor) -> String {
        guard tensor.count > 0 else { return "" }
        return tensor.asType(.float64).withUnsafeElements(as: Double.self) { values in
            values.prefix(8).map { tensor.dtype.isFloatingPoint ? "\($0)" : Int(exactly: $0).map(String.init) ?? "\($0)" }.joined(separator: ", ")
                + (values.count > 8 ? ", …" : "")
        }
    }

    private static func text(_ kind: HDF5StringKind) -> String {
        let set = kind.characterSet == .ascii ? "ASCII" : "UTF-8"
        switch kind.storage {
        case .variable: return "variable \(set)"
        case .fixed(let size): return "fixed \(set) of \(size) bytes"
        }
    }

    static func short(_ text: String) -> String {
        let count = text.utf8.count
        return JSON.quoted(String(text.prefix(longestValue))) + (text.count > longestValue ? "… (\(count) bytes)" : "")
    }

    private static func text(_ info: HDF5DatasetInfo) -> String {
        var parts = ["\(info.dtype.rawValue) \(info.shape)"]
        if info.byteOrder == .big { parts.append("big-endian") }
        switch info.layout {
        case .compact: parts.append("compact")
        case .contiguous: parts.append("contiguous")
        case .chunked(let chunk): parts.append("chunks \(Shape(chunk))")
        }
        parts += info.filters.map { filter in
            switch filter {
            case .deflate(let level): "gzip \(level)"
            case .shuffle: "shuffle"
            case .fletcher32: "fletcher32"
            }
        }
        parts.append("\(info.storageSize) bytes")
        return parts.joined(separator: ", ")
    }

    // MARK: - Showing

    /// For people: a line for each object, its attributes below it.
    package var text: String {
        var lines = ["format: \(format)"]
        for entry in entries {
            let parts = entry.path.split(separator: "/")
            let indent = String(repeating: "  ", count: min(entry.depth ?? parts.count, 32))
            let name = entry.path.isEmpty ? "/" : entry.name ?? String(parts.last ?? "")
            let holds = (entry.kind == "group" || entry.kind == "folder") && !entry.path.isEmpty
            let words = [shown(name) + (holds ? "/" : ""), holds || entry.path.isEmpty ? "" : entry.kind, entry.detail]
            lines.append(indent + words.filter { !$0.isEmpty }.joined(separator: "  "))
            lines += entry.attributes.map { "\(indent)    @\(shown($0.name))  \($0.kind)  \($0.value)" }
            if let problem = entry.problem { lines.append(indent + "    unreadable: \(problem)") }
        }
        if isCut { lines.append("… and more") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Names from strangers without the characters that terminals obey.
    private func shown(_ name: String) -> String {
        name.unicodeScalars.contains { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) } ? JSON.quoted(name) : name
    }

    /// For programs.
    package var document: ConfigValue {
        [
            "format": .string(format), "cut": .bool(isCut),
            "entries": .array(
                entries.map { entry in
                    [
                        "path": .string(entry.path), "kind": .string(entry.kind), "detail": .string(entry.detail),
                        "attributes": .array(
                            entry.attributes.map {
                                ["name": .string($0.name), "kind": .string($0.kind), "value": .string($0.value)]
                            }), "problem": entry.problem.map(ConfigValue.string) ?? .null,
                    ]
                }),
        ]
    }
}
