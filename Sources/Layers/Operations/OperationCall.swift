internal import Graphs
internal import KerasSpec
internal import OrderedCollections
internal import Tensors

/// One call of an operation: what it is told, wherever that stands.
struct OperationCall {
    let operation: Operation
    let config: ConfigObject
    let context: LoweringContext
    let arguments: CallArguments

    /// What stands under a name: among the call's keywords, at its position, or in the configuration. nil for nothing and for
    /// `None`.
    func argument(_ key: String) -> CallArguments.Argument? {
        if let argument = arguments.keywords[key] { return argument.isNull ? nil : argument }
        let order = operation.arguments + operation.attributes
        if !operation.isVariadic, let place = order.firstIndex(of: key), place < arguments.positional.count {
            let argument = arguments.positional[place]
            return argument.isNull ? nil : argument
        }
        guard let value = config[key], !value.isNull else { return nil }
        return .constant(value)
    }

    func has(_ key: String) -> Bool { argument(key) != nil }

    /// Whether anything stands under a name, be it `None`.
    func says(_ key: String) -> Bool {
        if arguments.keywords[key] != nil || config[key] != nil { return true }
        let place = (operation.arguments + operation.attributes).firstIndex(of: key)
        return place.map { $0 < arguments.positional.count } ?? false
    }

    /// Something that was told and can't be used.
    func wrong(_ key: String, _ expected: String) -> LocatedError {
        let got: String
        switch argument(key) {
        case .constant(let value): got = value.summary
        case .signal: got = "a tensor"
        case nil: got = "nothing"
        default: got = "several"
        }
        return LocatedError(
            .unsupported, "call.argument", "expected \(key) of \(operation.name) to be \(expected), got \(got)", at: [context.label])
    }

    // MARK: constants

    /// A constant; nil for nothing. Throws for a tensor.
    func constant(_ key: String) throws(LocatedError) -> ConfigValue? {
        guard let argument = argument(key) else { return nil }
        guard let value = Self.constant(argument) else { throw wrong(key, "a constant") }
        return Self.plain(value)
    }

    /// The constants in a container, as one.
    private static func constant(_ argument: CallArguments.Argument) -> ConfigValue? {
        switch argument {
        case .constant(let value): return value
        case .signal: return nil
        case .list(let items):
            let values = items.compactMap(constant)
            return values.count == items.count ? .array(values) : nil
        case .dictionary(let items):
            var object: ConfigObject = [:]
            for (key, item) in items {
                guard let value = constant(item) else { return nil }
                object[key] = value
            }
            return .object(object)
        }
    }

