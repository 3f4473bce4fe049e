internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Leaves out the steps all of whose elements are one number.
///
/// Formula: a step counts if any of its elements isn't `mask_value`; y = x where it counts, else 0.
/// Shapes: (batch, …, features) → the same, with a mask (batch, …).
/// Config: `mask_value`.
/// Source: keras/src/layers/core/masking.py (3.15), keras/layers/core.py (2.3.1).
public struct Masking: BuiltInLayer {
    public static let className = "Masking"
    public var common: LayerCommon
    public var maskValue: Double

    public init(maskValue: Double = 0, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.maskValue = maskValue
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        maskValue = try config.number("mask_value", default: 0)
    }

    package func encode(into config: inout ConfigObject) { config["mask_value"] = .float(maskValue) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let differs = try context.apply(NotEqual(to: Float(maskValue)), input)
        let counts = try context.apply(MaskReduction(.any, keepsAxis: true), differs)
        let mask = try context.apply(MaskReduction(.any), differs)
        let kept =
            context.info(input).dtype == .float32
            ? try context.select(counts, input, else: 0)
            : try context.apply(Select(), counts, input, context.constant(Tensor([Int32(0)], shape: [])))
        return [Signal(kept, mask: mask)]
    }
}
