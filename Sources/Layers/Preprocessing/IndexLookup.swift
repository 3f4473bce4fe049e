#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif
import Graphs
import KerasSpec
internal import Ops
package import Tensors

/// What a lookup makes of tokens: Keras's `output_mode`.
public enum LookupOutput: String, Sendable, CaseIterable {
    /// The indices themselves.
    case int
    /// A vector for each token, 1 at its place.
    case oneHot = "one_hot"
    /// A vector for each sample, 1 at the place of each token that is there.
    case multiHot = "multi_hot"
    /// A vector for each sample: how often each token is there.
    case count
    /// The same, times the weight of each token.
    case tfIDF = "tf_idf"

    /// Its value for Keras's older words.
    init?(word: String) { self.init(rawValue: word == "binary" ? "multi_hot" : word == "tf-idf" ? "tf_idf" : word) }

    var category: CategoryOutput { self == .tfIDF ? .count : CategoryOutput(rawValue: rawValue) ?? .int }
}

/// A token of a vocabulary.
enum VocabularyToken: Hashable, Sendable {
    case string(String)
    case integer(Int)

    init?(_ value: ConfigValue) {
        switch value {
        case .string(let text): self = .string(text)
        case .integer(let number): self = .integer(number)
        case .float(let number): if let number = Int(exactly: number) { self = .integer(number) } else { return nil }
        default: return nil
        }
    }

    var config: ConfigValue {
        switch self {
        case .string(let text): .string(text)
        case .integer(let number): .integer(number)
        }
    }

    var bytes: [UInt8] {
        switch self {
        case .string(let text): [UInt8](text.utf8)
        case .integer(let number): [UInt8]("\(number)".utf8)
        }
    }
}

/// What StringLookup, IntegerLookup and TextVectorization have in common: a vocabulary, and what becomes of tokens.
///
/// Indices: 0 for the mask (in mode `int`, when there is one), then those for unknown tokens, then the vocabulary's.
struct IndexLookup: Sendable {
    let isText: Bool
    var invert = false
    var maxTokens: Int?
    var numOOVIndices = 1
    var oovToken: VocabularyToken?
    var maskToken: VocabularyToken?
    var outputMode = LookupOutput.int
    var sparse = false
    var padToMaxTokens = false
    var idfWeights: ConfigValue = .null
    /// As the configuration has it: special tokens may stand in front.
    var vocabulary: [VocabularyToken]? { didSet { settle() } }
    /// As a file beside the configuration has it.
    var stored: [VocabularyToken]? { didSet { settle() } }
    /// What the configuration says of it.
    var vocabularySize: Int?
    var oovMethod = "floormod"
    var salt: [Int]?

    /// Without special tokens; what was read or built last.
    private(set) var tokens: [VocabularyToken] = []
    /// Whether special tokens stood in front of them.
    private(set) var hadSpecials = false
    private var table: TokenTable?

    init(isText: Bool) { self.isText = isText }

    /// Reads the keys that lookups share, but not `vocabulary_dtype` and `encoding`.
    mutating func read(_ config: inout ConfigReader) throws(LocatedError) {
        invert = try config.bool("invert", default: false)
        maxTokens = try config.optionalInteger("max_tokens", atLeast: 2)
        numOOVIndices = try config.integer("num_oov_indices", default: 1, atLeast: 0)
        oovToken = try token("oov_token", &config, default: isText ? .string("[UNK]") : .integer(-1))
        maskToken = try token("mask_token", &config, default: nil)
        outputMode = try config.lookupOutput("output_mode")
        sparse = try config.bool("sparse", default: false)
        padToMaxTokens = try config.bool("pad_to_max_tokens", default: false)
        idfWeights = config.value("idf_weights") ?? .null
        vocabulary = try Self.vocabulary(&config, isText: isText)
        vocabularySize = try config.optionalInteger("vocabulary_size", atLeast: 0)
        oovMethod = try config.string("oov_method", default: "floormod")
        guard ["floormod", "farmhash"].contains(oovMethod) else { throw config.wrong("oov_method", "floormod or farmhash", .string(oovMethod)) }
        salt = try config.salt("salt")
        config.ignore("has_input_vocabulary")
        guard !invert || outputMode == .int else { throw config.wrong("output_mode", "int, with invert", .string(outputMode.rawValue)) }
        guard !padToMaxTokens || maxTokens != nil else { throw config.wrong("max_tokens", "a number, with pad_to_max_tokens", .null) }
    }

