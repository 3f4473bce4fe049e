package import KerasSpec
internal import Ops
package import Tensors

/// Sets whole channels to zero while training.
///
/// Formula: training y = x·m / (1 − rate), where m, one number for each channel of each sample, is 0 with probability `rate`,
/// else 1; inference y = x.
/// Shapes: (batch, rows, columns, channels) → the same, or with the channels behind the batch. The mask goes on.
/// Config: `rate`, `seed`, `data_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/regularization/spatial_dropout.py (3.15), keras/layers/core.py (2.3.1).
public struct SpatialDropout2D: BuiltInLayer {
    public static let className = "SpatialDropout2D"
    public var common: LayerCommon
    /// The share that is dropped, from 0 to 1.
    public var rate: Double
    public var seed: Int?
    public var dataFormat: DataFormat

    public init(_ rate: Double, dataFormat: DataFormat = .channelsLast, seed: Int? = nil, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.rate = rate
        self.seed = seed
        self.dataFormat = dataFormat
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        rate = try config.number("rate", in: 0...1)
        seed = try config.optionalInteger("seed")
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    package func encode(into config: inout ConfigObject) {
        // Keras doesn't write `trainable`, which it has no weights for.
        config["trainable"] = common.trainable ? nil : false
        config["rate"] = .float(rate)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
        config["data_format"] = .string(dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single(rank: 4, context)
        let stream = context.randomStream()
        guard context.training, rate > 0, rate < 1 else { return [input] }
        let noise: [Int?] = dataFormat == .channelsLast ? [nil, 1, 1, nil] : [nil, nil, 1, 1]
        let dropout = Ops.Dropout(rate: Float(rate), noiseShape: PartialShape(noise), stream: stream)
        return [Signal(try context.apply(dropout, input.value), mask: input.mask)]
    }
}
