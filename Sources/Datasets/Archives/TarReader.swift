import Tensors

/// The files of a tar archive, one after another. Nothing is ever written to disk.
///
/// Reads what tar, Python and GNU tar write: ustar, long names of GNU's and pax's, sizes in octal and in binary. Links, devices,
/// sparse files, names that lead out of the archive and names that come twice are refused.
///
/// Source: POSIX.1-2017's pax; GNU tar's manual, "Basic Tar Format".
struct TarReader {
    /// A file of the archive.
    struct Entry {
        /// Without a leading `./`.
        var name: String
        var size: Int
    }

    static let mostEntries = 1_000_000
    private static let longestHeader = 1 << 20

    private let stream: any ByteStream
    /// Bytes of the current entry, and of what fills up its last block, not read yet.
    private var rest = 0
    private var padding = 0
    private var names: Set<String> = []
    private var count = 0

    init(_ stream: any ByteStream) { self.stream = stream }

    /// Whether a block is a header: its checksum says so.
    static func isHeader(_ block: [UInt8]) -> Bool {
        guard block.count == 512, let sum = number(block[148..<156]) else { return false }
        // Old writers added up signed characters.
        let plain = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(block[$1])) }
        let signed = block.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(Int8(bitPattern: block[$1]))) }
        return sum == plain || sum == signed
    }

    /// The next file, nil behind the last; folders are passed over.
    ///
    /// Throws 65 `tar.header`, `tar.name`, `tar.member`, `tar.duplicate`, `tar.entries`, `archive.truncated`.
    mutating func next() throws(LocatedError) -> Entry? {
        var longName: [UInt8]?
        var pax: [String: [UInt8]] = [:]
        while true {
            try skip()
            guard let header = try stream.bytes(512) else { return nil }
            if header.allSatisfy({ $0 == 0 }) {
                // The end: to its own end, so that what packs it compares its checksum.
                while try stream.piece(1 << 16) != nil {}
                return nil
            }
            guard TarReader.isHeader(header), var size = TarReader.number(header[124..<136]) else {
                throw LocatedError(.invalid, "tar.header", "expected a header with a sound checksum, got other bytes")
            }
            count += 1
            guard count <= TarReader.mostEntries else {
                throw LocatedError(.invalid, "tar.entries", "expected at most \(TarReader.mostEntries) entries, got more")
            }
            let kind = header[156]
            switch kind {
            case UInt8(ascii: "L"), UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "K"):
                try begin(size)
                let content = try content(limit: TarReader.longestHeader)
                if kind == UInt8(ascii: "L") { longName = Array(content.prefix { $0 != 0 }) }
                if kind == UInt8(ascii: "x") { pax = try TarReader.records(content) }
                continue
            default: break
            }
            if let text = pax["size"] {
                guard let stated = Int(String(decoding: text, as: UTF8.self)), stated >= 0 else {
                    throw LocatedError(.invalid, "tar.header", "expected a size, got another pax record")
                }
                size = stated
            }
            let bytes = pax["path"] ?? longName ?? TarReader.name(header)
            longName = nil
            let isSparse = pax.keys.contains { $0.hasPrefix("GNU.sparse") }
            pax = [:]
            let name = try TarReader.checked(bytes)
            let isFolder = kind == UInt8(ascii: "5") || (kind == 0 && bytes.last == UInt8(ascii: "/"))
            if isFolder {
                try begin(size)
                continue
            }
            guard [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(kind), !isSparse else {
                let kinds: [UInt8: String] = [0x31: "a hard link", 0x32: "a symbolic link", 0x33: "a device", 0x34: "a device", 0x36: "a pipe"]
                throw LocatedError(
                    .invalid, "tar.member", "expected files and folders, got \(isSparse ? "a sparse file" : kinds[kind] ?? "an entry of kind \(kind)")", at: [name])
            }
            guard names.insert(name).inserted else {
                throw LocatedError(.invalid, "tar.duplicate", "expected every file once, got \(name.debugDescription) twice")
            }
            try begin(size)
            return Entry(name: name, size: size)
        }
    }

    /// The bytes of the entry that `next` gave. Throws 65 `tar.too_large` beyond `limit`, `archive.truncated`.
    mutating func content(limit: Int) throws(LocatedError) -> [UInt8] {
        guard rest <= limit else {
            throw LocatedError(.invalid, "tar.too_large", "expected at most \(limit) bytes, got \(rest)")
        }
        // What is declared need not be there: memory is taken with the bytes.
        var bytes: [UInt8] = []
        let size = rest
        while rest > 0 {
            guard let piece = try stream.piece(min(rest, 1 << 20)) else { throw stream.truncated(size, size - rest) }
            bytes += piece
            rest -= piece.count
        }
        return bytes
    }

    private mutating func begin(_ size: Int) throws(LocatedError) {
        rest = size
        padding = (512 - size % 512) % 512
    }

    /// Passes over what is left of an entry.
    private mutating func skip() throws(LocatedError) {
        while rest > 0 || padding > 0 {
            guard let piece = try stream.piece(min(rest > 0 ? rest : padding, 1 << 16)) else {
                // Some writers leave out what fills up the last block.
                if rest == 0 { padding = 0; return }
                throw stream.truncated(rest, 0)
            }
            if rest > 0 { rest -= piece.count } else { padding -= piece.count }
        }
    }

    // MARK: - Fields

    /// A number in octal digits, or in binary behind a byte of 0x80; nil for anything else.
    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first & 0x80 != 0 {
            guard first == 0x80 else { return nil }
            var value = 0
            for byte in field.dropFirst() {
                guard value <= Int.max >> 9 else { return nil }
                value = value << 8 | Int(byte)
            }
            return value
        }
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0 && $0 != 0x20 }
        var value = 0
        for digit in digits {
            guard (0x30...0x37).contains(digit), value <= Int.max >> 4 else { return nil }
            value = value << 3 | Int(digit - 0x30)
        }
        return value
    }

    private static func name(_ header: [UInt8]) -> [UInt8] {
        let name = Array(header[0..<100].prefix { $0 != 0 })
        let prefix = Array(header[345..<500].prefix { $0 != 0 })
        // GNU's own kind keeps times there.
        guard header[257..<263].elementsEqual(Array("ustar\0".utf8)), !prefix.isEmpty else { return name }
        return prefix + [UInt8(ascii: "/")] + name
    }

    /// `30 path=some/name\n`, of which the number counts the bytes of the whole record.
    private static func records(_ content: [UInt8]) throws(LocatedError) -> [String: [UInt8]] {
        var records: [String: [UInt8]] = [:]
        var rest = content[...]
        let broken = LocatedError(.invalid, "tar.header", "expected pax records such as \"30 path=…\", got others")
        while !rest.isEmpty {
            guard let space = rest.prefix(20).firstIndex(of: 0x20), let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
                length > space - rest.startIndex + 1, length <= rest.count
            else { throw broken }
            let record = rest[(space + 1)..<(rest.startIndex + length)]
            guard record.last == 0x0a, let equal = record.firstIndex(of: UInt8(ascii: "=")) else { throw broken }
            records[String(decoding: record[..<equal], as: UTF8.self)] = Array(record[(equal + 1)...].dropLast())
            rest = rest.dropFirst(length)
        }
        return records
    }

    private static func checked(_ bytes: [UInt8]) throws(LocatedError) -> String {
        guard var name = String(validating: bytes, as: UTF8.self), bytes.count <= 4096 else {
            throw LocatedError(.invalid, "tar.name", "expected a name in UTF-8 of up to 4096 bytes, got another")
        }
        while name.hasPrefix("./") { name.removeFirst(2) }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty || bytes.first == UInt8(ascii: "."), !name.hasPrefix("/"), !parts.contains(".."), !name.contains("\\"),
            !name.unicodeScalars.contains(where: { $0.value < 0x20 })
        else {
            throw LocatedError(.invalid, "tar.name", "expected names within the archive, got \(name.debugDescription)")
        }
        return name
    }
}
