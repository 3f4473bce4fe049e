@_exported public import OrderedCollections

/// A value of a Keras configuration: JSON's values with what Keras's files need kept: the order of keys, integers apart
/// from floats, NaN and infinities.
public indirect enum ConfigValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    /// An integer outside `Int`, as its decimal digits.
    case bigInteger(String)
    /// May be NaN or infinite, which Python writes as `NaN`, `Infinity`, `-Infinity`.
    case float(Double)
    case string(String)
    case array([ConfigValue])
    case object(ConfigObject)

    /// In words, for errors: `the string "32"`, `a list of 3`.
    public var summary: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "the integer \(value)"
        case .bigInteger(let digits): "the integer \(digits)"
        case .float(let value): "the number \(value)"
        case .string(let text): "the string \"\(text.count > 60 ? text.prefix(57) + "..." : text)\""
        case .array(let items): "a list of \(items.count)"
        case .object(let object): "an object with \(object.count) keys"
        }
    }
}

/// A JSON object whose keys keep their order.
public typealias ConfigObject = OrderedDictionary<String, ConfigValue>

extension ConfigValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(nilLiteral: ()) { self = .null }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .float(value) }
    public init(stringLiteral value: String) { self = .string(value) }
    public init(arrayLiteral items: ConfigValue...) { self = .array(items) }
    public init(dictionaryLiteral pairs: (String, ConfigValue)...) {
        self = .object(ConfigObject(uniqueKeysWithValues: pairs))
    }
}

extension ConfigValue {
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    public var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    public var array: [ConfigValue]? { if case .array(let value) = self { value } else { nil } }
    public var object: ConfigObject? { if case .object(let value) = self { value } else { nil } }
    public var isNull: Bool { self == .null }

    /// A float, or an integer as a float.
    public var number: Double? {
        switch self {
        case .float(let value): value
        case .integer(let value): Double(value)
        case .bigInteger(let digits): Double(digits)
        default: nil
        }
    }

    public static func integers(_ values: [Int]) -> ConfigValue { .array(values.map(ConfigValue.integer)) }

    /// A list of extents with `null` for the unknown ones.
    public static func extents(_ values: [Int?]) -> ConfigValue {
        .array(values.map { $0.map(ConfigValue.integer) ?? .null })
    }
}
