internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images as their negatives, some of them, while training.
///
/// Formula: y = high − x for an image whose probability, drawn from `factor`, says so.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_invert.py (3.15).
public struct RandomInvert: ImageLayer {
    public static let className = "RandomInvert"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var valueRange: ValueRange
    public var seed: Int?

    public init(factor: FactorRange = FactorRange(0, 1), valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.valueRange = valueRange
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        valueRange = try ValueRange(&config)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["value_range"] = valueRange.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let applies = try context.happens(for: images, factor)
        return try context.select(applies, try context.scaled(images, by: -1, offset: valueRange.high), images)
    }
}
