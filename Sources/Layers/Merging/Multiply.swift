internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// The product of its inputs.
///
/// Formula: y = x₀·x₁·…, in this order.
/// Shapes: equal, or broadcast: an extent of 1 is repeated, and an input of fewer axes gets axes of 1 behind the batch.
/// A step counts in the output if it counts in every input that has a mask, or by Keras 3's rule (`MaskRule`).
/// By Keras 3's rule a step that a mask leaves out has no part: it is a factor of 1, and where no
/// input counts the product is 0.
/// Config: none; `LegacyName.maskRule`.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/multiply.py (3.15).
public struct Multiply: BuiltInLayer {
    public static let className = "Multiply"
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
        var inputs = try context.levelled(try inputs.several(context))
        let mask = try context.merged(inputs.map(\.mask), by: maskRule)
        if maskRule == .any {
            for index in inputs.indices {
                guard let mask = inputs[index].mask else { continue }
                let own = try context.trailing(mask, rank: context.shape(inputs[index].value).rank)
                inputs[index].value = try context.select(own, inputs[index].value, else: 1)
            }
        }
        var product = inputs[0].value
        for input in inputs.dropFirst() { product = try context.apply(Binary(.multiply), product, input.value) }
        if maskRule == .any, let mask {
            product = try context.select(try context.trailing(mask, rank: context.shape(product).rank), product, else: 0)
        }
        return [Signal(product, mask: mask)]
    }
}
