package import KerasSpec
package import Tensors

/// Zeros around the steps.
///
/// Formula: the extent n of the steps becomes n + before + after.
/// Shapes: (batch, steps, channels) → the same axes; channels second with `channels_first`. No mask goes on.
/// Config: `padding` (a pair), `data_format`.
/// Source: keras/src/layers/reshaping/zero_padding1d.py (3.15).
public struct ZeroPadding1D: BuiltInLayer {
    public static let className = "ZeroPadding1D"
    public var common: LayerCommon
    public var dataFormat: DataFormat
    private var margins: SpatialMargins

    /// - Parameter padding: places added (before, behind).
    public init(
        padding: (Int, Int) = (1, 1), dataFormat: DataFormat = .channelsLast,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.dataFormat = dataFormat
        margins = SpatialMargins([padding])
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        margins = try SpatialMargins(&config, "padding", rank: 1, default: 1)
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    /// Places (before, behind) the steps.
    public var padding: (Int, Int) { margins.pairs[0] }

    package func encode(into config: inout ConfigObject) {
        config["padding"] = margins.config
        config["data_format"] = .string(dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        return [Signal(try margins.apply(to: input, dataFormat, cropping: false, context))]
    }
}
