package import KerasSpec
internal import Ops
package import Tensors

/// Sets a share of the elements to zero while training.
///
/// Formula: training y = x·m / (1 − rate), m = 0 with probability `rate`, else 1; inference y = x. A rate of 0 or 1 drops
/// nothing, as in Keras 2.3 (3.15 gives zeros for 1).
/// Shapes: any → the same; m has the shape `noise_shape` (null: the input's extent) and is broadcast. The mask goes on.
/// Config: `rate`, `noise_shape`, `seed`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/layers/core.py (2.3.1), keras/src/layers/regularization/dropout.py (3.15).
public struct Dropout: BuiltInLayer {
    public static let className = "Dropout"
    public var common: LayerCommon
    /// The share that is dropped, from 0 to 1.
    public var rate: Double
    public var noiseShape: [Int?]?
    public var seed: Int?

    public init(
        _ rate: Double, noiseShape: [Int?]? = nil, seed: Int? = nil, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.rate = rate
        self.noiseShape = noiseShape
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        rate = try config.number("rate", in: 0...1)
        seed = try config.optionalInteger("seed")
        noiseShape = try config.optionalExtents("noise_shape")
    }

    package func encode(into config: inout ConfigObject) {
        config["rate"] = .float(rate)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
        config["noise_shape"] = noiseShape.map(ConfigValue.extents) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let stream = context.randomStream()
        guard context.training, rate > 0, rate < 1 else { return [input] }
        let dropout = Ops.Dropout(rate: Float(rate), noiseShape: noiseShape.map(PartialShape.init), stream: stream)
        return [Signal(try context.apply(dropout, input.value), mask: input.mask)]
    }
}
