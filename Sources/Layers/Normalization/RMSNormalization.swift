package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Division by the root of the mean of squares.
///
/// Formula: y = scale·x / √(mean(x²) + epsilon), the mean taken over `axis`. The scale is broadcast along the last axes, as
/// Keras does it, whichever `axis` is.
/// Shapes: any → the same. No mask goes on.
/// Weights: scale, of the extents of `axis`.
/// Config: `axis` (a number or a list), `epsilon`.
/// Source: keras/src/layers/normalization/rms_normalization.py (3.15).
public struct RMSNormalization: BuiltInLayer {
    public static let className = "RMSNormalization"
    public var common: LayerCommon
    /// Negative ones count from the end.
    public var axes: [Int]
    public var epsilon: Double
    private var axisIsList = false

    public init(
        axis: Int = -1, epsilon: Double = 1e-6, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        self.init(axes: [axis], epsilon: epsilon, inputShape: inputShape, name: name, trainable: trainable)
    }

    public init(
        axes: [Int], epsilon: Double = 1e-6, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.axes = axes
        self.epsilon = epsilon
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        (axes, axisIsList) = try config.axes("axis", default: -1)
        epsilon = try config.number("epsilon", default: 1e-6)
    }

    package func encode(into config: inout ConfigObject) {
        config.setAxes("axis", axes, isList: axisIsList)
        config["epsilon"] = .float(epsilon)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let input = try inputs.single()
        var dims: [Int] = []
        for axis in axes.sorted() { dims.append(try input.knownExtent(axis, "axis \(axis) (one weight for each place)")) }
        return [WeightSlot("scale", Shape(dims), initializer: Initializer.ones.config)]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let output = try context.normalized(input, over: axes, .rootMeanSquare, epsilon: Float(epsilon))
        return [Signal(try context.apply(Binary(.multiply), output, context.weight("scale")))]
    }
}
