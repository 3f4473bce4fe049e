package import KerasSpec
internal import Ops
package import Tensors

/// All axes but the batch as one.
///
/// Formula: y[b, :] = x[b, …] in row-major order; with `channels_first` the channels are put last before, so that the weights
/// of a following Dense don't depend on the format.
/// Shapes: (batch, …) → (batch, product of the others). No mask goes on.
/// Config: `data_format`.
/// Source: keras/src/layers/reshaping/flatten.py (3.15), keras/layers/core.py (2.3.1).
public struct Flatten: BuiltInLayer {
    public static let className = "Flatten"
    public var common: LayerCommon
    public var dataFormat: DataFormat

    public init(dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.dataFormat = dataFormat
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    package func encode(into config: inout ConfigObject) { config["data_format"] = .string(dataFormat.rawValue) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        var value = try inputs.single().value
        let shape = context.shape(value)
        guard shape.rank > 0 else {
            throw LocatedError(.mismatch, "layer.inputShape", "expected an input with a batch, got a scalar", at: [context.label])
        }
        if dataFormat == .channelsFirst, shape.rank > 2 {
            value = try context.apply(Transpose([0] + Array(2..<shape.rank) + [1]), value)
        }
        let rest = PartialShape(Array(shape.dims.dropFirst()))
        return [Signal(try context.apply(Ops.Reshape(to: [shape[0], rest.count]), value))]
    }
}
