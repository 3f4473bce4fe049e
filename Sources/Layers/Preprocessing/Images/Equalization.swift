internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images whose values are about equally frequent, while training.
///
/// Formula: each channel by the histogram of the whole batch's, of `bins` parts.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `value_range`, `bins`, `data_format`, `bounding_box_format` (kept).
/// Source: keras/src/layers/preprocessing/image_preprocessing/equalization.py (3.15).
public struct Equalization: ImageLayer {
    public static let className = "Equalization"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange
    public var bins: Int

    public init(valueRange: ValueRange = ValueRange(), bins: Int = 256, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
        self.bins = bins
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
        bins = try config.integer("bins", default: 256, atLeast: 1)
        guard bins <= 1 << 20 else { throw config.wrong("bins", "at most 1048576", .integer(bins)) }
        config.ignore("factor")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["bins"] = .integer(bins)
        config["value_range"] = valueRange.config
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let whole = ValueRange()
        let result = try context.apply(Equalize(bins: bins), try context.rescaled(images, from: valueRange, to: whole))
        return try context.rescaled(result, from: whole, to: valueRange)
    }
}
