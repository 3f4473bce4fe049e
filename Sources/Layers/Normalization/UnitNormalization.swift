internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Division by the Euclidean norm.
///
/// Formula: y = x / max(√Σx², 1e-12), the sum taken over `axis`.
/// Shapes: any → the same. The mask goes on.
/// Config: `axis` (a number or a list).
/// Source: keras/src/layers/normalization/unit_normalization.py (3.15).
public struct UnitNormalization: BuiltInLayer {
    public static let className = "UnitNormalization"
    public var common: LayerCommon
    /// Negative ones count from the end.
    public var axes: [Int]
    private var axisIsList = false

    public init(axis: Int = -1, inputShape: [Int?]? = nil, name: String? = nil) {
        self.init(axes: [axis], inputShape: inputShape, name: name)
    }

    public init(axes: [Int], inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.axes = axes
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        (axes, axisIsList) = try config.axes("axis", default: -1)
    }

    package func encode(into config: inout ConfigObject) { config.setAxes("axis", axes, isList: axisIsList) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        return [Signal(try context.normalized(input.value, over: axes, .unit, epsilon: 1e-12), mask: input.mask)]
    }
}
