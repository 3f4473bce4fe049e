/// The few structures of the file format that are read without libhdf5: object headers as far as attribute messages go,
/// and the global heap with the strings of variable length.
///
/// Why, for libhdf5 before 1.14: `H5Aread` copies a heap object of whatever size into memory made for the length the
/// attribute names, so a file whose two numbers disagree overwrites memory; `H5Aiterate2` frees pointers that were never
/// set when one of the attributes is broken. Here both numbers must agree, and every access is checked. Addresses of
/// object headers come from libhdf5, which has walked them already.
///
/// Source: HDF5 File Format Specification version 3.0, sections III.E (global heap), IV.A.1 (object header prefixes),
/// IV.A.2.m (attribute message), IV.A.2.q (continuation message), IV.A.2.v (attribute info message).

/// Sizes of offsets and lengths, and where the file's addresses count from.
struct RawGeometry {
    let base: Int
    let offsetSize: Int
    let lengthSize: Int
}

enum RawFailure: Error, Hashable {
    case malformed(String)
    /// Sound, but stored in a way that only libhdf5 reads.
    case unsupported(String)
}

/// Bytes with a position; every step is checked.
struct RawCursor {
    let bytes: ArraySlice<UInt8>
    var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var remaining: Int { bytes.endIndex - position }

    mutating func take(_ count: Int) throws(RawFailure) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else { throw .malformed("a structure runs over its end") }
        defer { position += count }
        return bytes[position..<position + count]
    }

    /// A little-endian number of 1 to 8 bytes that fits an `Int`.
    mutating func number(_ width: Int) throws(RawFailure) -> Int {
        guard (1...8).contains(width) else { throw .malformed("a number of \(width) bytes") }
        var value: UInt64 = 0
        for (index, byte) in try take(width).enumerated() { value |= UInt64(byte) << (8 * UInt64(index)) }
        guard let number = Int(exactly: value) else { throw .malformed("a size or address out of range") }
        return number
    }

    /// An address, nil for the undefined one.
    mutating func address(_ width: Int) throws(RawFailure) -> Int? {
        let start = position
        if try take(width).allSatisfy({ $0 == 0xff }) { return nil }
        position = start
        return try number(width)
    }
}

struct RawObjectReader {
    let source: ByteSource
    let geometry: RawGeometry

    /// An address as libhdf5 gives it.
    static func address(_ address: UInt64) throws(RawFailure) -> Int {
        guard let number = Int(exactly: address), number <= Int.max - 64 else {
            throw .malformed("an address out of range")
        }
        return number
    }

    /// Bytes of one object's header, all blocks together.
    private static let mostHeaderBytes = 64 << 20
    private static let mostBlocks = 1 << 16

    private func block(_ address: Int, _ count: Int) throws(RawFailure) -> ArraySlice<UInt8> {
        let (offset, overflow) = address.addingReportingOverflow(geometry.base)
        guard !overflow, let bytes = source.read(at: offset, count: count) else {
            throw .malformed("an address beyond the end of the file")
        }
        return bytes[...]
    }

    /// The attributes of the object whose header lies at `address`, in stored order: names and stored bytes.
    func attributes(header address: Int) throws(RawFailure) -> [(name: ArraySlice<UInt8>, data: ArraySlice<UInt8>)] {
        var prefix = RawCursor(try block(address, 6))
        if Array(try prefix.take(4)) == Array("OHDR".utf8) {
            return try searchVersion2(address)
        }
        return try searchVersion1(address)
    }

    /// The stored bytes of the attribute `name`; nil when the header has none of that name.
    func attributeData(_ name: String, header address: Int) throws(RawFailure) -> ArraySlice<UInt8>? {
        try attributes(header: address).first { $0.name.elementsEqual(name.utf8) }?.data
    }

    private typealias Found = [(name: ArraySlice<UInt8>, data: ArraySlice<UInt8>)]

