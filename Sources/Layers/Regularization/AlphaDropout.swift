package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Dropout that keeps the mean and the variance of what selu gives: dropped elements get selu's lowest value.
///
/// Formula: training y = a·(x·m + α′·(1 − m)) + b, where m is 0 with probability `rate`, else 1, α′ = −1.7580993,
/// a = ((1 − rate)·(1 + rate·α′²))^(−1/2), b = −a·α′·rate; inference y = x.
/// Shapes: any → the same; m has the shape `noise_shape` (null: the input's extent) and is broadcast. The mask goes on.
/// Config: `rate`, `seed`, `noise_shape`.
/// Differs from Keras: other random numbers; a rate of 1, for which Keras divides by zero, does nothing.
/// Source: keras/src/layers/regularization/alpha_dropout.py (3.15), keras/layers/noise.py (2.3.1).
public struct AlphaDropout: BuiltInLayer {
    public static let className = "AlphaDropout"
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
        let lowest = -1.6732632423543772 * 1.0507009873554805
        let slope = 1 / ((1 - rate) * (1 + rate * lowest * lowest)).squareRoot()
        let kept = try context.apply(
            RandomFill(.keep(dropping: Float(rate)), stream: stream, shape: noiseShape.map(PartialShape.init)), input.value)
        // a·x·m + (a·α′ + b) − a·α′·m
        let passed = try context.apply(Binary(.multiply), input.value, try context.apply(Scale(by: Float(slope)), kept))
        let offset = slope * lowest - slope * lowest * rate
        let rest = try context.apply(Scale(by: Float(-slope * lowest), offset: Float(offset)), kept)
        return [Signal(try context.apply(AddN(), passed, rest), mask: input.mask)]
    }
}
