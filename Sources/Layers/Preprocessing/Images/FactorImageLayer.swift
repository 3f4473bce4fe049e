import KerasSpec
import Tensors

/// A layer that changes images by a factor, drawn for each image from a range.
protocol FactorImageLayer: ImageLayer {
    /// The lowest factor; a single number f in a file stands for the range from the larger of this and −|f| to |f|.
    static var leastFactor: Double { get }

    var factor: FactorRange { get set }
    var valueRange: ValueRange { get set }
    var seed: Int? { get set }

    init(
        _ factor: FactorRange, valueRange: ValueRange, seed: Int?, dataFormat: DataFormat, inputShape: [Int?]?, name: String?)
}

extension FactorImageLayer {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        let options = try ImageOptions(&config)
        self.init(
            try FactorRange("factor", &config, least: Self.leastFactor), valueRange: try ValueRange(&config),
            seed: try config.optionalInteger("seed"), dataFormat: options.dataFormat, inputShape: nil, name: nil)
        self.common = common
        self.options = options
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["value_range"] = valueRange.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }
}