    private func searchVersion1(_ address: Int) throws(RawFailure) -> Found {
        var prefix = RawCursor(try block(address, 16))
        guard try prefix.number(1) == 1 else { throw .malformed("an object header of unknown version") }
        _ = try prefix.take(7)
        let size = try prefix.number(4)
        var blocks = BlockQueue(address + 16, size)
        var found: Found = []
        while let (start, size) = try blocks.next() {
            var cursor = RawCursor(try block(start, size))
            while cursor.remaining >= 8 {
                let type = try cursor.number(2)
                let size = try cursor.number(2)
                let flags = try cursor.number(1)
                _ = try cursor.take(3)
                try message(type, flags, try cursor.take(size), &found, &blocks)
            }
        }
        return found
    }

    private func searchVersion2(_ address: Int) throws(RawFailure) -> Found {
        var prefix = RawCursor(try block(address, 6))
        _ = try prefix.take(4)
        guard try prefix.number(1) == 2 else { throw .malformed("an object header of unknown version") }
        let headerFlags = try prefix.number(1)
        let skipped = (headerFlags & 0x20 != 0 ? 16 : 0) + (headerFlags & 0x10 != 0 ? 4 : 0)
        let sizeWidth = 1 << (headerFlags & 3)
        var sizeField = RawCursor(try block(address + 6 + skipped, sizeWidth))
        let size = try sizeField.number(sizeWidth)
        let messageHeader = headerFlags & 4 != 0 ? 6 : 4
        var blocks = BlockQueue(address + 6 + skipped + sizeWidth, size)
        var found: Found = []
        var isFirst = true
        while let (start, size) = try blocks.next() {
            var cursor = RawCursor(try block(start, size))
            if !isFirst {
                guard Array(try cursor.take(4)) == Array("OCHK".utf8), cursor.remaining >= 4 else {
                    throw .malformed("a continuation block without its signature")
                }
                cursor = RawCursor(cursor.bytes[cursor.position..<cursor.bytes.endIndex - 4])
            }
            isFirst = false
            while cursor.remaining >= messageHeader {
                let type = try cursor.number(1)
                let size = try cursor.number(2)
                let flags = try cursor.number(1)
                if messageHeader == 6 { _ = try cursor.take(2) }
                try message(type, flags, try cursor.take(size), &found, &blocks)
            }
        }
        return found
    }

    /// Looks at one message: an attribute, or more blocks when it continues the header.
    private func message(
        _ type: Int, _ flags: Int, _ data: ArraySlice<UInt8>, _ found: inout Found, _ blocks: inout BlockQueue
    ) throws(RawFailure) {
        var cursor = RawCursor(data)
        switch type {
        case 0x10:
            guard let address = try cursor.address(geometry.offsetSize) else {
                throw .malformed("a continuation without an address")
            }
            try blocks.append(address, try cursor.number(geometry.lengthSize))
        case 0x0c:
            if flags & 2 != 0 { throw .unsupported("attributes shared between objects") }
            found.append(try attribute(cursor))
        case 0x15:
            _ = try cursor.take(1)
            let infoFlags = try cursor.number(1)
            if infoFlags & 1 != 0 { _ = try cursor.take(2) }
            if try cursor.address(geometry.offsetSize) != nil {
                throw .unsupported("attributes in dense storage (HDF5 1.8 and later, when an object has many)")
            }
        default: break
        }
    }

    private func attribute(
        _ message: RawCursor
    ) throws(RawFailure) -> (name: ArraySlice<UInt8>, data: ArraySlice<UInt8>) {
        var cursor = message
        let version = try cursor.number(1)
        guard (1...3).contains(version) else { throw .malformed("an attribute of unknown version") }
        _ = try cursor.take(1)
        let nameSize = try cursor.number(2)
        let typeSize = try cursor.number(2)
        let spaceSize = try cursor.number(2)
        if version == 3 { _ = try cursor.take(1) }
        func padded(_ size: Int) -> Int { version == 1 ? (size + 7) & ~7 : size }
        let name = try cursor.take(padded(nameSize)).prefix(nameSize).prefix { $0 != 0 }
        _ = try cursor.take(padded(typeSize))
        _ = try cursor.take(padded(spaceSize))
        return (name, try cursor.take(cursor.remaining))
    }

