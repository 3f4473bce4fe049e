internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images of full contrast, at inference, too.
///
/// Formula: of 0 to 255, y = clip((x − least)·255 / (greatest − least), 0, 255), each channel's own; one of a single value stays.
///
/// Shapes: (batch, rows, columns, channels) → the same.
/// Config: `value_range`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: with the channels first, least and greatest are still a channel's, where Keras takes them along the wrong axes.
/// Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py (3.15).
public struct AutoContrast: ImageLayer {
    public static let className = "AutoContrast"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange

    public init(valueRange: ValueRange = ValueRange(), dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
    }

    var isAlways: Bool { true }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let whole = ValueRange()
        let x = try context.rescaled(images, from: valueRange, to: whole)
        let low = try context.reduce(.min, x, axes: [1, 2], keepsAxes: true)
        let high = try context.reduce(.max, x, axes: [1, 2], keepsAxes: true)
        let scale = try context.divide(context.scalar(255.0), try context.subtract(high, low))
        let offset = try context.multiply(try context.unary(.negative, low), scale)
        let spread = try context.clipped(try context.add(try context.multiply(x, scale), offset), 0, 255)
        let isFlat = try context.compare(.equal, high, low)
        return try context.select(isFlat, images, try context.rescaled(spread, from: whole, to: valueRange))
    }
}
