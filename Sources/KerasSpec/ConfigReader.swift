public import Tensors

/// Takes typed values out of a configuration object, one key at a time, and reports what it can't take with JSON path,
/// expected and got. `finish()` refuses the keys that nobody asked for: a key that is passed over in silence is a layer that
/// computes something else. Only `LegacyName.kept`, which by definition computes nothing, needs no asking.
public struct ConfigReader {
    private var remaining: ConfigObject
    private let path: String
    /// Models within the configuration, by key.
    private let models: [String: ModelSpec]

    /// - Parameter models: what the models within the configuration mean, by key.
    public init(_ object: ConfigObject, at path: String = "config", models: [String: ModelSpec] = [:]) {
        self.remaining = object
        self.models = models
        self.path = path
        remaining.removeValue(forKey: LegacyName.kept)
    }

    /// The value of a key, whatever it is; nil when the key is absent.
    public mutating func value(_ key: String) -> ConfigValue? { remaining.removeValue(forKey: key) }

    /// The model that a key holds; nil when it holds something else. The key stays to be read.
    public func model(_ key: String) -> ModelSpec? { models[key] }

    public func has(_ key: String) -> Bool { remaining[key] != nil }

    /// Marks keys as known and without influence on what is computed.
    public mutating func ignore(_ keys: String...) { for key in keys { remaining.removeValue(forKey: key) } }

    public mutating func string(_ key: String, default fallback: String? = nil) throws(LocatedError) -> String {
        guard let value = value(key) else { return try required(fallback, key, "a string") }
        guard case .string(let text) = value else { throw wrong(key, "a string", value) }
        return text
    }

    /// A string, or nil for null or an absent key.
    public mutating func optionalString(_ key: String) throws(LocatedError) -> String? {
        guard let value = value(key), !value.isNull else { return nil }
        guard case .string(let text) = value else { throw wrong(key, "a string or null", value) }
        return text
    }

    public mutating func bool(_ key: String, default fallback: Bool? = nil) throws(LocatedError) -> Bool {
        guard let value = value(key) else { return try required(fallback, key, "true or false") }
        guard case .bool(let flag) = value else { throw wrong(key, "true or false", value) }
        return flag
    }

    /// An integer of at least `minimum`, which Keras may also have written as a float without fraction.
    public mutating func integer(
        _ key: String, default fallback: Int? = nil, atLeast minimum: Int = .min
    ) throws(LocatedError) -> Int {
        guard let value = value(key) else { return try required(fallback, key, "an integer") }
        return try integer(value, key, atLeast: minimum)
    }

    /// An integer of at least `minimum`, or nil for null or an absent key.
    public mutating func optionalInteger(_ key: String, atLeast minimum: Int = .min) throws(LocatedError) -> Int? {
        guard let value = value(key), !value.isNull else { return nil }
        return try integer(value, key, atLeast: minimum)
    }

    public mutating func number(
        _ key: String, default fallback: Double? = nil, in range: ClosedRange<Double> = -.infinity ... .infinity
    ) throws(LocatedError) -> Double {
        guard let value = value(key) else { return try required(fallback, key, "a number") }
        let expected = range == -.infinity ... .infinity ? "a number" : "a number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = value.number, range.contains(number) else { throw wrong(key, expected, value) }
        return number
    }

    public mutating func optionalNumber(_ key: String) throws(LocatedError) -> Double? {
        guard let value = value(key), !value.isNull else { return nil }
        guard let number = value.number else { throw wrong(key, "a number or null", value) }
        return number
    }

    /// `count` integers of at least `minimum`; a single integer stands for `count` equal ones, as in Keras.
    public mutating func integers(
        _ key: String, count: Int, default fallback: [Int]? = nil, atLeast minimum: Int = 1
    ) throws(LocatedError) -> [Int] {
        let expected = count == 1 ? "an integer" : "\(count) integers"
        guard let value = value(key) else { return try required(fallback, key, expected) }
        return try integers(value, key, count: count, atLeast: minimum)
    }

    /// Like `integers`, nil for null or an absent key.
    public mutating func optionalIntegers(
        _ key: String, count: Int, atLeast minimum: Int = 1
    ) throws(LocatedError) -> [Int]? {
        guard let value = value(key), !value.isNull else { return nil }
        return try integers(value, key, count: count, atLeast: minimum)
    }

    /// One of the given words.
    public mutating func word<Word: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Word? = nil, as type: Word.Type = Word.self
    ) throws(LocatedError) -> Word where Word.RawValue == String {
        let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
        guard let value = value(key), !value.isNull else { return try required(fallback, key, "one of \(words)") }
        guard case .string(let text) = value, let word = Word(rawValue: text) else {
            throw wrong(key, "one of \(words)", value)
        }
        return word
    }

    /// Refuses every key that was neither read nor ignored.
    public func finish() throws(LocatedError) {
        guard let first = remaining.keys.first else { return }
        let keys = remaining.keys.map { "\"\($0)\"" }.joined(separator: ", ")
        throw LocatedError(
            .unsupported, "config.unknownKey",
            "expected only keys that this layer has, got \(keys)", at: ["\(path)/\(first)"],
            hint: "It may come from a newer Keras or a custom class; without its meaning the result could differ.")
    }

    /// The error for a value that this reader's caller could not use.
    public func wrong(_ key: String, _ expected: String, _ got: ConfigValue) -> LocatedError {
        LocatedError(.invalid, "config.value", "expected \(expected), got \(got.summary)", at: ["\(path)/\(key)"])
    }

    private func required<Value>(_ fallback: Value?, _ key: String, _ expected: String) throws(LocatedError) -> Value {
        guard let fallback else {
            throw LocatedError(.invalid, "config.missing", "expected \(expected), got nothing", at: ["\(path)/\(key)"])
        }
        return fallback
    }

    private func integer(_ value: ConfigValue, _ key: String, atLeast minimum: Int) throws(LocatedError) -> Int {
        let expected = minimum == .min ? "an integer" : "an integer of at least \(minimum)"
        let number: Int? =
            switch value {
            case .integer(let number): number
            case .float(let number): Int(exactly: number)
            default: nil
            }
        guard let number, number >= minimum, number <= Self.largestInteger else { throw wrong(key, expected, value) }
        return number
    }

    private func integers(
        _ value: ConfigValue, _ key: String, count: Int, atLeast minimum: Int
    ) throws(LocatedError) -> [Int] {
        guard case .array(let items) = value else {
            return [Int](repeating: try integer(value, key, atLeast: minimum), count: count)
        }
        guard items.count == count else { throw wrong(key, "\(count) integers", value) }
        var numbers: [Int] = []
        for item in items { numbers.append(try integer(item, key, atLeast: minimum)) }
        return numbers
    }

    /// No extent, stride or count of a layer is larger; keeps sums and small products of configured numbers in `Int`.
    private static let largestInteger = 1 << 40
}