    /// The strings that `count` references of an attribute point to. `budget` is the most bytes of all together:
    /// sound files don't share heap objects, so it is the file's size.
    func strings(
        _ references: ArraySlice<UInt8>, count: Int, budget: Int
    ) throws(RawFailure) -> [ArraySlice<UInt8>] {
        let width = 8 + geometry.offsetSize
        let (needed, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, count >= 0, needed <= references.count else {
            throw .malformed("fewer strings than the attribute's shape says")
        }
        var cursor = RawCursor(references)
        var heaps: [Int: ArraySlice<UInt8>] = [:]
        var total = 0
        var strings: [ArraySlice<UInt8>] = []
        strings.reserveCapacity(count)
        for _ in 0..<count {
            let length = try cursor.number(4)
            let address = try cursor.address(geometry.offsetSize)
            let index = try cursor.number(4)
            guard length > 0 else {
                strings.append([])
                continue
            }
            guard let address, address > 0 else { throw .malformed("a string without an address") }
            total += length
            guard total <= budget else { throw .malformed("strings longer than the file") }
            if heaps[address] == nil { heaps[address] = try heap(at: address) }
            let object = try heapObject(index, in: heaps[address] ?? [])
            guard object.count == length else {
                throw .malformed("a string of \(length) bytes in a heap object of \(object.count)")
            }
            strings.append(object)
        }
        return strings
    }

    /// A global heap collection from its first object on.
    private func heap(at address: Int) throws(RawFailure) -> ArraySlice<UInt8> {
        let headerSize = 8 + geometry.lengthSize
        var header = RawCursor(try block(address, headerSize))
        guard Array(try header.take(4)) == Array("GCOL".utf8), try header.number(1) == 1 else {
            throw .malformed("a string's address without a heap")
        }
        _ = try header.take(3)
        let size = try header.number(geometry.lengthSize)
        guard size >= headerSize, size <= source.count else { throw .malformed("a heap larger than the file") }
        return try block(address, size).dropFirst(headerSize)
    }

    private func heapObject(_ wanted: Int, in heap: ArraySlice<UInt8>) throws(RawFailure) -> ArraySlice<UInt8> {
        var cursor = RawCursor(heap)
        while cursor.remaining >= 8 + geometry.lengthSize {
            let index = try cursor.number(2)
            _ = try cursor.take(6)
            let size = try cursor.number(geometry.lengthSize)
            if index == 0 { break }
            let object = try cursor.take(size)
            if index == wanted { return object }
            _ = try cursor.take(min(cursor.remaining, (8 - size % 8) % 8))
        }
        throw .malformed("a string whose heap object is missing")
    }

    /// Blocks of one object header still to be read, each once, within a budget.
    private struct BlockQueue {
        private var blocks: [(start: Int, size: Int)]
        private var position = 0
        private var seen: Set<Int>
        private var total: Int

        init(_ start: Int, _ size: Int) {
            blocks = [(start, size)]
            seen = [start]
            total = size
        }

        mutating func append(_ start: Int, _ size: Int) throws(RawFailure) {
            let (sum, overflow) = total.addingReportingOverflow(size)
            guard !overflow, sum <= RawObjectReader.mostHeaderBytes, blocks.count < RawObjectReader.mostBlocks,
                seen.insert(start).inserted
            else { throw .malformed("an object header that continues without end") }
            total = sum
            blocks.append((start, size))
        }

        mutating func next() throws(RawFailure) -> (start: Int, size: Int)? {
            guard position < blocks.count else { return nil }
            defer { position += 1 }
            return blocks[position]
        }
    }
}
