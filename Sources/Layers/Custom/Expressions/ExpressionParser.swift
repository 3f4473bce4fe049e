internal import Tensors

/// Reads an expression by descent: comparisons, sums, products, signs, powers, what binds tightest last, as in Python.
struct ExpressionParser {
    private var tokens: [ExpressionToken]
    private var next = 0
    private var depth = 0

    private static let longest = 10_000
    /// Words; a chain of operators is as deep as it is long, and must not exhaust a thread's stack.
    private static let mostTokens = 400
    private static let deepest = 50
    /// What may stand before the name of a function.
    private static let prefixes = ["keras.ops.", "ops.", "keras.backend.", "K.", "keras.activations."]

    init(_ text: String) throws(LocatedError) {
        guard text.utf8.count <= Self.longest else {
            throw LocatedError(
                .usage, "expression.syntax", "expected an expression of at most \(Self.longest) characters, got \(text.utf8.count)")
        }
        tokens = try ExpressionToken.read(text)
        guard tokens.count <= Self.mostTokens else {
            throw LocatedError(
                .usage, "expression.syntax", "expected an expression of at most \(Self.mostTokens) words, got \(tokens.count)")
        }
    }

    mutating func parse() throws(LocatedError) -> TensorExpression.Node {
        let node = try comparison()
        guard peek.kind == .end else { throw wrong("an operator or the end") }
        return node
    }

    // MARK: - Levels

    private mutating func comparison() throws(LocatedError) -> TensorExpression.Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw wrong("an expression of at most \(Self.deepest) levels") }
        let left = try sum()
        let names = ["<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "not_equal"]
        guard case .symbol(let text) = peek.kind, let name = names[text] else { return left }
        next += 1
        return .call(name, [left, try sum()], [])
    }

    private mutating func sum() throws(LocatedError) -> TensorExpression.Node {
        try chain(["+": "add", "-": "subtract"]) { (parser) throws(LocatedError) in try parser.product() }
    }

    private mutating func product() throws(LocatedError) -> TensorExpression.Node {
        try chain(["*": "multiply", "/": "divide", "//": "floor_divide", "%": "mod", "@": "matmul"]) {
            (parser) throws(LocatedError) in try parser.sign()
        }
    }

    private mutating func chain(
        _ names: [String: String], _ operand: (inout ExpressionParser) throws(LocatedError) -> TensorExpression.Node
    ) throws(LocatedError) -> TensorExpression.Node {
        var node = try operand(&self)
        while case .symbol(let text) = peek.kind, let name = names[text] {
            next += 1
            node = .call(name, [node, try operand(&self)], [])
        }
        return node
    }

    private mutating func sign() throws(LocatedError) -> TensorExpression.Node {
        guard case .symbol(let text) = peek.kind, text == "-" || text == "+" else { return try power() }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw wrong("an expression of at most \(Self.deepest) levels") }
        next += 1
        let node = try sign()
        if text == "+" { return node }
        if case .number(let number, let isInteger) = node { return .number(-number, isInteger: isInteger) }
        return .call("negative", [node], [])
    }

    /// Binds tighter than a sign before it, looser than one behind: -x**2, 2**-1.
    private mutating func power() throws(LocatedError) -> TensorExpression.Node {
        let base = try primary()
        guard take("**") else { return base }
        return .call("power", [base, try sign()], [])
    }

    private mutating func primary() throws(LocatedError) -> TensorExpression.Node {
        let token = peek
        switch token.kind {
        case .number(let number, let isInteger):
            next += 1
            return .number(number, isInteger: isInteger)
        case .word(let text):
            next += 1
            return .word(text)
        case .name(let name):
            next += 1
            if take("(") { return try call(name, token) }
            return try word(name, token)
        case .symbol("("):
            next += 1
            let first = try comparison()
            guard take(",") else {
                try expect(")")
                return first
            }
            return .list([first] + (try items(until: ")")))
        case .symbol("["):
            next += 1
            return .list(try items(until: "]"))
        default: throw wrong("a number, x, a function or a bracket")
        }
    }

    private func word(_ name: String, _ token: ExpressionToken) throws(LocatedError) -> TensorExpression.Node {
        if name == "x" { return .input(nil) }
        if name.hasPrefix("x"), let index = Int(name.dropFirst()), index >= 0, index < 1_000 { return .input(index) }
        if ["None", "True", "False"].contains(name) { return .constant(name) }
        if name == "pi" { return .number(.pi) }
        throw unknown(name, token, "x, x0, x1, …, pi or a function with its arguments", names: [])
    }

    private mutating func call(_ name: String, _ token: ExpressionToken) throws(LocatedError) -> TensorExpression.Node {
        var plain = name
        if let prefix = Self.prefixes.first(where: plain.hasPrefix) { plain.removeFirst(prefix.count) }
        guard Operation.byFunction[plain] != nil else {
            let names = Operation.byFunction.keys.sorted()
            let near = names.filter { plain.count > 1 && $0.hasPrefix(plain.prefix(2)) }
            throw unknown(name, token, "a function of keras.ops that is known", names: near.isEmpty ? names : near)
        }
        var positional: [TensorExpression.Node] = []
        var keywords: [TensorExpression.Keyword] = []
        while !take(")") {
            if case .name(let key) = peek.kind, tokens[next + 1].kind == .symbol("=") {
                next += 2
                keywords.append(TensorExpression.Keyword(name: key, value: try comparison()))
            } else {
                guard keywords.isEmpty else { throw wrong("an argument with a name, behind one that has a name") }
                positional.append(try comparison())
            }
            guard take(",") else {
                try expect(")")
                break
            }
        }
        return .call(plain, positional, keywords)
    }

    private mutating func items(until end: String) throws(LocatedError) -> [TensorExpression.Node] {
        var items: [TensorExpression.Node] = []
        while !take(end) {
            items.append(try comparison())
            guard take(",") else {
                try expect(end)
                break
            }
        }
        return items
    }

    // MARK: - Tokens

    private var peek: ExpressionToken { tokens[min(next, tokens.count - 1)] }

    private mutating func take(_ symbol: String) -> Bool {
        guard peek.kind == .symbol(symbol) else { return false }
        next += 1
        return true
    }

    private mutating func expect(_ symbol: String) throws(LocatedError) {
        guard take(symbol) else { throw wrong("\"\(symbol)\"") }
    }

    private func wrong(_ expected: String) -> LocatedError {
        LocatedError(
            .usage, "expression.syntax", "expected \(expected), got \(peek.summary)", at: ["character \(peek.position + 1)"])
    }

    private func unknown(
        _ name: String, _ token: ExpressionToken, _ expected: String, names: [String]
    ) -> LocatedError {
        LocatedError(
            .usage, "expression.name", "expected \(expected), got \"\(name)\"", at: ["character \(token.position + 1)"],
            hint: names.isEmpty ? nil : "Functions are \(names.joined(separator: ", ")).")
    }
}