    func encode(into config: inout ConfigObject, vocabularyType: Bool) {
        config["invert"] = .bool(invert)
        config["max_tokens"] = maxTokens.map(ConfigValue.integer) ?? .null
        config["num_oov_indices"] = .integer(numOOVIndices)
        config["oov_token"] = oovToken?.config ?? .null
        config["mask_token"] = maskToken?.config ?? .null
        config["output_mode"] = .string(outputMode.rawValue)
        config["sparse"] = .bool(sparse)
        config["pad_to_max_tokens"] = .bool(padToMaxTokens)
        if vocabularyType { config["vocabulary_dtype"] = "int64" }
        config["idf_weights"] = idfWeights
        config["vocabulary"] = vocabulary.map { .array($0.map(\.config)) } ?? .null
        config["vocabulary_size"] = vocabularySize.map(ConfigValue.integer) ?? .null
        config["oov_method"] = .string(oovMethod)
        config["salt"] = salt.map { .array($0.map(ConfigValue.integer)) } ?? .null
    }

    private func token(_ key: String, _ config: inout ConfigReader, default fallback: VocabularyToken?) throws(LocatedError) -> VocabularyToken? {
        guard let value = config.value(key) else { return fallback }
        guard !value.isNull else { return nil }
        guard let token = VocabularyToken(value), isText == (value.string != nil) else {
            throw config.wrong(key, isText ? "text or null" : "an integer or null", value)
        }
        return token
    }

    static func vocabulary(_ config: inout ConfigReader, isText: Bool) throws(LocatedError) -> [VocabularyToken]? {
        guard let value = config.value("vocabulary"), !value.isNull else { return nil }
        guard let items = OperationCall.plain(value).array else {
            throw LocatedError(
                .unsupported, "layer.vocabulary", "expected a list of tokens, got \(value.summary)", at: ["config/vocabulary"],
                hint: "Files outside of a model are not read for it.")
        }
        let tokens = items.compactMap(VocabularyToken.init)
        guard tokens.count == items.count, tokens.allSatisfy({ if case .string = $0 { isText } else { !isText } }),
            tokens.count < 1 << 30
        else { throw config.wrong("vocabulary", isText ? "a list of texts" : "a list of integers", value) }
        return tokens
    }

    // MARK: the vocabulary

    var oovStart: Int { maskToken != nil && outputMode == .int ? 1 : 0 }
    var tokenStart: Int { oovStart + numOOVIndices }
    /// The number of indices; nil while there is no vocabulary.
    var size: Int? { vocabulary == nil && stored == nil ? nil : tokenStart + tokens.count }
    /// The length of vectors.
    var depth: Int? { padToMaxTokens ? maxTokens : size }

    /// Every token in the order of its index, special ones included.
    var everyToken: [VocabularyToken] {
        (maskToken.map { oovStart == 1 ? [$0] : [] } ?? []) + Array(repeating: oovToken ?? (isText ? .string("") : .integer(-1)), count: numOOVIndices) + tokens
    }

    private mutating func settle() {
        var all = vocabulary ?? stored ?? []
        let specials = [VocabularyToken?](repeating: maskToken, count: oovStart) + [VocabularyToken?](repeating: oovToken, count: numOOVIndices)
        hadSpecials = all.count >= specials.count && zip(all, specials).allSatisfy { $0 == $1 }
        if hadSpecials { all.removeFirst(specials.count) }
        tokens = all
        table = nil
    }

    /// Makes the table once, for all lowerings.
    mutating func prepare() {
        settle()
        if isText { table = TokenTable(invert ? everyToken.map(\.bytes) + [(oovToken ?? .string("")).bytes] : tokens.map(\.bytes)) }
    }

