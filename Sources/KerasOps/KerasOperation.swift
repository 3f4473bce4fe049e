package import Tensors

/// A function of `keras.ops` as a table entry: what expressions call by name.
package struct KerasOperation: Sendable {
    package typealias Body = @Sendable (OperationArguments) throws(LocatedError) -> OperationArgument

    /// Keras's name: `leaky_relu`.
    package let name: String
    /// Keras's names of the parameters, in order.
    package let parameters: [String]
    /// By name, of parameters that needn't be given.
    package let defaults: [String: OperationArgument]
    private let body: Body

    /// - Parameter parameters: names, with defaults as Python writes them: `x`, `axis=-1`, `keepdims=False`.
    init(_ name: String, _ parameters: String..., body: @escaping Body) {
        var names: [String] = []
        var defaults: [String: OperationArgument] = [:]
        for parameter in parameters {
            let parts = parameter.split(separator: "=").map(String.init)
            names.append(parts[0])
            if parts.count == 2 { defaults[parts[0]] = OperationArgument(word: parts[1]) ?? Double(parts[1]).map(OperationArgument.number) }
        }
        self.name = name
        self.parameters = names
        self.defaults = defaults
        self.body = body
    }

    /// A function of one array.
    static func unary(
        _ name: String, _ body: @escaping @Sendable (Symbol) throws(LocatedError) -> Symbol
    ) -> KerasOperation {
        KerasOperation(name, "x") { (a) throws(LocatedError) in .symbol(try body(try a.symbol("x"))) }
    }

    /// Every function, by name.
    package static let all: [String: KerasOperation] = {
        let families = [arithmetic, functions, comparisons, activations, reductions, shaping, linearAlgebra]
        return Dictionary(families.joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }()

    /// Calls the function as Python would: positional arguments, then keywords.
    ///
    /// Throws `.usage` for arguments that it doesn't take or lacks.
    package func callAsFunction(
        _ positional: [OperationArgument], _ keywords: [(name: String, value: OperationArgument)] = [], in scope: any SymbolScope
    ) throws(LocatedError) -> OperationArgument {
        guard positional.count <= parameters.count else {
            throw wrong("at most \(parameters.count) arguments (\(parameters.joined(separator: ", ")))", "\(positional.count)")
        }
        var values = Dictionary(zip(parameters, positional), uniquingKeysWith: { first, _ in first })
        for (key, value) in keywords {
            guard parameters.contains(key) else { throw wrong("arguments \(parameters.joined(separator: ", "))", key) }
            guard values[key] == nil else { throw wrong("each argument once", "\(key) twice") }
            values[key] = value
        }
        for parameter in parameters where values[parameter] == nil {
            guard let value = defaults[parameter] else { throw wrong("the argument \(parameter)", "none") }
            values[parameter] = value
        }
        return try body(OperationArguments(function: name, values: values, scope: scope))
    }

    private func wrong(_ expected: String, _ got: String) -> LocatedError {
        LocatedError(.usage, "ops.arguments", "\(name) expected \(expected), got \(got)")
    }
}

/// A value in a call: an array, or one of Python's constants.
package indirect enum OperationArgument: @unchecked Sendable {
    // Symbols never leave the call that they were given to; tables hold constants only.
    case symbol(Symbol)
    case number(Double)
    case bool(Bool)
    case none
    case list([OperationArgument])

    /// Python's words for constants.
    package init?(word: String) {
        switch word {
        case "None": self = .none
        case "True": self = .bool(true)
        case "False": self = .bool(false)
        default: return nil
        }
    }

    /// In words, for errors.
    package var summary: String {
        switch self {
        case .symbol(let symbol): "an array of shape \(symbol.shape)"
        case .number(let number): "the number \(number)"
        case .bool(let flag): flag ? "True" : "False"
        case .none: "None"
        case .list(let items): "a list of \(items.count)"
        }
    }
}

/// The arguments of one call, by the parameters' names.
package struct OperationArguments {
    let function: String
    let values: [String: OperationArgument]
    let scope: any SymbolScope

    /// An array; a number becomes one.
    func symbol(_ name: String) throws(LocatedError) -> Symbol {
        switch values[name] ?? .none {
        case .symbol(let symbol): return symbol
        case .number(let number): return Symbol(scope.constant(Tensor(scalar: Float(number))), in: scope)
        case let other: throw wrong(name, "an array or a number", other)
        }
    }

    func isNumber(_ name: String) -> Bool { if case .number? = values[name] { true } else { false } }

    func symbols(_ name: String) throws(LocatedError) -> [Symbol] {
        guard case .list(let items)? = values[name] else { throw wrong(name, "a list of arrays", values[name] ?? .none) }
        var symbols: [Symbol] = []
        for item in items {
            guard case .symbol(let symbol) = item else { throw wrong(name, "a list of arrays", item) }
            symbols.append(symbol)
        }
        return symbols
    }

    func number(_ name: String) throws(LocatedError) -> Double {
        guard case .number(let number)? = values[name] else { throw wrong(name, "a number", values[name] ?? .none) }
        return number
    }

    func integer(_ name: String) throws(LocatedError) -> Int {
        guard case .number(let number)? = values[name], let integer = Int(exactly: number) else {
            throw wrong(name, "an integer", values[name] ?? .none)
        }
        return integer
    }

    func integers(_ name: String) throws(LocatedError) -> [Int] {
        guard let integers = try axes(name) else { throw wrong(name, "integers", .none) }
        return integers
    }

    /// None, an integer, or a list of integers.
    func axes(_ name: String) throws(LocatedError) -> [Int]? {
        switch values[name] ?? .none {
        case .none: return nil
        case .list(let items):
            var integers: [Int] = []
            for item in items {
                guard case .number(let number) = item, let integer = Int(exactly: number) else {
                    throw wrong(name, "integers", item)
                }
                integers.append(integer)
            }
            return integers
        default: return [try integer(name)]
        }
    }

    func bool(_ name: String) throws(LocatedError) -> Bool {
        guard case .bool(let flag)? = values[name] else { throw wrong(name, "True or False", values[name] ?? .none) }
        return flag
    }

    private func wrong(_ name: String, _ expected: String, _ got: OperationArgument) -> LocatedError {
        LocatedError(.usage, "ops.arguments", "\(function) expected \(expected) as \(name), got \(got.summary)")
    }
}
