package import KerasSpec
package import Tensors

/// Places off both ends of the steps.
///
/// Formula: the extent n of the steps becomes n − before − after.
/// Shapes: (batch, steps, channels) → the same axes. No mask goes on.
/// Config: `cropping` (a pair).
/// Source: keras/src/layers/reshaping/cropping1d.py (3.15).
public struct Cropping1D: BuiltInLayer {
    public static let className = "Cropping1D"
    public var common: LayerCommon
    private var margins: SpatialMargins

    /// - Parameter cropping: places taken off (before, behind).
    public init(
        cropping: (Int, Int) = (1, 1),
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        margins = SpatialMargins([cropping])
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        margins = try SpatialMargins(&config, "cropping", rank: 1, default: 1)
    }

    /// Places (before, behind) the steps.
    public var cropping: (Int, Int) { margins.pairs[0] }

    package func encode(into config: inout ConfigObject) {
        config["cropping"] = margins.config
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        return [Signal(try margins.apply(to: input, .channelsLast, cropping: true, context))]
    }
}