    /// Reads `vocabulary.txt`: a token on each line.
    mutating func read(vocabulary bytes: [UInt8]) throws(LocatedError) {
        guard vocabulary == nil else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        // Python's splitlines.
        var lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
        while lines.last == "" { lines.removeLast() }
        if isText {
            stored = lines.map(VocabularyToken.string)
        } else {
            stored = try lines.enumerated().map { (place, line) throws(LocatedError) in
                guard let number = Int(line) else {
                    throw LocatedError(
                        .invalid, "vocabulary.token", "expected an integer on each line, got \"\(line.prefix(40))\"", at: ["vocabulary.txt", "line \(place + 1)"])
                }
                return VocabularyToken.integer(number)
            }
        }
        prepare()
    }

    // MARK: graphs

    private func requireVocabulary(_ context: LoweringContext) throws(LocatedError) {
        guard size != nil else {
            throw LocatedError(
                .unsupported, "layer.vocabulary", "expected a vocabulary, got none", at: [context.label],
                hint: "A .keras file holds it beside the architecture; adapt makes one.")
        }
        guard Set(tokens).count == tokens.count else {
            throw LocatedError(.invalid, "layer.vocabulary", "expected different tokens, got some more than once", at: [context.label])
        }
        if let maxTokens, let size, size > maxTokens {
            throw LocatedError(.invalid, "layer.vocabulary", "expected at most \(maxTokens) tokens, got \(size)", at: [context.label])
        }
    }

    /// The op that looks up, for any mode but `invert`.
    func op(_ context: LoweringContext) throws(LocatedError) -> Lookup {
        try requireVocabulary(context)
        let start = Int32(tokenStart), first = Int32(oovStart)
        let unknown: Lookup.Unknown =
            switch numOOVIndices {
            case 0: .index(-1)
            case 1: .index(first)
            default:
                !isText && oovMethod == "floormod"
                    ? .remainder(count: numOOVIndices, start: first)
                    : .hashed(StringHash(salt: salt), count: numOOVIndices, start: first)
            }
        let mask = maskToken.map { token -> (token: [UInt8], number: Int64, index: Int32) in
            var number: Int64 = 0
            if case .integer(let own) = token { number = Int64(own) }
            return (token.bytes, number, outputMode == .int ? 0 : .max)
        }
        let contents: Lookup.Table
        if isText {
            contents = .strings(table ?? TokenTable(tokens.map(\.bytes)))
        } else {
            var places: [Int64: Int32] = [:]
            for (place, token) in tokens.enumerated() { if case .integer(let number) = token { places[Int64(number)] = Int32(place) } }
            contents = .integers(places)
        }
        return Lookup(contents, start: start, unknown: unknown, mask: mask)
    }

    func lower(_ input: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        if invert { return try inverted(input, context) }
        let lookup = try op(context)
        let value = isText || context.dtype(input) == .string ? input : try context.wholeNumbers(input)
        if numOOVIndices == 0 { try context.requireKnown(value, lookup) }
        return try encoded(try context.apply(lookup, value), context)
    }

    private func inverted(_ input: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try requireVocabulary(context)
        let value = try context.wholeNumbers(input)
        if isText {
            return try context.apply(
                TokenOfIndex(.strings(table ?? TokenTable(everyToken.map(\.bytes) + [(oovToken ?? .string("")).bytes]))), value)
        }
        var numbers: [Int32] = []
        for token in everyToken + [oovToken ?? .integer(-1)] {
            guard case .integer(let number) = token, let number = Int32(exactly: number) else {
                throw LocatedError(
                    .unsupported, "layer.vocabulary", "expected tokens that fit in 32 bits for an inverted lookup, got \(token.config.summary)",
                    at: [context.label])
            }
            numbers.append(number)
        }
        return try context.apply(TokenOfIndex(.integers(numbers)), value)
    }

