import Tensors

/// How protocol 0 writes strings, and how Python 3 writes bytes in protocols 0 to 2.
enum PickleStrings {
    /// Python 2's `repr` of a byte string: quoted, with backslashes.
    static func unquoted(_ line: ArraySlice<UInt8>) throws(LocatedError) -> ArraySlice<UInt8> {
        guard line.count >= 2, let quote = line.first, quote == line.last, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
        else { throw broken("a string in quotes", line) }
        let inside = line.dropFirst().dropLast()
        guard inside.contains(backslash) else { return inside }
        var result: [UInt8] = []
        result.reserveCapacity(inside.count)
        var rest = inside
        while let byte = rest.popFirst() {
            guard byte == backslash else {
                result.append(byte)
                continue
            }
            guard let escape = rest.popFirst() else { throw broken("a character after the backslash", line) }
            switch escape {
            case backslash, UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(escape)
            case UInt8(ascii: "n"): result.append(0x0a)
            case UInt8(ascii: "r"): result.append(0x0d)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "x"):
                guard let value = hexadecimal(rest.prefix(2), 2) else { throw broken("two hexadecimal digits after \\x", line) }
                rest = rest.dropFirst(2)
                result.append(UInt8(truncatingIfNeeded: value))
            default: throw broken("an escape that Python 2's repr writes", line)
            }
        }
        return result[...]
    }

    /// Raw Unicode escape, as UTF-8: bytes stand for themselves, `\uXXXX` and `\UXXXXXXXX` for other characters.
    static func unescaped(_ line: ArraySlice<UInt8>) throws(LocatedError) -> ArraySlice<UInt8> {
        var result: [UInt8] = []
        result.reserveCapacity(line.count)
        var rest = line
        while let byte = rest.popFirst() {
            var value = UInt32(byte)
            if byte == backslash, let kind = rest.first, kind == UInt8(ascii: "u") || kind == UInt8(ascii: "U") {
                let digits = kind == UInt8(ascii: "u") ? 4 : 8
                rest = rest.dropFirst()
                guard let escaped = hexadecimal(rest.prefix(digits), digits) else {
                    throw broken("\(digits) hexadecimal digits after \\\(kind == UInt8(ascii: "u") ? "u" : "U")", line)
                }
                rest = rest.dropFirst(digits)
                value = escaped
            }
            guard let scalar = Unicode.Scalar(value), let encoded = UTF8.encode(scalar) else {
                throw broken("a character", line)
            }
            result.append(contentsOf: encoded)
        }
        return result[...]
    }

    /// UTF-8 to Latin 1, one byte a character; nil when a character has no place there, or the text is no UTF-8.
    static func latin1(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            let byte = text[index]
            if byte < 0x80 {
                result.append(byte)
                index += 1
                continue
            }
            // U+0080 to U+00FF take two bytes, the first of them 0xc2 or 0xc3.
            guard byte == 0xc2 || byte == 0xc3, index + 1 < text.endIndex, text[index + 1] & 0xc0 == 0x80 else { return nil }
            result.append((byte & 3) << 6 | text[index + 1] & 0x3f)
            index += 2
        }
        return result
    }

    private static let backslash = UInt8(ascii: "\\")

    private static func hexadecimal(_ digits: ArraySlice<UInt8>, _ count: Int) -> UInt32? {
        guard digits.count == count else { return nil }
        var value: UInt32 = 0
        for digit in digits {
            guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue else { return nil }
            value = value << 4 | UInt32(nibble)
        }
        return value
    }

    private static func broken(_ expected: String, _ line: ArraySlice<UInt8>) -> LocatedError {
        LocatedError(.invalid, "pickle.string", "expected \(expected), got \(PickleReader.shown(line))")
    }
}
