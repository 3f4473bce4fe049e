package import Graphs
package import KerasSpec
public import Tensors

/// Whole numbers as indices into a vocabulary, or the way back.
///
/// Indices, shapes and weights: as StringLookup's. Several indices for unknown numbers: by the rest of a division, or by a hash
/// (`oov_method` `farmhash`).
/// Config: StringLookup's but `encoding`, and `vocabulary_dtype` (int64).
/// Differs from Keras: as StringLookup; whole numbers must fit in 32 bits.
/// Source: keras/src/layers/preprocessing/integer_lookup.py, index_lookup.py (3.15).
public struct IntegerLookup: VocabularyLayer {
    public static let className = "IntegerLookup"
    public var common: LayerCommon
    var lookup = IndexLookup(isText: false)

    /// - Parameters:
    ///   - maxTokens: the most indices, those for the mask and unknown numbers included.
    ///   - vocabulary: different numbers, in the order of their indices; nil until `adapt`.
    ///   - idfWeights: one for each number, for mode `tfIDF`.
    ///   - invert: from indices to numbers.
    public init(
        maxTokens: Int? = nil, numOOVIndices: Int = 1, maskToken: Int? = nil, oovToken: Int = -1, vocabulary: [Int]? = nil,
        idfWeights: [Double]? = nil, invert: Bool = false, outputMode: LookupOutput = .int, sparse: Bool = false,
        padToMaxTokens: Bool = false, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, dtype: "int64", inputShape: inputShape)
        lookup.invert = invert
        lookup.maxTokens = maxTokens
        lookup.numOOVIndices = numOOVIndices
        lookup.maskToken = maskToken.map(VocabularyToken.integer)
        lookup.oovToken = .integer(oovToken)
        lookup.outputMode = outputMode
        lookup.sparse = sparse
        lookup.padToMaxTokens = padToMaxTokens
        lookup.idfWeights = idfWeights.map { .array($0.map(ConfigValue.float)) } ?? .null
        lookup.vocabulary = vocabulary.map { $0.map(VocabularyToken.integer) }
        lookup.prepare()
        lookup.vocabularySize = lookup.size
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        try lookup.read(&config)
        let type = try config.string("vocabulary_dtype", default: "int64")
        guard type == "int64" else { throw config.wrong("vocabulary_dtype", "int64", .string(type)) }
        lookup.prepare()
    }

    package func encode(into config: inout ConfigObject) { lookup.encode(into: &config, vocabularyType: true) }

    package mutating func read(vocabulary bytes: [UInt8]) throws(LocatedError) { try lookup.read(vocabulary: bytes) }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] { try lookup.slots() }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [Signal(try lookup.lower(try inputs.single().value, context))]
    }
}

extension IntegerLookup {
    /// Every number in the order of its index, those for the mask and unknown numbers included; empty before there is a vocabulary.
    public var vocabulary: [Int] {
        lookup.size == nil ? [] : lookup.everyToken.map { if case .integer(let number) = $0 { number } else { -1 } }
    }

    /// Learns the vocabulary of some numbers: the most frequent first. What was learned before is forgotten.
    ///
    /// - Parameter data: whole numbers; a row is a document, for mode `tfIDF`.
    public mutating func adapt(_ data: Tensor) throws(LocatedError) {
        guard data.dtype.isInteger else {
            throw LocatedError(.usage, "adapt.dtype", "expected whole numbers, got \(data.dtype.rawValue)")
        }
        let rows = data.shape.rank > 0 ? data.shape[0] : 1
        let all = data.asType(.int64).array(as: Int64.self), width = rows == 0 ? 0 : all.count / rows
        try lookup.adapt((0..<rows).map { row in all[row * width..<(row + 1) * width].map { VocabularyToken.integer(Int($0)) } })
    }
}
