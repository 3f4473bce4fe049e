package import KerasSpec
package import Tensors

/// Places off both ends of the planes, rows and columns.
///
/// Formula: each of three axes of extent n becomes n − before − after.
/// Shapes: (batch, planes, rows, columns, channels) → the same axes; channels second with `channels_first`. No mask goes on.
/// Config: `cropping` (a pair for each axis), `data_format`.
/// Source: keras/src/layers/reshaping/cropping3d.py (3.15).
public struct Cropping3D: BuiltInLayer {
    public static let className = "Cropping3D"
    public var common: LayerCommon
    public var dataFormat: DataFormat
    private var margins: SpatialMargins

    /// - Parameter cropping: places taken off (before, behind) each axis.
    public init(
        cropping: ((Int, Int), (Int, Int), (Int, Int)) = ((1, 1), (1, 1), (1, 1)), dataFormat: DataFormat = .channelsLast,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.dataFormat = dataFormat
        margins = SpatialMargins([cropping.0, cropping.1, cropping.2])
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        margins = try SpatialMargins(&config, "cropping", rank: 3, default: 1)
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    /// Places (before, behind) each axis.
    public var cropping: [(Int, Int)] { margins.pairs }

    package func encode(into config: inout ConfigObject) {
        config["cropping"] = margins.config
        config["data_format"] = .string(dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        return [Signal(try margins.apply(to: input, dataFormat, cropping: true, context))]
    }
}
