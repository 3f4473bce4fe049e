internal import Graphs
package import KerasSpec
package import Tensors

/// Whole numbers below `num_tokens` as vectors.
///
/// Shapes: `one_hot`: (…) or (…, 1) → (…, tokens); `multi_hot` and `count`: (batch, n) → (batch, tokens), (n) → (tokens). The
/// mask goes.
/// Config: `num_tokens`, `output_mode`.
/// Call: `count_weights`, for `count`.
/// Differs from Keras: numbers that aren't in `0..<num_tokens` leave zeros, where Keras stops at negative ones; `sparse`, which
/// Keras 3 doesn't write, is dense here.
/// Source: keras/src/layers/preprocessing/category_encoding.py (3.15).
public struct CategoryEncoding: BuiltInLayer {
    public static let className = "CategoryEncoding"
    public var common: LayerCommon
    public var numTokens: Int
    /// Not `int`.
    public var outputMode: CategoryOutput

    public init(_ numTokens: Int, outputMode: CategoryOutput = .multiHot, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.numTokens = numTokens
        self.outputMode = outputMode
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        numTokens = try config.integer("num_tokens", atLeast: 1)
        outputMode = try config.categoryOutput("output_mode", default: .multiHot)
        guard outputMode != .int else { throw config.wrong("output_mode", "count, one_hot or multi_hot", "int") }
        config.ignore("sparse")
    }

    package func encode(into config: inout ConfigObject) {
        config["num_tokens"] = .integer(numTokens)
        config["output_mode"] = .string(outputMode.rawValue)
    }

    package var callKeywords: Set<String>? { ["count_weights"] }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard let input = try context.call.signal(0, "inputs") ?? inputs.first else { return [try inputs.single()] }
        let weights = try context.call.signal(1, "count_weights")
        guard weights == nil || outputMode == .count else {
            throw LocatedError(
                .unsupported, "call.argument", "expected count_weights for output_mode count alone, got \(outputMode.rawValue)", at: [context.label])
        }
        let counted = try weights.map { (weights) throws(LocatedError) in try context.floats(weights.value) }
        return [Signal(try context.encoded(try context.wholeNumbers(input.value), outputMode, depth: numTokens, weights: counted))]
    }
}

extension ConfigReader {
    /// One of Keras's output modes, older words included.
    mutating func categoryOutput(_ key: String, default fallback: CategoryOutput) throws(LocatedError) -> CategoryOutput {
        guard let value = value(key), !value.isNull else { return fallback }
        guard let word = value.string, let mode = CategoryOutput(word: word) else {
            throw wrong(key, "int, one_hot, multi_hot or count", value)
        }
        return mode
    }
}
