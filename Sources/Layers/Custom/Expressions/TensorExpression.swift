public import KerasOps
internal import KerasSpec
public import Tensors

/// A formula over tensors in Python's notation, which stands for code that is never run: `x / 255 - 0.5`,
/// `softmax(x * 2, axis=-1)`, `x0 * sigmoid(x1)`.
///
/// It knows numbers, the operators + − * / // % ** @ and comparisons, brackets, lists, the inputs (`x`, or `x0`, `x1`, …), words in
/// quotes as arguments, and the functions of `keras.ops` by Keras's names, with `ops.` or `keras.ops.` before them or not.
/// Nothing else has a meaning.
public struct TensorExpression: Hashable, Sendable, CustomStringConvertible {
    /// The text that it was made from.
    public let description: String
    package let root: Node

    /// A part of an expression.
    package indirect enum Node: Hashable, Sendable {
        /// A number, and whether Python would read an int.
        case number(Double, isInteger: Bool = false)
        case constant(String)
        /// nil: the only input.
        case input(Int?)
        case list([Node])
        /// In quotes.
        case word(String)
        case call(String, [Node], [Keyword])
    }

    package struct Keyword: Hashable, Sendable {
        package var name: String
        package var value: Node
    }

    /// Throws 64 `expression.syntax` for what is no expression, `expression.name` for a name without a meaning; both tell
    /// where.
    public init(_ text: String) throws(LocatedError) {
        var parser = try ExpressionParser(text)
        root = try parser.parse()
        description = text
    }

    public static func == (a: TensorExpression, b: TensorExpression) -> Bool { a.root == b.root }
    public func hash(into hasher: inout Hasher) { hasher.combine(root) }

    /// The value for some inputs.
    ///
    /// Throws 67 for inputs that aren't there or whose shapes don't fit, 64 for arguments that a function doesn't take.
    public func callAsFunction(_ inputs: [Symbol]) throws(LocatedError) -> Symbol {
        guard let first = inputs.first else {
            throw LocatedError(.mismatch, "expression.inputs", "expected an input, got none", at: [description])
        }
        let value: OperationArgument
        do throws(LocatedError) { value = try evaluate(root, inputs) } catch { throw error.within(quoted) }
        switch value {
        case .symbol(let symbol): return symbol
        // A number alone is that number everywhere.
        case .constant(let constant):
            if let number = constant.number { return try ops.add(try ops.multiply(first, 0), number) }
        case .list: break
        }
        throw LocatedError(.usage, "expression.value", "expected a tensor as the value, got \(value.summary)", at: [quoted])
    }

    private var quoted: String { "'\(description)'" }

    private func evaluate(_ node: Node, _ inputs: [Symbol]) throws(LocatedError) -> OperationArgument {
        switch node {
        case .number(let number, let isInteger):
            let integer = isInteger ? Int(exactly: number) : nil
            return .constant(integer.map(ConfigValue.integer) ?? .float(number))
        case .word(let text): return .constant(.string(text))
        case .constant(let word): return .constant(word == "None" ? .null : .bool(word == "True"))
        case .input(let index):
            if index == nil, inputs.count != 1 {
                throw LocatedError(
                    .mismatch, "expression.inputs", "expected one input for x, got \(inputs.count)", hint: "Call them x0, x1, ….")
            }
            guard inputs.indices.contains(index ?? 0) else {
                throw LocatedError(
                    .mismatch, "expression.inputs", "expected inputs up to x\(index ?? 0), got \(inputs.count)")
            }
            return .symbol(inputs[index ?? 0])
        case .list(let items):
            var values: [OperationArgument] = []
            for item in items { values.append(try evaluate(item, inputs)) }
            return .list(values)
        case .call(let name, let positional, let keywords):
            var values: [OperationArgument] = []
            for item in positional { values.append(try evaluate(item, inputs)) }
            if let number = Self.folded(name, values) { return .constant(number) }
            if let symbol = try Self.scaled(name, values) { return .symbol(symbol) }
            var named: [(String, OperationArgument)] = []
            for keyword in keywords { named.append((keyword.name, try evaluate(keyword.value, inputs))) }
            let outputs = try ops.call(name, values, named, in: inputs.first?.scope)
            return outputs.count == 1 ? .symbol(outputs[0]) : .list(outputs.map(OperationArgument.symbol))
        }
    }

    /// Arithmetic of numbers alone.
    private static func folded(_ name: String, _ values: [OperationArgument]) -> ConfigValue? {
        var numbers: [Double] = []
        var areIntegers = true
        for value in values {
            guard case .constant(let constant) = value, let number = constant.number else { return nil }
            numbers.append(number)
            if constant.integer == nil { areIntegers = false }
        }
        let result: Double
        switch (name, numbers.count) {
        case ("add", 2): result = numbers[0] + numbers[1]
        case ("subtract", 2): result = numbers[0] - numbers[1]
        case ("multiply", 2): result = numbers[0] * numbers[1]
        case ("divide", 2): return .float(numbers[0] / numbers[1])
        case ("negative", 1): result = -numbers[0]
        case ("sqrt", 1): return .float(numbers[0].squareRoot())
        case ("power", 2):
            guard let exponent = Int(exactly: numbers[1]), exponent.magnitude <= 64 else { return nil }
            result = (0..<exponent.magnitude).reduce(1.0) { product, _ in product * numbers[0] }
            if exponent < 0 { return .float(1 / result) }
        default: return nil
        }
        return areIntegers ? Int(exactly: result).map(ConfigValue.integer) ?? .float(result) : .float(result)
    }

    /// A tensor of floats and a number, without an array for the number.
    private static func scaled(_ name: String, _ values: [OperationArgument]) throws(LocatedError) -> Symbol? {
        guard values.count == 2 else { return nil }
        switch (values[0], values[1]) {
        case (.symbol(let x), .constant(let constant)):
            guard x.dtype == .float32, let y = constant.number else { return nil }
            switch name {
            case "add": return try ops.add(x, y)
            case "subtract": return try ops.subtract(x, y)
            case "multiply": return try ops.multiply(x, y)
            case "power": return try ops.power(x, y)
            default: return nil
            }
        case (.constant(let constant), .symbol(let y)):
            guard y.dtype == .float32, let x = constant.number else { return nil }
            switch name {
            case "add": return try ops.add(y, x)
            case "subtract": return try ops.subtract(x, y)
            case "multiply": return try ops.multiply(y, x)
            default: return nil
            }
        default: return nil
        }
    }
}
