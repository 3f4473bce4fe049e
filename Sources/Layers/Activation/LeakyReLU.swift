package import KerasSpec
internal import Kernels
package import Tensors

/// Rectification that lets a share of the negative values through.
///
/// Formula: y = x for x > 0, negative_slope·x below.
/// Shapes: any → the same. The mask goes on.
/// Config: `negative_slope`; `alpha` is its older name.
/// Source: keras/src/layers/activations/leaky_relu.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct LeakyReLU: ActivationLayer {
    public static let className = "LeakyReLU"
    public var common: LayerCommon
    public var negativeSlope: Double

    public init(_ negativeSlope: Double = 0.3, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.negativeSlope = negativeSlope
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        let alpha = try config.optionalNumber("alpha")
        negativeSlope = try config.number("negative_slope", default: alpha ?? 0.3)
    }

    package func encode(into config: inout ConfigObject) { config["negative_slope"] = .float(negativeSlope) }

    package var function: ActivationFunction {
        ActivationFunction(layer: Self.className, .elementwise(.relu(negativeSlope: Float(negativeSlope))))
    }
}
