internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images with their bright parts turned dark while training.
///
/// Formula: of 0 to 255, z = clip(x + a, 0, 255); y = z below the threshold, else 255 − z; a and the threshold an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `addition_factor`, `threshold_factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/solarization.py (3.15).
public struct Solarization: ImageLayer {
    public static let className = "Solarization"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var additionFactor: FactorRange
    public var thresholdFactor: FactorRange
    public var valueRange: ValueRange
    public var seed: Int?

    public init(additionFactor: FactorRange = FactorRange(0, 0), thresholdFactor: FactorRange = FactorRange(0, 0), valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.additionFactor = additionFactor
        self.thresholdFactor = thresholdFactor
        self.valueRange = valueRange
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        additionFactor = try FactorRange("addition_factor", &config, least: 0, default: 0)
        thresholdFactor = try FactorRange("threshold_factor", &config, least: 0, default: 0)
        valueRange = try ValueRange(&config)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
        config["addition_factor"] = additionFactor.config
        config["threshold_factor"] = thresholdFactor.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let whole = ValueRange()
        let addition = try context.random(for: images, from: additionFactor.lower, to: additionFactor.upper * 255)
        let threshold = try context.random(for: images, from: thresholdFactor.lower, to: thresholdFactor.upper * 255)
        let x = try context.clipped(try context.add(try context.rescaled(images, from: valueRange, to: whole), addition), 0, 255)
        let result = try context.select(try context.compare(.less, x, threshold), x, try context.scaled(x, by: -1, offset: 255))
        return try context.rescaled(result, from: whole, to: valueRange)
    }
}
