public import Tensors

/// A formula over tensors in Python's notation, which stands for code that is never run: `x / 255 - 0.5`,
/// `softmax(x * 2, axis=-1)`, `x0 * sigmoid(x1)`.
///
/// It knows numbers, the operators + − * / // % ** and comparisons, brackets, lists, the inputs (`x`, or `x0`, `x1`, …), and the
/// functions of `ops` by Keras's names, with `ops.` or `keras.ops.` before them or not. Nothing else has a meaning.
public struct TensorExpression: Hashable, Sendable, CustomStringConvertible {
    /// The text that it was made from.
    public let description: String
    package let root: Node

    /// A part of an expression.
    package indirect enum Node: Hashable, Sendable {
        case number(Double)
        case constant(String)
        /// nil: the only input.
        case input(Int?)
        case list([Node])
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
        do throws(LocatedError) { value = try evaluate(root, inputs, first.scope) } catch { throw error.within(quoted) }
        switch value {
        case .symbol(let symbol): return symbol
        // A number alone is that number everywhere.
        case .number(let number): return try ops.add(try ops.multiply(first, 0), number)
        default:
            throw LocatedError(
                .usage, "expression.value", "expected a tensor as the value, got \(value.summary)", at: [quoted])
        }
    }

    private var quoted: String { "'\(description)'" }

    private func evaluate(
        _ node: Node, _ inputs: [Symbol], _ scope: any SymbolScope
    ) throws(LocatedError) -> OperationArgument {
        switch node {
        case .number(let number): return .number(number)
        case .constant(let word): return OperationArgument(word: word) ?? .none
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
            for item in items { values.append(try evaluate(item, inputs, scope)) }
            return .list(values)
        case .call(let name, let positional, let keywords):
            var values: [OperationArgument] = []
            for item in positional { values.append(try evaluate(item, inputs, scope)) }
            if let number = Self.folded(name, values) { return .number(number) }
            if let symbol = try Self.scaled(name, values) { return .symbol(symbol) }
            var named: [(name: String, value: OperationArgument)] = []
            for keyword in keywords { named.append((keyword.name, try evaluate(keyword.value, inputs, scope))) }
            guard let operation = KerasOperation.all[name] else { preconditionFailure("\(name) was accepted") }
            return try operation(values, named, in: scope)
        }
    }

    /// Arithmetic of numbers alone.
    private static func folded(_ name: String, _ values: [OperationArgument]) -> Double? {
        var numbers: [Double] = []
        for value in values {
            guard case .number(let number) = value else { return nil }
            numbers.append(number)
        }
        switch (name, numbers.count) {
        case ("add", 2): return numbers[0] + numbers[1]
        case ("subtract", 2): return numbers[0] - numbers[1]
        case ("multiply", 2): return numbers[0] * numbers[1]
        case ("divide", 2): return numbers[0] / numbers[1]
        case ("negative", 1): return -numbers[0]
        case ("sqrt", 1): return numbers[0].squareRoot()
        default: return nil
        }
    }

    /// A tensor and a number, without an array for the number.
    private static func scaled(_ name: String, _ values: [OperationArgument]) throws(LocatedError) -> Symbol? {
        guard values.count == 2 else { return nil }
        switch (name, values[0], values[1]) {
        case ("add", .symbol(let x), .number(let y)), ("add", .number(let y), .symbol(let x)): return try ops.add(x, y)
        case ("subtract", .symbol(let x), .number(let y)): return try ops.subtract(x, y)
        case ("subtract", .number(let x), .symbol(let y)): return try ops.subtract(x, y)
        case ("multiply", .symbol(let x), .number(let y)), ("multiply", .number(let y), .symbol(let x)): return try ops.multiply(x, y)
        default: return nil
        }
    }
}
