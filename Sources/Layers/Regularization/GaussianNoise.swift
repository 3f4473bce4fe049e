package import KerasSpec
internal import Ops
package import Tensors

/// Adds normal noise while training.
///
/// Formula: training y = x + n, n normal with mean 0; inference y = x.
/// Shapes: any → the same. The mask goes on.
/// Config: `stddev`, `seed`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/regularization/gaussian_noise.py (3.15), keras/layers/noise.py (2.3.1).
public struct GaussianNoise: BuiltInLayer {
    public static let className = "GaussianNoise"
    public var common: LayerCommon
    /// The noise's standard deviation.
    public var stddev: Double
    public var seed: Int?

    public init(_ stddev: Double, seed: Int? = nil, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.stddev = stddev
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        stddev = try config.number("stddev", in: 0 ... .greatestFiniteMagnitude)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        config["stddev"] = .float(stddev)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let stream = context.randomStream()
        guard context.training, stddev > 0 else { return [input] }
        let noise = try context.apply(RandomFill(.normal(mean: 0, stddev: Float(stddev)), stream: stream), input.value)
        return [Signal(try context.apply(AddN(), input.value, noise), mask: input.mask)]
    }
}
