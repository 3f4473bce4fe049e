internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// The smallest of its inputs, element by element.
///
/// Formula: y = min(x₀, x₁, …).
/// Shapes: equal, or broadcast: an extent of 1 is repeated, and an input of fewer axes gets axes of 1 behind the batch.
/// A step counts in the output if it counts in every input that has a mask, or by Keras 3's rule (`MaskRule`).
/// By Keras 3's rule a step that a mask leaves out has no part: the other input stands for it.
/// Config: none; `LegacyName.maskRule`.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/minimum.py (3.15).
public struct Minimum: BuiltInLayer {
    public static let className = "Minimum"
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
        let inputs = try context.levelled(try inputs.several(context))
        let mask = try context.merged(inputs.map(\.mask), by: maskRule)
        if maskRule == .any {
            return [Signal(try context.foldMasked(inputs, Binary(.minimum)), mask: mask)]
        }
        var result = inputs[0].value
        for input in inputs.dropFirst() { result = try context.apply(Binary(.minimum), result, input.value) }
        return [Signal(result, mask: mask)]
    }
}
