internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Strings and whole numbers as one of `num_bins` categories, by a hash.
///
/// Formula: FarmHash64(text) mod bins, with `salt` SipHash-2-4(text); numbers are hashed as their decimal digits, floats cut to
/// whole numbers first. What equals `mask_value` has bin 0 to itself.
/// Shapes: `int`: any → the same, whole numbers; other modes as CategoryEncoding's. The mask goes.
/// Config: `num_bins`, `salt`, `mask_value`, `output_mode`, `sparse`.
/// Differs from Keras: `sparse` results are dense; whole numbers must fit in 32 bits.
/// Source: keras/src/layers/preprocessing/hashing.py (3.15).
public struct Hashing: BuiltInLayer {
    public static let className = "Hashing"
    public var common: LayerCommon
    public var numBins: Int
    /// Text or a number.
    private var maskValue: ConfigValue
    /// Two numbers: the key of SipHash.
    public var salt: [Int]?
    public var outputMode: CategoryOutput
    public var sparse: Bool

    /// - Parameters:
    ///   - numBins: at least 1.
    ///   - maskValue: what has bin 0 to itself.
    ///   - salt: two numbers.
    public init(
        _ numBins: Int, maskValue: String? = nil, salt: [Int]? = nil, outputMode: CategoryOutput = .int, sparse: Bool = false,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, dtype: outputMode == .int ? "int64" : "float32", inputShape: inputShape)
        self.numBins = numBins
        self.maskValue = maskValue.map(ConfigValue.string) ?? .null
        self.salt = salt
        self.outputMode = outputMode
        self.sparse = sparse
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        numBins = try config.integer("num_bins", atLeast: 1)
        maskValue = config.value("mask_value") ?? .null
        guard maskValue.isNull || maskValue.string != nil || maskValue.number != nil else {
            throw config.wrong("mask_value", "text, a number or null", maskValue)
        }
        salt = try config.salt("salt")
        outputMode = try config.categoryOutput("output_mode", default: .int)
        sparse = try config.bool("sparse", default: false)
        guard numBins <= Int(Int32.max) else {
            throw LocatedError(.unsupported, "layer.bins", "expected at most \(Int32.max) bins, got \(numBins)", at: ["config/num_bins"])
        }
    }

    package func encode(into config: inout ConfigObject) {
        config["num_bins"] = .integer(numBins)
        config["salt"] = salt.map { .array($0.map(ConfigValue.integer)) } ?? .null
        config["mask_value"] = maskValue
        config["output_mode"] = .string(outputMode.rawValue)
        config["sparse"] = .bool(sparse)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let mask: HashBuckets.Mask? =
            maskValue.string.map { .string([UInt8]($0.utf8)) } ?? maskValue.number.map { .number($0) }
        let bins = try context.apply(HashBuckets(numBins, hash: StringHash(salt: salt), mask: mask), input)
        return [Signal(try context.encoded(bins, outputMode, depth: numBins))]
    }
}

extension StringHash {
    /// FarmHash, or SipHash with a key.
    init(salt: [Int]?) {
        self = salt.map { .strong(UInt64(bitPattern: Int64($0[0])), UInt64(bitPattern: Int64($0[1]))) } ?? .fast
    }
}

extension ConfigReader {
    /// Keras's `salt`: two integers, or one that stands for both; nil for null.
    mutating func salt(_ key: String) throws(LocatedError) -> [Int]? {
        guard let value = value(key), !value.isNull else { return nil }
        if let number = value.integer { return [number, number] }
        guard let items = OperationCall.plain(value).array, items.count == 2, let a = items[0].integer, let b = items[1].integer else {
            throw wrong(key, "two integers or null", value)
        }
        return [a, b]
    }
}
