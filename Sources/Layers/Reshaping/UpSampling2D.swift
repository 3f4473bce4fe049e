internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Each cell repeated, or images enlarged by interpolation.
///
/// Formula: y[b,i,j,c] = x[b, ⌊i/size⌋, ⌊j/size⌋, c]; other interpolations as `tf.image.resize` has them.
/// Shapes: (batch, rows, columns, channels) → the same axes, spatial ones longer; channels second with `channels_first`. No mask goes on.
/// Config: `size`, `data_format`, `interpolation`.
/// Source: keras/src/layers/reshaping/up_sampling2d.py (3.15).
public struct UpSampling2D: BuiltInLayer {
    public static let className = "UpSampling2D"
    public var common: LayerCommon
    public var size: [Int]
    public var dataFormat: DataFormat
    public var interpolation: Interpolation

    /// How new cells get their values: Keras's `interpolation`.
    public enum Interpolation: String, Sendable, CaseIterable {
        case nearest, bilinear, bicubic, lanczos3, lanczos5
    }

    /// - Parameter size: how often each cell stands along (rows, columns).
    public init(
        size: (Int, Int) = (2, 2), dataFormat: DataFormat = .channelsLast,
        interpolation: Interpolation = .nearest, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.size = [size.0, size.1]
        self.dataFormat = dataFormat
        self.interpolation = interpolation
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        size = try config.integers("size", count: 2, default: [2, 2])
        dataFormat = try config.word("data_format", default: .channelsLast)
        interpolation = try config.word("interpolation", default: .nearest)
    }

    package func encode(into config: inout ConfigObject) {
        config["size"] = .integers(size)
        config["data_format"] = .string(dataFormat.rawValue)
        config["interpolation"] = .string(interpolation.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: 4)
        if let method = Resample.Method(rawValue: interpolation.rawValue), method != .nearest {
            return [Signal(try interpolated(input, method, context))]
        }
        let repeats = size.map { AxisRule.repeatEach($0) }
        let rules = dataFormat == .channelsLast ? [.keep] + repeats + [.keep] : [.keep, .keep] + repeats
        return [Signal(try context.apply(Rearrange(rules), input))]
    }

    /// Row by row, then column by column; extents that aren't known stay so.
    private func interpolated(
        _ input: Value, _ method: Resample.Method, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        try context.channelsLast(input, dataFormat) { (value) throws(LocatedError) in
            var value = value
            for axis in [1, 2] {
                guard let extent = context.shape(value)[axis] else {
                    // Shapes are all that is asked for.
                    value = try context.apply(Rearrange(.repeatEach(size[axis - 1]), axis: axis, rank: 4), value)
                    continue
                }
                let (enlarged, overflow) = extent.multipliedReportingOverflow(by: size[axis - 1])
                value = try context.apply(Resample(axis: axis, to: overflow ? .max : enlarged, method), value)
            }
            return value
        }
    }
}
