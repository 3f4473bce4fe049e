/// Decompression of zlib streams into exactly as many bytes as are expected, never more.
///
/// libhdf5 grows its buffer for as long as a stream goes on, and takes a stream that ends early for whole; neither is
/// acceptable for files from strangers.
///
/// Source: RFC 1950 (zlib), RFC 1951 (deflate).
enum Inflate {
    enum Failure: Error, Hashable {
        case malformed
        /// More or fewer bytes than expected.
        case length
        case checksum
    }

    /// The bytes of a zlib stream, which must be `count` of them.
    static func zlib(_ source: [UInt8], count: Int) throws(Failure) -> [UInt8] {
        guard source.count >= 6, source[0] & 0x0f == 8, source[0] >> 4 <= 7, source[1] & 0x20 == 0,
            (Int(source[0]) << 8 | Int(source[1])) % 31 == 0
        else { throw .malformed }
        var reader = BitReader(source, from: 2)
        let bytes = try deflate(&reader, count: count)
        guard let tail = reader.alignedPosition(), tail <= source.count - 4 else { throw .malformed }
        let stated = source[tail..<tail + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard stated == adler32(bytes) else { throw .checksum }
        return bytes
    }

    private static func deflate(_ reader: inout BitReader, count: Int) throws(Failure) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(count)
        var isLast = false
        while !isLast {
            isLast = try reader.bits(1) == 1
            switch try reader.bits(2) {
            case 0: try stored(&reader, &output, count)
            case 1: try compressed(&reader, &output, count, fixedLiterals, fixedDistances)
            case 2:
                let (literals, distances) = try tables(&reader)
                try compressed(&reader, &output, count, literals, distances)
            default: throw .malformed
            }
        }
        guard output.count == count else { throw .length }
        return output
    }

    private static func stored(
        _ reader: inout BitReader, _ output: inout [UInt8], _ count: Int
    ) throws(Failure) {
        guard let start = reader.alignedPosition() else { throw .malformed }
        let source = reader.source
        guard start <= source.count - 4 else { throw .malformed }
        let length = Int(source[start]) | Int(source[start + 1]) << 8
        let complement = Int(source[start + 2]) | Int(source[start + 3]) << 8
        guard length ^ complement == 0xffff, start + 4 + length <= source.count else { throw .malformed }
        guard length <= count - output.count else { throw .length }
        output += source[start + 4..<start + 4 + length]
        reader = BitReader(source, from: start + 4 + length)
    }

    private static func compressed(
        _ reader: inout BitReader, _ output: inout [UInt8], _ count: Int, _ literals: Huffman, _ distances: Huffman
    ) throws(Failure) {
        while true {
            let symbol = try literals.decode(&reader)
            if symbol < 256 {
                guard output.count < count else { throw .length }
                output.append(UInt8(truncatingIfNeeded: symbol))
                continue
            }
            if symbol == 256 { return }
            guard symbol < 286 else { throw .malformed }
            let length = lengthBases[symbol - 257] + (try reader.bits(lengthBits[symbol - 257]))
            let distanceSymbol = try distances.decode(&reader)
            guard distanceSymbol < 30 else { throw .malformed }
            let distance = distanceBases[distanceSymbol] + (try reader.bits(distanceBits[distanceSymbol]))
            guard distance <= output.count else { throw .malformed }
            guard length <= count - output.count else { throw .length }
            var from = output.count - distance
            for _ in 0..<length {
                output.append(output[from])
                from += 1
            }
        }
    }

    private static func tables(_ reader: inout BitReader) throws(Failure) -> (Huffman, Huffman) {
        let literalCount = try reader.bits(5) + 257
        let distanceCount = try reader.bits(5) + 1
        let codeCount = try reader.bits(4) + 4
        var codeLengths = [UInt8](repeating: 0, count: 19)
        for index in 0..<codeCount { codeLengths[codeLengthOrder[index]] = UInt8(try reader.bits(3)) }
        let codes = try Huffman(codeLengths)
        var lengths: [UInt8] = []
        let total = literalCount + distanceCount
        while lengths.count < total {
            let symbol = try codes.decode(&reader)
            let value: UInt8
            let times: Int
            switch symbol {
            case 0..<16: (value, times) = (UInt8(symbol), 1)
            case 16:
                guard let last = lengths.last else { throw .malformed }
                (value, times) = (last, 3 + (try reader.bits(2)))
            case 17: (value, times) = (0, 3 + (try reader.bits(3)))
            default: (value, times) = (0, 11 + (try reader.bits(7)))
            }
            guard times <= total - lengths.count else { throw .malformed }
            lengths.append(contentsOf: repeatElement(value, count: times))
        }
        guard lengths[256] != 0 else { throw .malformed }
        return (try Huffman(Array(lengths[..<literalCount])), try Huffman(Array(lengths[literalCount...])))
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (a, b) = (UInt32(1), UInt32(0))
        var start = 0
        while start < bytes.count {
            // The longest run whose sums stay within 32 bits.
            let end = min(start + 5552, bytes.count)
            for byte in bytes[start..<end] {
                a &+= UInt32(byte)
                b &+= a
            }
            a %= 65521
            b %= 65521
            start = end
        }
        return b << 16 | a
    }