    /// A value without what Keras wraps tuples and arrays in.
    static func plain(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map(plain))
        case .object(let object):
            switch object["class_name"]?.string {
            case "__tuple__": return plain(object["config"]?.object?["value"] ?? object["items"] ?? value)
            case "__numpy__", "__tensor__": return object["config"]?.object?["value"].map(plain) ?? value
            default: return value
            }
        default: return value
        }
    }

    func bool(_ key: String, default fallback: Bool = false) throws(LocatedError) -> Bool {
        guard let value = try constant(key) else { return fallback }
        if let flag = value.bool { return flag }
        if let number = value.integer { return number != 0 }
        throw wrong(key, "true or false")
    }

    func integer(_ key: String) throws(LocatedError) -> Int? {
        guard let value = try constant(key) else { return nil }
        return try integer(value, key)
    }

    func integer(_ key: String, default fallback: Int) throws(LocatedError) -> Int { try integer(key) ?? fallback }

    func required(_ key: String) throws(LocatedError) -> Int {
        guard let number = try integer(key) else { throw wrong(key, "an integer") }
        return number
    }

    private func integer(_ value: ConfigValue, _ key: String) throws(LocatedError) -> Int {
        let number: Int? =
            switch value {
            case .integer(let number): number
            case .float(let number): Int(exactly: number)
            case .bool(let flag): flag ? 1 : 0
            case .array(let items) where items.count == 1: try integer(items[0], key)
            default: nil
            }
        // Keeps sums and small products of what files say in Int.
        guard let number, abs(number) <= 1 << 40 else { throw wrong(key, "an integer") }
        return number
    }

    /// A list of integers; one alone is a list of one. nil for nothing.
    func integers(_ key: String) throws(LocatedError) -> [Int]? {
        guard let value = try constant(key) else { return nil }
        guard case .array(let items) = value else { return [try integer(value, key)] }
        var numbers: [Int] = []
        for item in items { numbers.append(try integer(item, key)) }
        return numbers
    }

    func requiredIntegers(_ key: String) throws(LocatedError) -> [Int] {
        guard let numbers = try integers(key) else { throw wrong(key, "integers") }
        return numbers
    }

    func number(_ key: String) throws(LocatedError) -> Double? {
        guard let value = try constant(key) else { return nil }
        if let flag = value.bool { return flag ? 1 : 0 }
        if case .array(let items) = value, items.count == 1, let number = items[0].number { return number }
        guard let number = value.number else { throw wrong(key, "a number") }
        return number
    }

    func number(_ key: String, default fallback: Double) throws(LocatedError) -> Double { try number(key) ?? fallback }

    func string(_ key: String) throws(LocatedError) -> String? {
        guard let value = try constant(key) else { return nil }
        guard let text = value.string else { throw wrong(key, "a word") }
        return text
    }

    func string(_ key: String, default fallback: String) throws(LocatedError) -> String { try string(key) ?? fallback }

    /// A type: all integers are int32 here, all floats float32.
    func dtype(_ key: String = "dtype") throws(LocatedError) -> DType? {
        guard let value = try constant(key) else { return nil }
        let name = value.string ?? value.object?["config"]?.object?["name"]?.string
        guard let name, let type = DType(rawValue: name) else { throw wrong(key, "a type of real numbers") }
        return type == .bool || type == .string ? type : type.isFloatingPoint ? .float32 : .int32
    }

    /// Where the channels stand; `channels_last` when nothing is said.
    func dataFormat(_ key: String = "data_format") throws(LocatedError) -> DataFormat {
        guard let name = try string(key) else { return .channelsLast }
        guard let format = DataFormat(rawValue: name) else { throw wrong(key, "channels_last or channels_first") }
        return format
    }

    // MARK: tensors

    /// A tensor, or a constant as one; nil for nothing.
    func optional(_ key: String) throws(LocatedError) -> Value? {
        guard let argument = argument(key) else { return nil }
        return try value(argument, key)
    }

    func tensor(_ key: String) throws(LocatedError) -> Value {
        guard let value = try optional(key) else { throw wrong(key, "a tensor") }
        return value
    }

    /// A tensor as float32.
    func float(_ key: String) throws(LocatedError) -> Value { try context.cast(try tensor(key), to: .float32) }

    /// A list of tensors; one alone is a list of one.
    func tensors(_ key: String) throws(LocatedError) -> [Value] {
        guard let argument = argument(key) else { throw wrong(key, "tensors") }
        guard let items = Self.items(argument) else { return [try value(argument, key)] }
        var values: [Value] = []
        for item in items { values.append(try value(item, key)) }
        return values
    }

    private static func items(_ argument: CallArguments.Argument) -> [CallArguments.Argument]? {
        switch argument {
        case .list(let items): items
        case .constant(let value): plain(value).array?.map(CallArguments.Argument.constant)
        default: nil
        }
    }

    /// Every positional tensor, for functions of any number of them.
    func allTensors() throws(LocatedError) -> [Value] {
        var values: [Value] = []
        for argument in arguments.positional {
            if case .list(let items) = argument {
                for item in items { values.append(try value(item, "an argument")) }
            } else {
                values.append(try value(argument, "an argument"))
            }
        }
        return values
    }

    private func value(_ argument: CallArguments.Argument, _ key: String) throws(LocatedError) -> Value {
        switch argument {
        case .signal(let signal): return signal.value
        case .constant(let value):
            guard let tensor = Self.tensor(value) else { throw wrong(key, "a tensor or numbers") }
            return context.constant(tensor)
        case .list(let items):
            if let constant = Self.constant(argument) {
                guard let tensor = Self.tensor(constant) else { throw wrong(key, "a tensor or numbers") }
                return context.constant(tensor)
            }
            var values: [Value] = []
            for item in items { values.append(try value(item, key)) }
            return try context.stacked(values, axis: 0)
        case .dictionary: throw wrong(key, "a tensor")
        }
    }

    /// Numbers as a tensor of float32, int32 or bool, words as one of strings; nil for what are neither.
    static func tensor(_ value: ConfigValue) -> Tensor? {
        var dtype: DType?
        if case .object(let object) = value, let name = object["config"]?.object?["dtype"]?.string {
            guard let own = DType(rawValue: name) else { return nil }
            dtype = own == .string ? nil : own == .bool ? .bool : own.isFloatingPoint ? .float32 : .int32
        }
        var dims: [Int] = []
        var level = plain(value)
        while case .array(let items) = level {
            dims.append(items.count)
            guard let first = items.first else { break }
            level = first
        }
        var leaves: [ConfigValue] = []
        guard collect(plain(value), dims[...], &leaves) else { return nil }
        let words = leaves.compactMap(\.string)
        if !words.isEmpty, words.count == leaves.count, dtype == nil { return Tensor(strings: words, shape: Shape(dims)) }
        let type =
            dtype
            ?? (leaves.isEmpty || leaves.contains { if case .float = $0 { true } else { false } }
                ? .float32 : leaves.allSatisfy { $0.bool != nil } ? .bool : .int32)
        func number(_ value: ConfigValue) -> Double? { value.number ?? value.bool.map { $0 ? 1 : 0 } }
        let numbers = leaves.compactMap(number)
        guard numbers.count == leaves.count else { return nil }
        let shape = Shape(dims)
        switch type {
        case .bool: return Tensor(numbers.map { $0 != 0 }, shape: shape)
        case .int32:
            let integers = numbers.compactMap { Int32(exactly: $0) }
            // A Python integer beyond int32 meets floats as a float.
            guard integers.count == numbers.count else {
                return dtype == nil ? Tensor(numbers.map { Float($0) }, shape: shape) : nil
            }
            return Tensor(integers, shape: shape)
        default: return Tensor(numbers.map { Float($0) }, shape: shape)
        }
    }

    private static func collect(_ value: ConfigValue, _ dims: ArraySlice<Int>, _ leaves: inout [ConfigValue]) -> Bool {
        guard let extent = dims.first else {
            if case .array = value { return false }
            leaves.append(value)
            return true
        }
        guard case .array(let items) = value, items.count == extent else { return false }
        return items.allSatisfy { collect($0, dims.dropFirst(), &leaves) }
    }
}