    /// Indices in the form that the mode asks for.
    func encoded(_ indices: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        guard outputMode != .int else { return indices }
        guard let depth else { preconditionFailure("a vocabulary without a size") }
        return try weighted(try context.encoded(indices, outputMode.category, depth: depth), context)
    }

    /// Counts times the tokens' weights, in mode `tf_idf`.
    func weighted(_ counts: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        guard outputMode == .tfIDF else { return counts }
        return try context.multiply(counts, context.weight("idf_weights"))
    }

    // MARK: weights

    /// The weights of the tokens, in mode `tf_idf`.
    func slots(path: [String] = []) throws(LocatedError) -> [WeightSlot] {
        guard outputMode == .tfIDF, let depth else { return [] }
        let values = try idf(depth: depth)
        return [
            WeightSlot(
                path: path + ["idf_weights"], shape: [depth], trainable: false,
                initializer: values.map { Initializer.values($0).config } ?? Initializer.zeros.config)
        ]
    }

    /// The configuration's weights as they are applied: for unknown tokens the mean of all.
    private func idf(depth: Int) throws(LocatedError) -> [Double]? {
        guard !idfWeights.isNull, let vocabulary else { return nil }
        let numbers = OperationCall.plain(idfWeights).array?.compactMap(\.number) ?? []
        guard numbers.count == vocabulary.count, numbers.count <= depth else {
            throw LocatedError(
                .invalid, "layer.idf", "expected as many idf_weights as tokens (\(vocabulary.count)), got \(numbers.count)",
                at: ["config/idf_weights"])
        }
        let front = hadSpecials ? 0 : tokenStart
        let mean = numbers.isEmpty ? 0 : numbers.reduce(0, +) / Double(numbers.count)
        let all = [Double](repeating: mean, count: front) + numbers
        return all + [Double](repeating: 0, count: max(0, depth - all.count))
    }

    // MARK: adapt

    /// Learns a vocabulary: the most frequent tokens first, of equally frequent ones the last in order first.
    ///
    /// - Parameter samples: the tokens of each sample.
    mutating func adapt(_ samples: [[VocabularyToken]]) throws(LocatedError) {
        var counts: [VocabularyToken: Int] = [:], documents: [VocabularyToken: Int] = [:]
        for sample in samples {
            for token in sample { counts[token, default: 0] += 1 }
            if outputMode == .tfIDF { for token in Set(sample) { documents[token, default: 0] += 1 } }
        }
        for special in [maskToken, oovToken] { if let special { counts[special] = nil } }
        guard !counts.isEmpty else { throw LocatedError(.usage, "adapt.empty", "expected tokens, got none") }
        func precedes(_ a: VocabularyToken, _ b: VocabularyToken) -> Bool {
            switch (a, b) {
            case (.integer(let a), .integer(let b)): a < b
            default: a.bytes.lexicographicallyPrecedes(b.bytes)
            }
        }
        var order = counts.sorted { a, b in a.value != b.value ? a.value > b.value : precedes(b.key, a.key) }.map(\.key)
        if let maxTokens { order = Array(order.prefix(max(0, maxTokens - tokenStart))) }
        stored = nil
        vocabulary = order
        vocabularySize = tokenStart + order.count
        if outputMode == .tfIDF {
            idfWeights = .array(order.map { .float(Double(Float(log(1 + Double(samples.count) / (1 + Double(documents[$0] ?? 0)))))) })
        }
        prepare()
    }
}

extension ConfigReader {
    mutating func lookupOutput(_ key: String) throws(LocatedError) -> LookupOutput {
        guard let value = value(key), !value.isNull else { return .int }
        guard let word = value.string, let mode = LookupOutput(word: word) else {
            throw wrong(key, "int, one_hot, multi_hot, count or tf_idf", value)
        }
        return mode
    }
}

/// A layer that keeps a vocabulary in a file beside its arrays.
package protocol VocabularyLayer: BuiltInLayer {
    /// Takes the lines of `vocabulary.txt`, unless the configuration has a vocabulary.
    mutating func read(vocabulary bytes: [UInt8]) throws(LocatedError)
}
