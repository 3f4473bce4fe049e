package import KerasSpec
import OrderedCollections
package import Tensors

/// JSON as Python's `json` module reads and writes it: NaN and infinities, integers apart from floats, ordered keys.
package enum JSON {
    /// No architecture is larger; a file that says otherwise is not read into memory.
    package static let largestDocument = 64 << 20
    /// Lists and objects within each other. Keras's deepest configuration needs about four a nested model.
    package static let deepestNesting = 256

    /// Reads a document without loss.
    ///
    /// Stricter than Python where Python would lose or guess: a key given twice, half a surrogate pair, a float beyond
    /// `Double`, and nesting beyond `deepestNesting` are refused. Throws 65 `json.…` with line, column and JSON path.
    package static func parse(_ bytes: [UInt8]) throws(LocatedError) -> ConfigValue {
        guard bytes.count <= largestDocument else {
            throw LocatedError(
                .invalid, "json.size", "expected at most \(largestDocument) bytes of JSON, got \(bytes.count)", at: ["$"])
        }
        var reader = JSONReader(bytes)
        return try reader.document()
    }

    /// Reads a document that is already text.
    package static func parse(_ text: String) throws(LocatedError) -> ConfigValue { try parse(Array(text.utf8)) }
}

/// A parser that keeps its own stack: depth costs heap, never the thread's stack.
private struct JSONReader {
    private let bytes: [UInt8]
    private var offset = 0
    private var open: [Container] = []

    /// A list or object whose end was not seen yet.
    private struct Container {
        var isList: Bool
        var items: [ConfigValue] = []
        var object: ConfigObject = [:]
        /// Waits for its value.
        var key: String?
    }

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(LocatedError) -> ConfigValue {
        try refuseByteOrderMark()
        skipSpace()
        guard offset < bytes.count else { throw failure("json.empty", "expected a JSON value, got an empty document") }
        while true {
            guard var value = try valueOrOpening() else { continue }
            while true {
                skipSpace()
                if open.isEmpty {
                    guard offset == bytes.count else { throw unexpected("the end of the document") }
                    return value
                }
                guard let closed = try append(value) else { break }
                value = closed
            }
        }
    }

    /// A whole scalar or empty container; nil when a container was opened and its first value comes next.
    private mutating func valueOrOpening() throws(LocatedError) -> ConfigValue? {
        guard offset < bytes.count else { throw unexpected("a value") }
        switch bytes[offset] {
        case UInt8(ascii: "{"):
            try refuseDepth()
            offset += 1
            skipSpace()
            if take("}") { return .object([:]) }
            open.append(Container(isList: false))
            try readKey()
            return nil
        case UInt8(ascii: "["):
            try refuseDepth()
            offset += 1
            skipSpace()
            if take("]") { return .array([]) }
            open.append(Container(isList: true))
            return nil
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default:
            for (word, value) in Self.words where takeWord(word) { return value }
            throw unexpected("a value")
        }
    }

    private static let words: [(StaticString, ConfigValue)] = [
        ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("NaN", .float(.nan)),
        ("Infinity", .float(.infinity)),
    ]

    /// Puts a value into the innermost container. Gives the container when it ends here; else goes to the next value.
    private mutating func append(_ value: ConfigValue) throws(LocatedError) -> ConfigValue? {
        let last = open.count - 1
        if open[last].isList {
            open[last].items.append(value)
            if take("]") { return .array(open.removeLast().items) }
            guard take(",") else { throw unexpected("\",\" or \"]\"") }
            skipSpace()
        } else {
            if let key = open[last].key { open[last].object[key] = value }
            open[last].key = nil
            if take("}") { return .object(open.removeLast().object) }
            guard take(",") else { throw unexpected("\",\" or \"}\"") }
            skipSpace()
            try readKey()
        }
        return nil
    }

    /// Reads `"key":` and leaves the innermost container waiting for its value.
    private mutating func readKey() throws(LocatedError) {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
        let start = offset
        let key = try string()
        open[open.count - 1].key = key
        if open[open.count - 1].object[key] != nil {
            throw failure("json.duplicate_key", "expected every key once, got \(JSON.quoted(key)) again", at: start)
        }
        skipSpace()
        guard take(":") else { throw unexpected("\":\"") }
        skipSpace()
    }

    // MARK: - Scalars

