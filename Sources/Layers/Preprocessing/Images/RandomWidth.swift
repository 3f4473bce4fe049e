internal import Graphs
package import KerasSpec
package import Tensors

/// tf.keras's images of another width while training.
///
/// Shapes: (batch, rows, columns, channels) → the same at inference.
/// Config: `factor`, `interpolation`, `seed`.
/// Differs from Keras: training is refused, since the size of the result would be random.
/// Source: tf_keras/src/layers/preprocessing/image_preprocessing.py (2.21).
public struct RandomWidth: BuiltInLayer {
    public static let className = "RandomWidth"
    public var common: LayerCommon
    public var factor: FactorRange
    public var interpolation: String
    public var seed: Int?

    /// - Parameter factor: how much larger, as a share of the columns; below 0 smaller.
    public init(_ factor: FactorRange, interpolation: String = "bilinear", seed: Int? = nil, name: String? = nil) {
        common = LayerCommon(name: name)
        self.factor = factor
        self.interpolation = interpolation
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        factor = try FactorRange("factor", &config)
        interpolation = try config.string("interpolation", default: "bilinear")
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        config["factor"] = factor.config
        config["interpolation"] = .string(interpolation)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        guard !context.training else {
            throw LocatedError(
                .unsupported, "layer.randomSize", "expected images of a size that is known in training, got a random width", at: [context.label])
        }
        return [Signal(try context.floats(input.value))]
    }
}
