/// The global heap, which holds strings of variable length.
///
/// Source: HDF5 File Format Specification version 3.0, section III.E.
extension RawObjectReader {
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
}