    private mutating func number() throws(LocatedError) -> ConfigValue {
        let start = offset
        if take("-"), takeWord("Infinity") { return .float(-.infinity) }
        guard offset < bytes.count, isDigit(bytes[offset]) else { throw unexpected("a digit") }
        if !take("0") { skipDigits() }
        var isFloat = false
        if offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "."), isDigit(bytes[offset + 1]) {
            isFloat = true
            offset += 1
            skipDigits()
        }
        if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
            var digits = offset + 1
            if digits < bytes.count, bytes[digits] == UInt8(ascii: "+") || bytes[digits] == UInt8(ascii: "-") { digits += 1 }
            if digits < bytes.count, isDigit(bytes[digits]) {
                isFloat = true
                offset = digits
                skipDigits()
            }
        }
        guard offset - start <= Self.longestNumber else {
            throw failure("json.number", "expected at most \(Self.longestNumber) digits in a number, got more", at: start)
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if !isFloat {
            if let integer = Int(text) { return .integer(integer) }
            return .bigInteger(text)
        }
        guard let value = Double(text), value.isFinite else {
            throw failure("json.number", "expected a number that fits 64 bits, got \(text.prefix(40))", at: start)
        }
        return .float(value)
    }

    /// As Python's own limit on converting digits to an integer.
    private static let longestNumber = 4300

    /// Reads a string from its opening to past its closing quote.
    private mutating func string() throws(LocatedError) -> String {
        let start = offset
        offset += 1
        var content: [UInt8] = []
        var run = offset
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                content.append(contentsOf: bytes[run..<offset])
                offset += 1
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw failure("json.encoding", "expected UTF-8, got bytes that are not", at: start)
                }
                return text
            }
            if byte < 0x20 {
                throw failure("json.syntax", "expected control characters in strings as escapes, got byte \(byte)")
            }
            if byte == UInt8(ascii: "\\") {
                content.append(contentsOf: bytes[run..<offset])
                let scalar = try escape()
                content.append(contentsOf: UTF8.encode(scalar)!)
                run = offset
            } else {
                offset += 1
            }
        }
        throw failure("json.syntax", "expected the closing quote of a string, got the end of the document", at: start)
    }

    /// Reads `\n`, `\u00e9` or a surrogate pair.
    private mutating func escape() throws(LocatedError) -> Unicode.Scalar {
        let start = offset
        offset += 1
        guard offset < bytes.count else { throw unexpected("an escape") }
        let letter = bytes[offset]
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw failure("json.syntax", "expected an escape that JSON has, got another", at: start)
        }
        let unit = try fourHexDigits(from: start)
        if let scalar = Unicode.Scalar(unit) { return scalar }
        if unit < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        {
            offset += 2
            let low = try fourHexDigits(from: start)
            if (0xDC00...0xDFFF).contains(low), let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + low - 0xDC00) {
                return scalar
            }
        }
        throw failure("json.surrogate", "expected a whole surrogate pair, got half of one", at: start)
    }

    private mutating func fourHexDigits(from start: Int) throws(LocatedError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard offset < bytes.count, let digit = hexDigit(bytes[offset]) else {
                throw failure("json.syntax", "expected four hexadecimal digits after \\u", at: start)
            }
            value = value << 4 | digit
            offset += 1
        }
        return value
    }

    // MARK: - Bytes

    private mutating func skipSpace() {
        while offset < bytes.count, isSpace(bytes[offset]) { offset += 1 }
    }

    private mutating func skipDigits() { while offset < bytes.count, isDigit(bytes[offset]) { offset += 1 } }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func takeWord(_ word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard bytes.count - offset >= count else { return false }
        for index in 0..<count where bytes[offset + index] != word.utf8Start[index] { return false }
        offset += count
        return true
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

    private func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    // MARK: - Errors

    private func refuseByteOrderMark() throws(LocatedError) {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            throw failure(
                "json.bom", "expected JSON, got a byte order mark in front of it",
                hint: "Save the file as UTF-8 without BOM; Python's json module refuses it too.")
        }
        if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
            throw failure("json.encoding", "expected UTF-8, got UTF-16", hint: "Save the file as UTF-8.")
        }
    }

    private func refuseDepth() throws(LocatedError) {
        guard open.count < JSON.deepestNesting else {
            throw failure("json.depth", "expected at most \(JSON.deepestNesting) levels of nested lists and objects, got more")
        }
    }

    private func unexpected(_ expected: String) -> LocatedError {
        guard offset < bytes.count else {
            return failure("json.syntax", "expected \(expected), got the end of the document")
        }
        let byte = bytes[offset]
        let got = byte > 0x20 && byte < 0x7F ? "\"\(Unicode.Scalar(byte))\"" : "byte \(byte)"
        return failure("json.syntax", "expected \(expected), got \(got)")
    }

    private func failure(
        _ code: String, _ message: String, at place: Int? = nil, hint: String? = nil
    ) -> LocatedError {
        let end = min(place ?? offset, bytes.count)
        let line = bytes[..<end].count { $0 == 0x0A } + 1
        let lineStart = bytes[..<end].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let column = bytes[lineStart..<end].count { $0 & 0xC0 != 0x80 } + 1
        return LocatedError(
            .invalid, code, "JSON, line \(line), column \(column): \(message)", at: [path.description], hint: hint)
    }

    /// Where the value is that is being read.
    private var path: JSONPath {
        open.reduce(JSONPath.root) { path, container in
            if container.isList { return path[container.items.count] }
            return container.key.map { path[$0] } ?? path
        }
    }
}
