internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images of other brightness, contrast, saturation and hue while training, one after the other.
///
/// Formula: as RandomBrightness, RandomContrast, RandomSaturation and RandomHue, of which each is there whose factor is.
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `value_range`, `brightness_factor`, `contrast_factor`, `saturation_factor`, `hue_factor`, `seed`, `data_format`,
/// `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; with the channels first, each layer within knows it, where Keras's take the default.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_color_jitter.py (3.15).
public struct RandomColorJitter: ImageLayer {
    public static let className = "RandomColorJitter"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange
    public var brightnessFactor: FactorRange?
    public var contrastFactor: FactorRange?
    public var saturationFactor: FactorRange?
    public var hueFactor: FactorRange?
    public var seed: Int?

    public init(
        valueRange: ValueRange = ValueRange(), brightnessFactor: FactorRange? = nil, contrastFactor: FactorRange? = nil,
        saturationFactor: FactorRange? = nil, hueFactor: FactorRange? = nil, seed: Int? = nil, dataFormat: DataFormat = .channelsLast,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
        self.brightnessFactor = brightnessFactor
        self.contrastFactor = contrastFactor
        self.saturationFactor = saturationFactor
        self.hueFactor = hueFactor
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
        brightnessFactor = try FactorRange(optional: "brightness_factor", &config, least: -1)
        contrastFactor = try FactorRange(optional: "contrast_factor", &config, least: 0)
        saturationFactor = try FactorRange(optional: "saturation_factor", &config, least: -1)
        hueFactor = try FactorRange(optional: "hue_factor", &config, least: 0)
        seed = try config.optionalInteger("seed")
        config.ignore("factor")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
        config["brightness_factor"] = brightnessFactor?.config ?? .null
        config["contrast_factor"] = contrastFactor?.config ?? .null
        config["saturation_factor"] = saturationFactor?.config ?? .null
        config["hue_factor"] = hueFactor?.config ?? .null
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        var x = images
        if let brightnessFactor { x = try RandomBrightness(brightnessFactor, valueRange: valueRange).changed(x, context) }
        if let contrastFactor { x = try RandomContrast(contrastFactor, valueRange: valueRange).changed(x, context) }
        if let saturationFactor { x = try RandomSaturation(saturationFactor, valueRange: valueRange).changed(x, context) }
        if let hueFactor { x = try RandomHue(hueFactor, valueRange: valueRange).changed(x, context) }
        return x
    }
}

extension FactorRange {
    /// The same, nil for null or an absent key.
    init?(optional key: String, _ config: inout ConfigReader, least: Double) throws(LocatedError) {
        guard let value = config.value(key), !value.isNull else { return nil }
        var own = ConfigReader([key: value])
        try self.init(key, &own, least: least)
    }
}
