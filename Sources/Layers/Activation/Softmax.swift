internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Softmax over one or several axes.
///
/// Formula: y = exp(x) / Σ exp(x). Where a mask is given, what it leaves out counts nothing and comes out as 0.
/// Shapes: any → the same; the mask, broadcast as NumPy does it, has one value for each element. The mask goes on.
/// Config: `axis` (a number or a list).
/// Call: `mask`; one of steps, as Keras 2 hands it to every layer, has no part in the formula.
/// Source: keras/src/layers/activations/softmax.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct Softmax: ActivationLayer {
    public static let className = "Softmax"
    public var common: LayerCommon
    /// Negative ones count from the end.
    public var axes: [Int]
    /// A single axis that is written as a list.
    private var isList = false

    public init(axis: Int = -1, inputShape: [Int?]? = nil, name: String? = nil) {
        self.init(axes: [axis], inputShape: inputShape, name: name)
    }

    public init(axes: [Int], inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.axes = axes
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        (axes, isList) = try config.axes("axis", default: -1)
    }

    package func encode(into config: inout ConfigObject) { config.setAxes("axis", axes, isList: isList) }

    package var function: ActivationFunction { ActivationFunction(layer: Self.className, .softmax(axes: axes)) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        guard let mask = input.mask else { return [Signal(try context.softmax(input.value, axes: axes))] }
        guard Self.isElementwise(context.shape(mask), of: context.shape(input.value)) else {
            return [Signal(try context.softmax(input.value, axes: axes), mask: mask)]
        }
        return [Signal(try context.maskedSoftmax(input.value, axes: axes, mask: mask), mask: mask)]
    }

    /// Whether a mask can be meant for elements. One of steps, (batch, steps) beside (batch, steps, features), can't: Keras 2 leaves
    /// it aside and hands it on, where later ones stop.
    private static func isElementwise(_ mask: PartialShape, of shape: PartialShape) -> Bool {
        guard mask.rank < shape.rank else { return true }
        let own = shape.dims.suffix(mask.rank)
        if mask.rank > 0, mask[0] == nil, own.first ?? nil != nil { return false }
        return zip(mask.dims, own).allSatisfy { a, b in a == nil || b == nil || a == b || a == 1 }
    }
}
