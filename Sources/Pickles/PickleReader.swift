import Tensors

/// The bytes of a pickle, read from front to back; never beyond the end.
package struct PickleReader {
    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws(LocatedError) -> UInt8 {
        guard remaining > 0 else { throw truncated(1) }
        defer { position += 1 }
        return bytes[position]
    }

    /// The next `count` bytes, without a copy.
    mutating func take(_ count: UInt64) throws(LocatedError) -> ArraySlice<UInt8> {
        guard count <= UInt64(remaining) else { throw truncated(count) }
        let start = position
        position += Int(count)
        return bytes[start..<position]
    }

    /// An unsigned number of `width` bytes, the low one first; `width` is at most 8.
    mutating func unsigned(_ width: Int) throws(LocatedError) -> UInt64 {
        try take(UInt64(width)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A signed number of 4 bytes, the low one first.
    mutating func int32() throws(LocatedError) -> Int32 {
        Int32(bitPattern: UInt32(truncatingIfNeeded: try unsigned(4)))
    }

    /// The bytes up to the next line feed, which is skipped.
    mutating func line() throws(LocatedError) -> ArraySlice<UInt8> {
        guard let end = bytes[position...].firstIndex(of: 0x0a) else { throw truncated(UInt64(remaining) + 1) }
        defer { position = end + 1 }
        return bytes[position..<end]
    }

    /// A number written in decimal on a line of its own; `suffix` is the `L` of Python 2's long numbers.
    mutating func decimal(suffix: Bool = false) throws(LocatedError) -> Int {
        var line = try line()
        if suffix, line.last == UInt8(ascii: "L") { line.removeLast() }
        guard line.count <= 20, let number = Int(String(decoding: line, as: UTF8.self)) else {
            throw LocatedError(
                .invalid, "pickle.number", "expected a whole number of up to 64 bits, got \(PickleReader.shown(line))")
        }
        return number
    }

    private func truncated(_ count: UInt64) -> LocatedError {
        LocatedError(
            .invalid, "pickle.truncated", "expected \(count) more byte\(count == 1 ? "" : "s"), got the end of the file after \(remaining)")
    }

    /// Foreign bytes as they may be shown: short, and nothing that a terminal obeys.
    package static func shown(_ bytes: some Collection<UInt8>) -> String {
        let text = bytes.prefix(80).map { (0x20..<0x7f).contains($0) ? String(UnicodeScalar($0)) : "\\x" + hex($0) }
        return "\"" + text.joined() + (bytes.count > 80 ? "…" : "") + "\""
    }

    private static func hex(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return digits.count < 2 ? "0" + digits : digits
    }
}
