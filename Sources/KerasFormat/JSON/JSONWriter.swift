package import KerasSpec
import OrderedCollections

extension JSON {
    /// How a document is laid out.
    package enum Style: Sendable {
        /// Byte for byte as Python's `json.dumps(value)`: `", "` and `": "`, all but ASCII escaped.
        case python
        /// Two spaces a level, characters as they are: for people.
        case indented
    }

    /// The document of a value.
    package static func text(_ value: ConfigValue, style: Style = .python) -> String {
        var writer = JSONWriter(style: style)
        writer.write(value, depth: 0)
        return writer.text
    }

    /// A string in double quotes, as Python's `json.dumps` writes it.
    package static func quoted(_ string: String) -> String {
        var writer = JSONWriter(style: .python)
        writer.write(string)
        return writer.text
    }

    /// A number as Python's `repr` prints it: the shortest digits that give the same number again, `1e-07`, `1e+16`,
    /// `0.0001`, `NaN`, `-Infinity`.
    package static func repr(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity" }
        // Swift prints the same shortest digits, but changes to exponents at other magnitudes.
        var exponent = 0
        var digits: [Character] = []
        var point: Int?
        let text = value.magnitude.description
        for (index, character) in text.enumerated() {
            if character == "e" {
                exponent = Int(text.dropFirst(index + 1).drop { $0 == "+" }) ?? 0
                break
            }
            if character == "." { point = digits.count } else { digits.append(character) }
        }
        exponent += point ?? digits.count
        let zeros = digits.prefix { $0 == "0" }.count
        digits.removeFirst(zeros)
        exponent -= zeros
        while digits.last == "0" { digits.removeLast() }
        let sign = value.sign == .minus ? "-" : ""
        if digits.isEmpty { return sign + "0.0" }
        // The number is 0.DIGITS × 10^exponent.
        if exponent > 16 || exponent < -3 {
            let fraction = digits.count > 1 ? "." + String(digits[1...]) : ""
            let power = exponent - 1
            let padding = abs(power) < 10 ? "0" : ""
            return sign + String(digits[0]) + fraction + "e" + (power < 0 ? "-" : "+") + padding + String(abs(power))
        }
        if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + String(digits) }
        if exponent >= digits.count {
            return sign + String(digits) + String(repeating: "0", count: exponent - digits.count) + ".0"
        }
        return sign + String(digits[..<exponent]) + "." + String(digits[exponent...])
    }
}

private struct JSONWriter {
    let style: JSON.Style
    var text = ""

    init(style: JSON.Style) { self.style = style }

    mutating func write(_ value: ConfigValue, depth: Int) {
        switch value {
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        case .bigInteger(let digits): text += digits
        case .float(let number): text += JSON.repr(number)
        case .string(let string): write(string)
        case .array(let items):
            if items.isEmpty { return text += "[]" }
            text += "["
            for (index, item) in items.enumerated() {
                separate(first: index == 0, depth: depth + 1)
                write(item, depth: depth + 1)
            }
            end("]", depth: depth)
        case .object(let object):
            if object.isEmpty { return text += "{}" }
            text += "{"
            for (index, (key, item)) in object.enumerated() {
                separate(first: index == 0, depth: depth + 1)
                write(key)
                text += ": "
                write(item, depth: depth + 1)
            }
            end("}", depth: depth)
        }
    }

    private mutating func separate(first: Bool, depth: Int) {
        switch style {
        case .python: if !first { text += ", " }
        case .indented: text += (first ? "\n" : ",\n") + String(repeating: "  ", count: depth)
        }
    }

    private mutating func end(_ bracket: String, depth: Int) {
        if case .indented = style { text += "\n" + String(repeating: "  ", count: depth) }
        text += bracket
    }

    mutating func write(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{8}": text += "\\b"
            case "\u{c}": text += "\\f"
            case " "..."~": text.unicodeScalars.append(scalar)
            default:
                if case .indented = style, scalar.value > 0x9F {
                    text.unicodeScalars.append(scalar)
                } else {
                    for unit in UTF16.encode(scalar)! { text += Self.escape(unit) }
                }
            }
        }
        text += "\""
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
