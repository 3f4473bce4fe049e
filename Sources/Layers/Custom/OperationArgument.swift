internal import Graphs
public import KerasOps
public import KerasSpec
public import Tensors

/// An argument of a function of `keras.ops` that is called by name: a tensor, or one of Python's constants.
public indirect enum OperationArgument {
    case symbol(Symbol)
    case constant(ConfigValue)
    case list([OperationArgument])
}

extension OperationArgument: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral
{
    public init(nilLiteral: ()) { self = .constant(.null) }
    public init(booleanLiteral value: Bool) { self = .constant(.bool(value)) }
    public init(integerLiteral value: Int) { self = .constant(.integer(value)) }
    public init(floatLiteral value: Double) { self = .constant(.float(value)) }
    public init(stringLiteral value: String) { self = .constant(.string(value)) }
    public init(arrayLiteral items: OperationArgument...) { self = .list(items) }

    /// In words, for errors.
    var summary: String {
        switch self {
        case .symbol(let symbol): "a tensor of shape \(symbol.shape)"
        case .constant(let value): value.summary
        case .list(let items): "a list of \(items.count)"
        }
    }

    /// The first tensor in it.
    var symbol: Symbol? {
        switch self {
        case .symbol(let symbol): symbol
        case .constant: nil
        case .list(let items): items.lazy.compactMap(\.symbol).first
        }
    }

    var argument: CallArguments.Argument {
        switch self {
        case .symbol(let symbol): return .signal(Signal(symbol.value, mask: symbol.maskValue))
        case .constant(let value): return .constant(value)
        case .list(let items):
            // Numbers alone are a constant.
            let values = items.compactMap { if case .constant(let value) = $0 { value } else { nil } }
            return values.count == items.count ? .constant(.array(values)) : .list(items.map(\.argument))
        }
    }
}

extension ops {
    /// Calls any function of `keras.ops` that can stand in a model, by Keras's name, with Keras's arguments:
    /// `ops.call("einsum", "ij,jk->ik", .symbol(x), .symbol(w))`, `ops.call("max", .symbol(x), keywords: ["axis": 1])`.
    ///
    /// Throws 64 `ops.name` for a function that isn't known, `ops.arguments` for arguments that it doesn't take.
    public static func call(
        _ function: String, _ arguments: OperationArgument..., keywords: KeyValuePairs<String, OperationArgument> = [:]
    ) throws(LocatedError) -> [Symbol] {
        try call(function, arguments, keywords.map { ($0.key, $0.value) })
    }

    /// - Parameter scope: where a call of constants alone puts its nodes.
    static func call(
        _ function: String, _ arguments: [OperationArgument], _ keywords: [(String, OperationArgument)],
        in scope: (any SymbolScope)? = nil
    ) throws(LocatedError) -> [Symbol] {
        var (arguments, keywords) = (arguments, keywords)
        // Keras's function takes what its node keeps in the configuration before the arrays.
        if function == "einsum", !arguments.isEmpty { keywords.append(("subscripts", arguments.removeFirst())) }
        guard let operation = Operation.byFunction[function] else {
            throw LocatedError(.usage, "ops.name", "expected a function of keras.ops that is computed, got \"\(function)\"")
        }
        let symbol = (arguments + keywords.map(\.1)).lazy.compactMap(\.symbol).first
        guard let context = (symbol?.scope ?? scope) as? LoweringContext else {
            throw LocatedError(.usage, "ops.arguments", "\(function) expected a tensor among its arguments, got none")
        }
        let known = operation.arguments + operation.attributes
        guard operation.arguments.isEmpty || function == "einsum" || arguments.count <= known.count else {
            throw LocatedError(
                .usage, "ops.arguments",
                "\(function) expected at most \(known.count) arguments (\(known.joined(separator: ", "))), got \(arguments.count)")
        }
        var call = CallArguments(positional: arguments.map(\.argument))
        for (key, value) in keywords {
            guard let place = known.firstIndex(of: key) else {
                throw LocatedError(
                    .usage, "ops.arguments", "\(function) expected the arguments \(known.joined(separator: ", ")), got \(key)")
            }
            guard place >= arguments.count || function == "einsum", call.keywords[key] == nil else {
                throw LocatedError(.usage, "ops.arguments", "\(function) expected each argument once, got \(key) twice")
            }
            call.keywords[key] = value.argument
        }
        return try context.outputs(of: operation, called: function, with: call).map { Symbol($0, in: context) }
    }
}

extension Operation {
    /// Every operation by its function's name in `keras.ops`: `log_softmax` of `ops.nn.LogSoftmax`.
    static let byFunction: [String: Operation] = {
        var functions: [String: Operation] = [:]
        // Where two modules have one name, they have one meaning, too.
        for (_, operation) in all.sorted(by: { $0.key < $1.key }) where functions[functionName(operation.name)] == nil {
            functions[functionName(operation.name)] = operation
        }
        for (alias, name) in ["abs": "absolute", "pow": "power", "swish": "silu", "hard_swish": "hard_silu"] {
            if functions[alias] == nil { functions[alias] = functions[name] }
        }
        return functions
    }()

    /// `ExpandDims` → `expand_dims`, `Logsumexp` → `logsumexp`.
    private static func functionName(_ className: String) -> String {
        className.replacing(/(.)([A-Z][a-z]+)/) { "\($0.output.1)_\($0.output.2)" }
            .replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }.lowercased()
    }
}
