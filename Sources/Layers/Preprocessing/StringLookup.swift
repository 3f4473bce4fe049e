package import Graphs
package import KerasSpec
public import Tensors

/// Text as indices into a vocabulary, or the way back.
///
/// Indices: 0 for `mask_token` (mode `int`, when there is one), then `num_oov_indices` for unknown tokens (several: by a hash), then
/// the vocabulary's.
/// Shapes: `int`: any → the same, whole numbers (with `invert` text); `one_hot`: (…) or (…, 1) → (…, tokens); other modes: (batch,
/// n) → (batch, tokens). The mask goes.
/// Weights: idf_weights (tokens), in mode `tf_idf`. The vocabulary stands in the configuration, or in `vocabulary.txt` of a `.keras`
/// archive.
/// Config: `invert`, `max_tokens`, `num_oov_indices`, `oov_token`, `mask_token`, `output_mode`, `sparse`, `pad_to_max_tokens`,
/// `idf_weights`, `vocabulary`, `vocabulary_size`, `oov_method`, `salt`, `encoding`.
/// Differs from Keras: `sparse` results are dense; indices are int32; with no index for unknown tokens, the input of the layer must
/// be the model's.
/// Source: keras/src/layers/preprocessing/string_lookup.py, index_lookup.py (3.15).
public struct StringLookup: VocabularyLayer {
    public static let className = "StringLookup"
    public var common: LayerCommon
    var lookup = IndexLookup(isText: true)
    private var encoding = "utf-8"

    /// - Parameters:
    ///   - maxTokens: the most indices, those for the mask and unknown tokens included.
    ///   - vocabulary: different tokens, in the order of their indices; nil until `adapt`.
    ///   - idfWeights: one for each token, for mode `tfIDF`.
    ///   - invert: from indices to text.
    ///   - salt: two numbers, the key of the hash.
    public init(
        maxTokens: Int? = nil, numOOVIndices: Int = 1, maskToken: String? = nil, oovToken: String = "[UNK]",
        vocabulary: [String]? = nil, idfWeights: [Double]? = nil, invert: Bool = false, outputMode: LookupOutput = .int,
        padToMaxTokens: Bool = false, sparse: Bool = false, salt: [Int]? = nil, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, dtype: invert ? "int64" : "string", inputShape: inputShape)
        lookup.invert = invert
        lookup.maxTokens = maxTokens
        lookup.numOOVIndices = numOOVIndices
        lookup.maskToken = maskToken.map(VocabularyToken.string)
        lookup.oovToken = .string(oovToken)
        lookup.outputMode = outputMode
        lookup.sparse = sparse
        lookup.padToMaxTokens = padToMaxTokens
        lookup.salt = salt
        lookup.idfWeights = idfWeights.map { .array($0.map(ConfigValue.float)) } ?? .null
        lookup.vocabulary = vocabulary.map { $0.map(VocabularyToken.string) }
        lookup.prepare()
        lookup.vocabularySize = lookup.size
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        try lookup.read(&config)
        encoding = try config.string("encoding", default: "utf-8")
        try config.requireUTF8(encoding)
        lookup.prepare()
    }

    package func encode(into config: inout ConfigObject) {
        lookup.encode(into: &config, vocabularyType: false)
        config["encoding"] = .string(encoding)
    }

    package mutating func read(vocabulary bytes: [UInt8]) throws(LocatedError) { try lookup.read(vocabulary: bytes) }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] { try lookup.slots() }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [Signal(try lookup.lower(try inputs.single().value, context))]
    }
}

extension StringLookup {
    /// Every token in the order of its index, those for the mask and unknown tokens included; empty before there is a vocabulary.
    public var vocabulary: [String] { lookup.size == nil ? [] : lookup.everyToken.map { String(decoding: $0.bytes, as: UTF8.self) } }

    /// Learns the vocabulary of some text: the most frequent tokens first. What was learned before is forgotten.
    ///
    /// - Parameter data: strings; a row is a document, for mode `tfIDF`; of one axis, each is.
    /// - Throws: `.usage` for numbers, or no tokens.
    public mutating func adapt(_ data: Tensor) throws(LocatedError) {
        try lookup.adapt(try data.documents(isText: true).map { $0.map { VocabularyToken.string(String(decoding: $0, as: UTF8.self)) } })
    }
}

extension ConfigReader {
    func requireUTF8(_ encoding: String) throws(LocatedError) {
        guard ["utf-8", "utf8"].contains(encoding.lowercased()) else {
            throw LocatedError(.unsupported, "layer.encoding", "expected the encoding utf-8, got \(encoding)", at: ["config/encoding"])
        }
    }
}

extension Tensor {
    /// Rows of strings or of decimal digits.
    func documents(isText: Bool) throws(LocatedError) -> [[[UInt8]]] {
        guard (dtype == .string) == isText else {
            throw LocatedError(.usage, "adapt.dtype", "expected \(isText ? "strings" : "whole numbers"), got \(dtype.rawValue)")
        }
        let rows = shape.rank > 0 ? shape[0] : 1
        let all = byteStrings, width = rows == 0 ? 0 : all.count / rows
        return (0..<rows).map { Array(all[$0 * width..<($0 + 1) * width]) }
    }
}
