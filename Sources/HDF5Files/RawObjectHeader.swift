/// Object headers, as far as attributes and layouts go. See `RawCursor.swift` for why.
///
/// Source: HDF5 File Format Specification version 3.0, sections IV.A.1 (object header prefixes), IV.A.2.m (attribute
/// message), IV.A.2.q (continuation message), IV.A.2.v (attribute info message).

/// One message of an object's header.
struct RawMessage {
    static let layout = 0x08
    static let attribute = 0x0c
    static let continuation = 0x10
    static let symbolTable = 0x11
    static let attributeInfo = 0x15

    let type: Int
    /// Its bytes are a reference to where the message lies.
    let isShared: Bool
    let data: ArraySlice<UInt8>
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

    /// Bytes at an address of the file.
    func block(_ address: Int, _ count: Int) throws(RawFailure) -> ArraySlice<UInt8> {
        let (offset, overflow) = address.addingReportingOverflow(geometry.base)
        guard !overflow, let bytes = source.read(at: offset, count: count) else {
            throw .malformed("an address beyond the end of the file")
        }
        return bytes[...]
    }

    /// The attributes of the object whose header lies at `address`, in stored order: names and stored bytes.
    func attributes(header address: Int) throws(RawFailure) -> [(name: ArraySlice<UInt8>, data: ArraySlice<UInt8>)] {
        var found: [(name: ArraySlice<UInt8>, data: ArraySlice<UInt8>)] = []
        for message in try messages(header: address) {
            switch message.type {
            case RawMessage.attribute:
                if message.isShared { throw .unsupported("attributes shared between objects") }
                found.append(try attribute(RawCursor(message.data)))
            case RawMessage.attributeInfo:
                var cursor = RawCursor(message.data)
                _ = try cursor.take(1)
                let flags = try cursor.number(1)
                if flags & 1 != 0 { _ = try cursor.take(2) }
                if try cursor.address(geometry.offsetSize) != nil {
                    throw .unsupported("attributes in dense storage (HDF5 1.8 and later, when an object has many)")
                }
            default: break
            }
        }
        return found
    }

    /// The stored bytes of the attribute `name`; nil when the header has none of that name.
    func attributeData(_ name: String, header address: Int) throws(RawFailure) -> ArraySlice<UInt8>? {
        try attributes(header: address).first { $0.name.elementsEqual(name.utf8) }?.data
    }

    /// All messages of an object's header, in stored order, without those that continue it.
    func messages(header address: Int) throws(RawFailure) -> [RawMessage] {
        var prefix = RawCursor(try block(address, 6))
        return Array(try prefix.take(4)) == Array("OHDR".utf8)
            ? try messagesOfVersion2(address) : try messagesOfVersion1(address)
    }

    private func messagesOfVersion1(_ address: Int) throws(RawFailure) -> [RawMessage] {
        var prefix = RawCursor(try block(address, 16))
        guard try prefix.number(1) == 1 else { throw .malformed("an object header of unknown version") }
        _ = try prefix.take(7)
        let size = try prefix.number(4)
        var blocks = BlockQueue(address + 16, size)
        var found: [RawMessage] = []
        while let (start, size) = try blocks.next() {
            var cursor = RawCursor(try block(start, size))
            while cursor.remaining >= 8 {
                let type = try cursor.number(2)
                let size = try cursor.number(2)
                let flags = try cursor.number(1)
                _ = try cursor.take(3)
                try add(RawMessage(type: type, isShared: flags & 2 != 0, data: try cursor.take(size)), to: &found, &blocks)
            }
        }
        return found
    }

    private func messagesOfVersion2(_ address: Int) throws(RawFailure) -> [RawMessage] {
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
        var found: [RawMessage] = []
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
                try add(RawMessage(type: type, isShared: flags & 2 != 0, data: try cursor.take(size)), to: &found, &blocks)
            }
        }
        return found
    }

    private func add(
        _ message: RawMessage, to found: inout [RawMessage], _ blocks: inout BlockQueue
    ) throws(RawFailure) {
        guard message.type == RawMessage.continuation else {
            found.append(message)
            return
        }
        var cursor = RawCursor(message.data)
        guard let address = try cursor.address(geometry.offsetSize) else {
            throw .malformed("a continuation without an address")
        }
        try blocks.append(address, try cursor.number(geometry.lengthSize))
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
