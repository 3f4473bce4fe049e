import Tensors

/// A JSON text as Python's `json.loads` reads it, objects in their order; NaN and Infinity are numbers, as Python writes them.
///
/// Throws 65 `json.syntax`, `json.depth`.
enum PlainJSON {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([PlainJSON])
    /// Keys as they come, also twice.
    case object([Entry])

    /// What it is, for messages.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string: "a string"
        case .array: "a list"
        case .object: "an object"
        }
    }

    /// What stands in an object under a key.
    struct Entry {
        var key: String
        var value: PlainJSON
    }

    init(_ bytes: [UInt8]) throws(LocatedError) {
        var reader = PlainJSONReader(bytes)
        self = try reader.document()
    }

    /// What is in an object under a key, the last one of that name.
    subscript(key: String) -> PlainJSON? {
        guard case .object(let entries) = self else { return nil }
        return entries.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    /// Text in quotes as `json.dumps` writes it: in ASCII.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case " "..."~": result.unicodeScalars.append(scalar)
            default:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }
}

private struct PlainJSONReader {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(LocatedError) -> PlainJSON {
        let result = try value()
        guard peek() == nil else { throw unexpected("the end") }
        return result
    }

    private mutating func peek() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    private func unexpected(_ expected: String) -> LocatedError {
        let got = position < bytes.count ? "another character" : "the end"
        return LocatedError(.invalid, "json.syntax", "expected \(expected), got \(got)", at: ["byte \(position)"])
    }

    private mutating func value() throws(LocatedError) -> PlainJSON {
        switch peek() {
        case UInt8(ascii: "{"):
            try enter()
            var entries: [PlainJSON.Entry] = []
            if !skip(UInt8(ascii: "}")) {
                repeat {
                    guard peek() == UInt8(ascii: "\"") else { throw unexpected("a key") }
                    let key = try string()
                    guard skip(UInt8(ascii: ":")) else { throw unexpected("':'") }
                    entries.append(PlainJSON.Entry(key: key, value: try value()))
                } while skip(UInt8(ascii: ","))
                guard skip(UInt8(ascii: "}")) else { throw unexpected("'}'") }
            }
            depth -= 1
            return .object(entries)
        case UInt8(ascii: "["):
            try enter()
            var items: [PlainJSON] = []
            if !skip(UInt8(ascii: "]")) {
                repeat { items.append(try value()) } while skip(UInt8(ascii: ","))
                guard skip(UInt8(ascii: "]")) else { throw unexpected("']'") }
            }
            depth -= 1
            return .array(items)
        case UInt8(ascii: "\""): return .string(try string())
        default:
            let words: [(String, PlainJSON)] = [
                ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("NaN", .number(.nan)), ("Infinity", .number(.infinity)),
                ("-Infinity", .number(-.infinity)),
            ]
            for (word, meaning) in words where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return meaning
            }
            return try number()
        }
    }

    private mutating func enter() throws(LocatedError) {
        position += 1
        depth += 1
        guard depth <= 64 else { throw LocatedError(.invalid, "json.depth", "expected at most 64 levels, got more", at: ["byte \(position)"]) }
    }

    private mutating func number() throws(LocatedError) -> PlainJSON {
        let start = position
        while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
        let isPlain = digits.utf8.first.map { (0x30...0x39).contains($0) } ?? false
        let hasZero = digits.hasPrefix("0") && digits.utf8.dropFirst().first.map { (0x30...0x39).contains($0) } ?? false
        if isPlain, !hasZero {
            if digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let integer = Int(text) { return .integer(integer) }
            if !text.hasSuffix("."), !text.contains(".e"), !text.contains(".E"), let number = Double(text) { return .number(number) }
        }
        position = start
        throw unexpected("a value")
    }

    private mutating func string() throws(LocatedError) -> String {
        position += 1
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: content, as: UTF8.self) else { throw unexpected("text in UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                guard position < bytes.count else { throw unexpected("a character") }
                let plain: [UInt8: UInt8] = [0x22: 0x22, 0x5c: 0x5c, 0x2f: 0x2f, 0x62: 8, 0x66: 12, 0x6e: 10, 0x72: 13, 0x74: 9]
                if let character = plain[bytes[position]] {
                    content.append(character)
                    position += 1
                } else {
                    content += Array(String(try escaped()).utf8)
                }
            case 0..<0x20: throw unexpected("a character")
            default:
                content.append(byte)
                position += 1
            }
        }
        throw unexpected("'\"'")
    }

    /// `u` and four digits, twice for characters beyond the first 65536.
    private mutating func escaped() throws(LocatedError) -> Unicode.Scalar {
        var code = try unit()
        if (0xd800..<0xdc00).contains(code) {
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\\") else { throw unexpected("the second half of a character") }
            position += 1
            let low = try unit()
            guard (0xdc00..<0xe000).contains(low) else { throw unexpected("the second half of a character") }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw unexpected("a character") }
        return scalar
    }

    private mutating func unit() throws(LocatedError) -> UInt32 {
        guard position + 5 <= bytes.count, bytes[position] == UInt8(ascii: "u") else { throw unexpected("'u' and four digits") }
        let digits = bytes[(position + 1)..<(position + 5)]
        guard digits.allSatisfy({ "0123456789abcdefABCDEF".utf8.contains($0) }), let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw unexpected("'u' and four digits") }
        position += 5
        return code
    }
}
