package import Graphs
package import KerasSpec
internal import Ops
public import Tensors

/// Text as indices of its words in a vocabulary, or as counts of them.
///
/// Formula: small letters and no punctuation (of ASCII), cut at white space, n-grams in the order of `ngrams`, looked up: 0 fills,
/// 1 is an unknown token.
/// Shapes: (batch) or (batch, 1) → `int`: (batch, `output_sequence_length`), as many as the longest sample has where that is null;
/// other modes: (batch, tokens).
/// Weights: idf_weights (tokens), in mode `tf_idf`. The vocabulary stands in the configuration, or in `vocabulary.txt` of a `.keras`
/// archive.
/// Config: `max_tokens`, `standardize`, `split`, `ngrams`, `output_mode`, `output_sequence_length`, `pad_to_max_tokens`, `sparse`,
/// `ragged`, `vocabulary`, `idf_weights`, `encoding`, `vocabulary_size`.
/// Differs from Keras: functions for `standardize` and `split`, and `ragged`, are refused; `sparse` results are dense; where the
/// length is null, the layer's input must be the model's.
/// Source: keras/src/layers/preprocessing/text_vectorization.py (3.15).
public struct TextVectorization: VocabularyLayer {
    /// What is done to text before it is cut.
    public enum Standardize: String, Sendable, CaseIterable {
        case lowerAndStripPunctuation = "lower_and_strip_punctuation"
        case lower
        case stripPunctuation = "strip_punctuation"
    }

    /// Where text is cut.
    public enum Split: String, Sendable, CaseIterable {
        case whitespace
        case character
    }

    public static let className = "TextVectorization"
    public var common: LayerCommon
    public var standardize: Standardize?
    public var split: Split?
    /// As the configuration has it: a number stands for all up to it.
    private var ngrams: ConfigValue = .null
    public var outputSequenceLength: Int?
    private var encoding = "utf-8"
    var lookup = IndexLookup(isText: true)

    /// - Parameters:
    ///   - maxTokens: the most indices, 0 and 1 included.
    ///   - ngrams: the numbers of words that stand together.
    ///   - outputSequenceLength: for mode `int`; nil: as the longest sample.
    ///   - vocabulary: different tokens in the order of their indices; nil until `adapt`.
    public init(
        maxTokens: Int? = nil, standardize: Standardize? = .lowerAndStripPunctuation, split: Split? = .whitespace, ngrams: [Int]? = nil,
        outputMode: LookupOutput = .int, outputSequenceLength: Int? = nil, padToMaxTokens: Bool = false, vocabulary: [String]? = nil,
        idfWeights: [Double]? = nil, sparse: Bool = false, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams.map { .array($0.map(ConfigValue.integer)) } ?? .null
        self.outputSequenceLength = outputSequenceLength
        lookup.oovToken = .string("[UNK]")
        lookup.maskToken = .string("")
        lookup.maxTokens = maxTokens
        lookup.outputMode = outputMode
        lookup.sparse = sparse
        lookup.padToMaxTokens = padToMaxTokens
        lookup.idfWeights = idfWeights.map { .array($0.map(ConfigValue.float)) } ?? .null
        lookup.vocabulary = vocabulary.map { $0.map(VocabularyToken.string) }
        lookup.prepare()
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        standardize = try Self.choice("standardize", &config)
        split = try Self.choice("split", &config)
        ngrams = OperationCall.plain(config.value("ngrams") ?? .null)
        outputSequenceLength = try config.optionalInteger("output_sequence_length", atLeast: 0)
        encoding = try config.string("encoding", default: "utf-8")
        try config.requireUTF8(encoding)
        if try config.bool("ragged", default: false) {
            throw LocatedError(.unsupported, "layer.ragged", "expected ragged to be false, got true", at: ["config/ragged"])
        }
        lookup.oovToken = .string("[UNK]")
        lookup.maskToken = .string("")
        lookup.maxTokens = try config.optionalInteger("max_tokens", atLeast: 2)
        lookup.outputMode = try config.lookupOutput("output_mode")
        lookup.padToMaxTokens = try config.bool("pad_to_max_tokens", default: false)
        lookup.sparse = try config.bool("sparse", default: false)
        lookup.idfWeights = config.value("idf_weights") ?? .null
        lookup.vocabulary = try IndexLookup.vocabulary(&config, isText: true)
        lookup.vocabularySize = try config.optionalInteger("vocabulary_size", atLeast: 0)
        lookup.prepare()
        guard widths != nil else { throw config.wrong("ngrams", "an integer or integers from 1 to \(TextRules.mostWords), or null", ngrams) }
        guard outputSequenceLength == nil || lookup.outputMode == .int else {
            throw config.wrong("output_sequence_length", "null but for output_mode int", .integer(outputSequenceLength ?? 0))
        }
        guard lookup.outputMode != .oneHot else {
            throw LocatedError(
                .unsupported, "layer.oneHot", "expected int, multi_hot, count or tf_idf, got one_hot", at: ["config/output_mode"])
        }
    }

