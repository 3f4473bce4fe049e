internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// The mean of its inputs.
///
/// Formula: y = (x₀ + x₁ + …) / n.
/// Shapes: equal, or broadcast: an extent of 1 is repeated, and an input of fewer axes gets axes of 1 behind the batch.
/// A step counts in the output if it counts in every input that has a mask, or by Keras 3's rule (`MaskRule`).
/// Config: none; `LegacyName.maskRule`.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/average.py (3.15).
public struct Average: BuiltInLayer {
    public static let className = "Average"
    public var common: LayerCommon
    package var maskRule: MaskRule

    public init(name: String? = nil) {
        common = LayerCommon(name: name)
        maskRule = .all
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        maskRule = try config.maskRule()
    }

    package func encode(into config: inout ConfigObject) { config.setMaskRule(maskRule) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let inputs = try inputs.several(context)
        let sum = try context.apply(AddN(), to: try context.levelled(inputs).map(\.value))[0]
        return [
            Signal(
                try context.apply(Scale(by: 1 / Float(inputs.count)), sum),
                mask: try context.merged(inputs.map(\.mask), by: maskRule))
        ]
    }
}