    private static let codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
        8193, 12289, 16385, 24577,
    ]
    private static let distanceBits = [
        0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
    ]
    private static let fixedLiterals = Huffman(
        sound: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
    private static let fixedDistances = Huffman(sound: [UInt8](repeating: 5, count: 30))
}

/// Bits of a byte stream, low bits first.
private struct BitReader {
    let source: [UInt8]
    private var position: Int
    private var buffer: UInt64 = 0
    private var available = 0

    init(_ source: [UInt8], from position: Int) {
        self.source = source
        self.position = position
    }

    /// Makes at least 48 bits available, as far as the stream goes.
    private mutating func refill() {
        while available <= 56, position < source.count {
            buffer |= UInt64(source[position]) << UInt64(available)
            position += 1
            available += 8
        }
    }

    mutating func bits(_ count: Int) throws(Inflate.Failure) -> Int {
        if available < count {
            refill()
            guard available >= count else { throw .malformed }
        }
        let value = Int(truncatingIfNeeded: buffer & (1 << UInt64(count) - 1))
        buffer >>= UInt64(count)
        available -= count
        return value
    }

    /// The next bits without taking them; zeros beyond the end.
    mutating func peek(_ count: Int) -> Int {
        if available < count { refill() }
        return Int(truncatingIfNeeded: buffer & (1 << UInt64(count) - 1))
    }

    mutating func drop(_ count: Int) throws(Inflate.Failure) {
        guard available >= count else { throw .malformed }
        buffer >>= UInt64(count)
        available -= count
    }

    /// Where the next whole byte lies.
    func alignedPosition() -> Int? {
        let unread = available / 8
        return position >= unread ? position - unread : nil
    }
}

/// A canonical prefix code as one table over its longest code.
private struct Huffman {
    /// Symbol times 16 plus the length of its code; 0 where no code leads.
    private let entries: [UInt16]
    private let width: Int

    init(_ lengths: [UInt8]) throws(Inflate.Failure) {
        guard let code = Huffman(checking: lengths) else { throw .malformed }
        self = code
    }

    /// For codes of the standard.
    init(sound lengths: [UInt8]) {
        guard let code = Huffman(checking: lengths) else { preconditionFailure("a code of RFC 1951 is broken") }
        self = code
    }

    /// Nil when there are more codes than bits can tell apart.
    private init?(checking lengths: [UInt8]) {
        let width = Int(lengths.max() ?? 0)
        guard width <= 15 else { return nil }
        var counts = [Int](repeating: 0, count: 17)
        for length in lengths where length > 0 { counts[Int(length)] += 1 }
        var next = [Int](repeating: 0, count: 17)
        var code = 0
        for length in 1...15 {
            code = (code + counts[length - 1]) << 1
            guard code + counts[length] <= 1 << length else { return nil }
            next[length] = code
        }
        var entries = [UInt16](repeating: 0, count: 1 << width)
        for (symbol, length) in lengths.enumerated() where length > 0 {
            let length = Int(length)
            var index = Huffman.reversed(next[length], length)
            next[length] += 1
            while index < entries.count {
                entries[index] = UInt16(symbol << 4 | length)
                index += 1 << length
            }
        }
        self.entries = entries
        self.width = width
    }

    private static func reversed(_ code: Int, _ length: Int) -> Int {
        var (code, result) = (code, 0)
        for _ in 0..<length {
            result = result << 1 | code & 1
            code >>= 1
        }
        return result
    }

    @inline(__always)
    func decode(_ reader: inout BitReader) throws(Inflate.Failure) -> Int {
        let entry = entries[reader.peek(width)]
        guard entry != 0 else { throw .malformed }
        try reader.drop(Int(entry & 15))
        return Int(entry >> 4)
    }
}