    /// A word, or null. Throws for a function.
    private static func choice<Word: RawRepresentable & CaseIterable>(
        _ key: String, _ config: inout ConfigReader
    ) throws(LocatedError) -> Word? where Word.RawValue == String {
        guard let value = config.value(key), !value.isNull else { return nil }
        guard let text = value.string else {
            throw LocatedError(
                .unsupported, "layer.function", "expected a word that Keras knows, got \(value.summary)", at: ["config/\(key)"],
                hint: "Code in files is never run.")
        }
        guard let word = Word(rawValue: text) else {
            throw config.wrong(key, Word.allCases.map(\.rawValue).joined(separator: ", ") + " or null", value)
        }
        return word
    }

    package func encode(into config: inout ConfigObject) {
        config["max_tokens"] = lookup.maxTokens.map(ConfigValue.integer) ?? .null
        config["standardize"] = standardize.map { .string($0.rawValue) } ?? .null
        config["split"] = split.map { .string($0.rawValue) } ?? .null
        config["ngrams"] = ngrams
        config["output_mode"] = .string(lookup.outputMode.rawValue)
        config["output_sequence_length"] = outputSequenceLength.map(ConfigValue.integer) ?? .null
        config["pad_to_max_tokens"] = .bool(lookup.padToMaxTokens)
        config["sparse"] = .bool(lookup.sparse)
        config["ragged"] = false
        config["vocabulary"] = lookup.vocabulary.map { .array($0.map(\.config)) } ?? .null
        config["idf_weights"] = lookup.idfWeights
        config["encoding"] = .string(encoding)
        config["vocabulary_size"] = (lookup.size ?? lookup.vocabularySize).map(ConfigValue.integer) ?? .null
    }

    package mutating func read(vocabulary bytes: [UInt8]) throws(LocatedError) { try lookup.read(vocabulary: bytes) }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] { try lookup.slots() }

    /// Numbers of words; nil for what isn't right.
    private var widths: [Int]? {
        switch ngrams {
        case .null: return []
        case .integer(let number): return (1...TextRules.mostWords).contains(number) ? Array(1...number) : nil
        case .array(let items):
            let numbers = items.compactMap(\.integer)
            return numbers.count == items.count && !numbers.isEmpty && numbers.allSatisfy((1...TextRules.mostWords).contains) ? numbers : nil
        default: return nil
        }
    }

    private var rules: TextRules {
        TextRules(
            lowers: standardize == .lower || standardize == .lowerAndStripPunctuation,
            strips: standardize == .stripPunctuation || standardize == .lowerAndStripPunctuation,
            split: split == .whitespace ? .whitespace : split == .character ? .character : .none, ngrams: widths ?? [])
    }

    /// Whether the length of the output depends on what the text is.
    package var measuresInput: Bool { lookup.outputMode == .int && outputSequenceLength == nil }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value, shape = context.shape(input)
        guard (1...2).contains(shape.rank), split == nil || shape.rank == 1 || shape[1] == nil || shape[1] == 1 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected text of the shape (batch) or (batch, 1), got \(shape)", at: [context.label])
        }
        let op = try lookup.op(context)
        guard lookup.outputMode == .int else {
            guard let depth = lookup.depth else { preconditionFailure("a vocabulary without a size") }
            let counts = try context.apply(TokenIndices(rules, op, .counts(depth: depth, binary: lookup.outputMode == .multiHot)), input)
            return [Signal(try lookup.weighted(counts, context))]
        }
        if split == nil, widths?.isEmpty == true, outputSequenceLength == nil {
            return [Signal(try context.apply(TokenIndices(rules, op, .indices(length: shape.rank == 1 ? 1 : shape[1] ?? 1)), input))]
        }
        let length: Int?
        if let outputSequenceLength {
            length = outputSequenceLength
        } else {
            length = try context.measured(input, .tokens(TokenIndices(rules, op, .indices(length: nil))))
        }
        return [Signal(try context.apply(TokenIndices(rules, op, .indices(length: length)), input))]
    }
}

extension TextVectorization {
    /// Every token in the order of its index, "" and "[UNK]" in front; empty before there is a vocabulary.
    public var vocabulary: [String] { lookup.size == nil ? [] : lookup.everyToken.map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// Learns the vocabulary of some text: the most frequent tokens first. What was learned before is forgotten.
    ///
    /// - Parameter data: strings, each a document, for mode `tfIDF`.
    /// - Throws: `.usage` for numbers, or no tokens.
    public mutating func adapt(_ data: Tensor) throws(LocatedError) {
        guard data.dtype == .string else { throw LocatedError(.usage, "adapt.dtype", "expected strings, got \(data.dtype.rawValue)") }
        try lookup.adapt(rules.tokens(data).map { $0.map { VocabularyToken.string(String(decoding: $0, as: UTF8.self)) } })
    }
}