/// A word of an expression, and where it stands.
struct ExpressionToken: Equatable {
    enum Kind: Equatable {
        case number(Double, isInteger: Bool)
        /// In quotes.
        case word(String)
        /// With the dots in it: `keras.ops.relu`.
        case name(String)
        case symbol(String)
        case end
    }

    var kind: Kind
    /// In characters, from 0.
    var position: Int

    var summary: String {
        switch kind {
        case .number(let number, _): "the number \(number)"
        case .word(let text): "the word '\(text)'"
        case .name(let name): "\"\(name)\""
        case .symbol(let symbol): "\"\(symbol)\""
        case .end: "the end"
        }
    }

    /// The words of a text, ended by `end`.
    static func read(_ text: String) throws(LocatedError) -> [ExpressionToken] {
        let characters = Array(text)
        var tokens: [ExpressionToken] = []
        var place = 0
        func run(_ accepts: (Character) -> Bool) -> String {
            let start = place
            while place < characters.count, accepts(characters[place]) { place += 1 }
            return String(characters[start..<place])
        }
        while place < characters.count {
            let (character, start) = (characters[place], place)
            let hasDigit = place + 1 < characters.count && characters[place + 1].isASCIIDigit
            if character.isWhitespace {
                place += 1
            } else if character.isASCIIDigit || (character == "." && hasDigit) {
                var digits = run { $0.isASCIIDigit || $0 == "." || $0 == "_" }
                if place < characters.count, characters[place] == "e" || characters[place] == "E" {
                    digits += "e"
                    place += 1
                    digits += run { $0 == "+" || $0 == "-" }
                    digits += run(\.isASCIIDigit)
                }
                // Python writes "1." for 1.0.
                if digits.hasSuffix(".") { digits += "0" }
                guard let number = Double(digits.filter { $0 != "_" }), number.isFinite else {
                    throw LocatedError(.usage, "expression.syntax", "expected a number, got \"\(digits)\"", at: ["character \(start + 1)"])
                }
                let isInteger = !digits.contains { $0 == "." || $0 == "e" }
                tokens.append(ExpressionToken(kind: .number(number, isInteger: isInteger), position: start))
            } else if character == "'" || character == "\"" {
                place += 1
                let text = run { $0 != character && $0 != "\\" }
                guard place < characters.count, characters[place] == character else {
                    throw LocatedError(
                        .usage, "expression.syntax", "expected a word in quotes, got one that doesn't end", at: ["character \(start + 1)"])
                }
                place += 1
                tokens.append(ExpressionToken(kind: .word(text), position: start))
            } else if character.isASCIILetter {
                tokens.append(ExpressionToken(kind: .name(run { $0.isASCIILetter || $0.isASCIIDigit || $0 == "." }), position: start))
            } else {
                let pair = String(characters[place..<min(place + 2, characters.count)])
                let symbol = ["**", "//", "<=", ">=", "==", "!="].contains(pair) ? pair : String(character)
                guard symbol.count == 2 || "+-*/%@()[],=<>".contains(character) else {
                    throw LocatedError(
                        .usage, "expression.syntax", "expected an expression, got \"\(character)\"", at: ["character \(start + 1)"])
                }
                place += symbol.count
                tokens.append(ExpressionToken(kind: .symbol(symbol), position: start))
            }
        }
        return tokens + [ExpressionToken(kind: .end, position: characters.count)]
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
    fileprivate var isASCIILetter: Bool { isASCII && isLetter || self == "_" }
}
