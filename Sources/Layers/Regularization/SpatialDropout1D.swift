package import KerasSpec
internal import Ops
package import Tensors

/// Sets whole channels to zero while training.
///
/// Formula: training y = x·m / (1 − rate), where m, one number for each channel of each sample, is 0 with probability `rate`,
/// else 1; inference y = x.
/// Shapes: (batch, steps, channels) → the same. The mask goes on.
/// Config: `rate`, `seed`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/regularization/spatial_dropout.py (3.15), keras/layers/core.py (2.3.1).
public struct SpatialDropout1D: BuiltInLayer {
    public static let className = "SpatialDropout1D"
    public var common: LayerCommon
    /// The share that is dropped, from 0 to 1.
    public var rate: Double
    public var seed: Int?

    public init(_ rate: Double, seed: Int? = nil, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.rate = rate
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        rate = try config.number("rate", in: 0...1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        // Keras doesn't write `trainable`, which it has no weights for.
        config["trainable"] = common.trainable ? nil : false
        config["rate"] = .float(rate)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single(rank: 3, context)
        let stream = context.randomStream()
        guard context.training, rate > 0, rate < 1 else { return [input] }
        let noise: [Int?] = [nil, 1, nil]
        let dropout = Ops.Dropout(rate: Float(rate), noiseShape: PartialShape(noise), stream: stream)
        return [Signal(try context.apply(dropout, input.value), mask: input.mask)]
    }
}
