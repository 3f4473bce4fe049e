import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import Yams

/// Reads what `to_yaml()` of Keras 1 and 2 writes. Nothing in it is run: Python's tags are plain values here, or refused.
///
/// Source: `to_yaml` of `keras/engine/topology.py` 1.2.2, `network.py` 2.3.1, which dump Python's own objects with PyYAML.
enum YAML {
    /// Larger architectures have not been seen; a parsed document takes many times its bytes.
    static let largestDocument = 16 << 20
    /// Values after aliases were followed: a few lines of aliases of aliases could stand for billions.
    private static let mostValues = 500_000

    /// Whether bytes begin as `to_yaml()` does. JSON, which is YAML too, is not meant.
    static func begins(_ bytes: some Collection<UInt8>) -> Bool {
        let text = String(decoding: bytes.prefix(4096), as: UTF8.self)
        return ["class_name:", "backend:", "config:", "keras_version:", "---", "!!python", "%YAML"].contains(where: text.hasPrefix)
    }

    /// Throws 65 `yaml.…` for what is no YAML, 69 `yaml.tag` for objects of Python.
    static func parse(_ bytes: [UInt8]) throws(LocatedError) -> ConfigValue {
        guard bytes.count <= largestDocument else {
            throw failure("yaml.size", "expected at most \(largestDocument) bytes of YAML, got \(bytes.count)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure("yaml.encoding", "expected UTF-8, got other bytes") }
        try refuseComplexKeys(bytes)
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw failure("yaml.syntax", "expected YAML, got \(problem(error))")
        }
        guard let root else { throw failure("yaml.empty", "expected an architecture, got an empty document") }
        var converter = Converter()
        return try converter.value(root)
    }

    private static func problem(_ error: any Error) -> String {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            "line \(mark.line), column \(mark.column): \(problem)"
        case .duplicatedKeysInMapping(let keys, _): "the key \(quoted(keys.first ?? "")) twice"
        default: "something else"
        }
    }

    static func failure(_ code: String, _ message: String, _ category: LocatedError.Category = .invalid, hint: String? = nil) -> LocatedError {
        LocatedError(category, code, message, at: [JSONPath.root.description], hint: hint)
    }

    /// Keys that are lists, objects or aliases: Keras writes none, and what compares them would follow every alias in them.
    private static func refuseComplexKeys(_ bytes: [UInt8]) throws(LocatedError) {
        var quote: UInt8?
        var previous = UInt8(ascii: "\n")
        var index = 0
        /// What a value just ended with: an alias, or the end of a list or object.
        var endsComplex = false
        /// Leading blanks of this line, and of the line that began a block of text: quotes mean nothing in it.
        var indent = 0
        var blockIndent: Int?
        while index < bytes.count {
            let byte = bytes[index]
            defer {
                previous = byte
                index += 1
            }
            if let open = quote {
                if byte == UInt8(ascii: "\\"), open == UInt8(ascii: "\"") { index += 1 } else if byte == open { quote = nil }
                continue
            }
            let startsToken = previous <= 0x20 || "[{,:".utf8.contains(previous)
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0x0A
            switch byte {
            case 0x0A:
                indent = bytes[(index + 1)...].prefix { $0 == 0x20 }.count
                if let block = blockIndent, indent <= block, next != 0x0A { blockIndent = nil }
                endsComplex = false
            case UInt8(ascii: "#") where previous <= 0x20 && blockIndent == nil:
                while index + 1 < bytes.count, bytes[index + 1] != 0x0A { index += 1 }
            case UInt8(ascii: "|"), UInt8(ascii: ">"):
                if startsToken { blockIndent = indent }
                endsComplex = false
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                if startsToken, blockIndent == nil { quote = byte }
                endsComplex = false
            case UInt8(ascii: "*") where startsToken:
                while index + 1 < bytes.count, bytes[index + 1] > 0x20, !",[]{}:".utf8.contains(bytes[index + 1]) { index += 1 }
                endsComplex = true
            case UInt8(ascii: "]"), UInt8(ascii: "}"): endsComplex = true
            case UInt8(ascii: "?") where startsToken && next <= 0x20:
                throw failure("yaml.key", "expected keys that are words, got \"?\"")
            case UInt8(ascii: ":") where endsComplex:
                throw failure("yaml.key", "expected keys that are words, got a list, an object or an alias")
            case UInt8(ascii: " "): break
            default: endsComplex = false
            }
        }
    }

    // MARK: - Values

    private struct Converter {
        private var count = 0

