package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Multiplies by normal noise around 1 while training.
///
/// Formula: training y = x·n, n normal with mean 1 and standard deviation √(rate / (1 − rate)); inference y = x.
/// Shapes: any → the same. The mask goes on.
/// Config: `rate`, `seed`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// A rate of 1, for which Keras 3 divides by zero, does nothing, as in Keras 2.3.
/// Source: keras/src/layers/regularization/gaussian_dropout.py (3.15), keras/layers/noise.py (2.3.1).
public struct GaussianDropout: BuiltInLayer {
    public static let className = "GaussianDropout"
    public var common: LayerCommon
    /// As of a dropout that spreads its outputs as much, from 0 to 1.
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
        config["rate"] = .float(rate)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let stream = context.randomStream()
        guard context.training, rate > 0, rate < 1 else { return [input] }
        let noise = try context.apply(
            RandomFill(.normal(mean: 1, stddev: Float((rate / (1 - rate)).squareRoot())), stream: stream), input.value)
        return [Signal(try context.apply(Binary(.multiply), input.value, noise), mask: input.mask)]
    }
}
