/// The few structures of the file format that are read without libhdf5, by the files named `Raw…`: object headers as far
/// as attributes and layouts go, the global heap with the strings of variable length, and the index of chunks.
///
/// Why, for libhdf5 before 1.14: `H5Aread` copies a heap object of whatever size into memory made for the length the
/// attribute names, so a file whose two numbers disagree overwrites memory; `H5Aiterate2` frees pointers that were never
/// set when one of the attributes is broken; `H5Dread_chunk` reads as many bytes as the index says, where
/// `H5Dget_chunk_storage_size` may have said fewer. Here such numbers must agree, and every access is checked. Addresses
/// of object headers come from libhdf5, which has walked them already.

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
