internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Tuples of strings and whole numbers as one of `num_bins` categories, by a hash.
///
/// Formula: as TensorFlow's `sparse.cross_hashed`: fingerprints joined in order, mod bins.
/// Shapes: two or more inputs (batch) or (batch, 1) → the same, whole numbers; `one_hot` → (batch, bins). The mask goes.
/// Config: `num_bins`, `output_mode`, `sparse`.
/// Differs from Keras: `sparse` results are dense; whole numbers must fit in 32 bits.
/// Source: keras/src/layers/preprocessing/hashed_crossing.py (3.15).
public struct HashedCrossing: BuiltInLayer {
    public static let className = "HashedCrossing"
    public var common: LayerCommon
    public var numBins: Int
    /// `int` or `oneHot`.
    public var outputMode: CategoryOutput
    public var sparse: Bool

    public init(_ numBins: Int, outputMode: CategoryOutput = .int, sparse: Bool = false, name: String? = nil) {
        common = LayerCommon(name: name, dtype: outputMode == .int ? "int64" : "float32")
        self.numBins = numBins
        self.outputMode = outputMode
        self.sparse = sparse
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        numBins = try config.integer("num_bins", atLeast: 1)
        guard numBins <= Int(Int32.max) else {
            throw LocatedError(.unsupported, "layer.bins", "expected at most \(Int32.max) bins, got \(numBins)", at: ["config/num_bins"])
        }
        outputMode = try config.categoryOutput("output_mode", default: .int)
        guard [.int, .oneHot].contains(outputMode) else { throw config.wrong("output_mode", "int or one_hot", .string(outputMode.rawValue)) }
        sparse = try config.bool("sparse", default: false)
    }

    package var config: ConfigObject {
        [
            "num_bins": .integer(numBins), "output_mode": .string(outputMode.rawValue), "sparse": .bool(sparse),
            "name": common.name.map(ConfigValue.string) ?? .null, "dtype": .string(common.dtype),
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        for input in inputs {
            let shape = context.shape(input.value)
            guard shape.rank == 1 || shape.rank == 2 && (shape[1] == 1 || shape[1] == nil) else {
                throw LocatedError(
                    .mismatch, "layer.inputShape", "expected inputs of the shape (batch) or (batch, 1), got \(shape)", at: [context.label])
            }
        }
        let bins = try context.apply(CrossHash(numBins), to: inputs.map(\.value))[0]
        return [Signal(try context.encoded(bins, outputMode, depth: numBins))]
    }
}
