internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Each cell repeated.
///
/// Formula: y[b,i,j,k,c] = x[b, ⌊i/size⌋, ⌊j/size⌋, ⌊k/size⌋, c].
/// Shapes: (batch, planes, rows, columns, channels) → the same axes, spatial ones longer; channels second with `channels_first`. No mask goes on.
/// Config: `size`, `data_format`.
/// Source: keras/src/layers/reshaping/up_sampling3d.py (3.15).
public struct UpSampling3D: BuiltInLayer {
    public static let className = "UpSampling3D"
    public var common: LayerCommon
    public var size: [Int]
    public var dataFormat: DataFormat

    /// - Parameter size: how often each cell stands along (planes, rows, columns).
    public init(
        size: (Int, Int, Int) = (2, 2, 2), dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.size = [size.0, size.1, size.2]
        self.dataFormat = dataFormat
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        size = try config.integers("size", count: 3, default: [2, 2, 2])
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    package func encode(into config: inout ConfigObject) {
        config["size"] = .integers(size)
        config["data_format"] = .string(dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: 5)
        let repeats = size.map { AxisRule.repeatEach($0) }
        let rules = dataFormat == .channelsLast ? [.keep] + repeats + [.keep] : [.keep, .keep] + repeats
        return [Signal(try context.apply(Rearrange(rules), input))]
    }
}