        mutating func value(_ node: Node) throws(LocatedError) -> ConfigValue {
            count += 1
            guard count <= mostValues else {
                throw failure("yaml.aliases", "expected at most \(mostValues) values, got more by aliases of aliases")
            }
            let tag = Self.tag(node)
            switch node {
            case .scalar(let scalar): return try Self.scalar(scalar, tag, at: node)
            case .sequence(let sequence):
                if tag == "python/object/apply:numpy.core.multiarray.scalar" || tag == "python/object/apply:numpy._core.multiarray.scalar" {
                    return try number(sequence, at: node)
                }
                guard ["seq", "python/tuple", "python/list"].contains(tag) else { throw Self.refused(tag, at: node) }
                var items: [ConfigValue] = []
                for item in sequence { items.append(try value(item)) }
                return .array(items)
            case .mapping(let mapping):
                guard tag == "map" || tag == "python/dict" else { throw Self.refused(tag, at: node) }
                var object: ConfigObject = [:]
                for (key, item) in mapping {
                    guard case .scalar(let name) = key, name.string != "<<" else {
                        throw failure("yaml.key", "expected keys that are words, got another at \(Self.place(key))")
                    }
                    object[name.string] = try value(item)
                }
                return .object(object)
            default: throw failure("yaml.alias", "expected a value, got an alias of nothing at \(Self.place(node))")
            }
        }

        /// What stands behind `!!`; another tag as it is.
        private static func tag(_ node: Node) -> String {
            let tag = node.tag.rawValue
            let standard = "tag:yaml.org,2002:"
            return tag.hasPrefix(standard) ? String(tag.dropFirst(standard.count)) : tag
        }

        private static func place(_ node: Node) -> String {
            node.mark.map { "line \($0.line), column \($0.column)" } ?? "an unknown place"
        }

        private static func refused(_ tag: String, at node: Node) -> LocatedError {
            failure(
                "yaml.tag", "expected plain values, got \(quoted("!!" + tag)) at \(place(node))", .unsupported,
                hint: "It would have Python run something. Keras writes the same as JSON with to_json().")
        }

        private static func scalar(_ scalar: Node.Scalar, _ tag: String, at node: Node) throws(LocatedError) -> ConfigValue {
            switch tag {
            case "null", "python/none": return .null
            case "bool", "python/bool":
                if let value = Bool.construct(from: scalar) { return .bool(value) }
            case "int", "python/int", "python/long":
                if let value = Int.construct(from: scalar) { return .integer(value) }
                let digits = scalar.string.hasPrefix("-") ? scalar.string.dropFirst() : scalar.string[...]
                if !digits.isEmpty, digits.allSatisfy({ ("0"..."9").contains($0) }) { return .bigInteger(scalar.string) }
            case "float", "python/float":
                if let value = Double.construct(from: scalar) { return .float(value) }
            // Keras writes dates in quotes.
            case "str", "python/str", "python/unicode", "timestamp", "value", "merge": return .string(scalar.string)
            default: throw refused(tag, at: node)
            }
            throw failure("yaml.value", "expected the value of !!\(tag), got \(quoted(scalar.string)) at \(place(node))")
        }

        // MARK: - A number of NumPy

        /// `[numpy.dtype, bytes]`: what PyYAML makes of an extent that NumPy computed.
        private mutating func number(_ sequence: Node.Sequence, at node: Node) throws(LocatedError) -> ConfigValue {
            let parts = Array(sequence)
            guard parts.count == 2, case .mapping(let dtype) = parts[0], Self.tag(parts[0]) == "python/object/apply:numpy.dtype",
                let name = dtype["args"]?.sequence?.first?.string, case .scalar(let scalar) = parts[1], Self.tag(parts[1]) == "binary",
                let data = Data(base64Encoded: scalar.string, options: .ignoreUnknownCharacters)
            else { throw failure("yaml.numpy", "expected a number of NumPy, its type and its bytes, got another form at \(Self.place(node))") }
            let state = dtype["state"]?.sequence.map { Array($0) } ?? []
            let isBig = state.count > 1 && state[1].string == ">"
            guard let size = name.dropFirst().isEmpty ? nil : Int(name.dropFirst()), size == data.count, size <= 8, let kind = name.first else {
                throw failure("yaml.numpy", "expected the bytes of a number \(quoted(name)), got \(data.count) at \(Self.place(node))")
            }
            let bytes = isBig ? Array(data) : data.reversed()
            let bits = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            switch (kind, size) {
            case ("b", 1): return .bool(bits != 0)
            case ("i", 1...8):
                let shift = UInt64(64 - 8 * size)
                return .integer(Int(Int64(bitPattern: bits << shift) >> Int64(shift)))
            case ("u", 1...8): return Int(exactly: bits).map(ConfigValue.integer) ?? .bigInteger(String(bits))
            case ("f", 4): return .float(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
            case ("f", 8): return .float(Double(bitPattern: bits))
            default: throw failure("yaml.numpy", "expected an integer or a float, got the type \(quoted(name)) at \(Self.place(node))")
            }
        }
    }
}
