internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images whose values are about equally frequent in each part of them, at inference, too.
///
/// Formula: of 0 to 255, by histograms of a grid's parts, each cut at `clip_limit` times the mean, between which values go over.
///
/// Shapes: (batch, rows, columns, channels) → the same.
/// Config: `value_range`, `clip_limit`, `tile_grid_size`, `data_format`, `bounding_box_format` (kept).
/// Source: keras/src/layers/preprocessing/image_preprocessing/clahe.py (3.15).
public struct ContrastLimitedAdaptiveHistogramEqualization: ImageLayer {
    public static let className = "ContrastLimitedAdaptiveHistogramEqualization"
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange
    public var clipLimit: Double
    public var tileGridSize: [Int]

    public init(valueRange: ValueRange = ValueRange(), clipLimit: Double = 4, tileGridSize: [Int] = [8, 8], dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
        self.clipLimit = clipLimit
        self.tileGridSize = tileGridSize
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
        clipLimit = try config.number("clip_limit", default: 4)
        tileGridSize = try config.integers("tile_grid_size", count: 2, default: [8, 8])
        guard tileGridSize.allSatisfy({ $0 <= 1 << 12 }) else { throw config.wrong("tile_grid_size", "two numbers of at most 4096", .integers(tileGridSize)) }
        config.ignore("factor")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
        config["clip_limit"] = .float(clipLimit)
        config["tile_grid_size"] = .array(tileGridSize.map(ConfigValue.integer))
    }

    var isAlways: Bool { true }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let whole = ValueRange()
        let op = AdaptiveEqualize(grid: (tileGridSize[0], tileGridSize[1]), limit: Float(clipLimit))
        let result = try context.apply(op, try context.rescaled(images, from: valueRange, to: whole))
        return try context.rescaled(result, from: whole, to: valueRange)
    }
}
