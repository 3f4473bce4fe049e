package import KerasSpec
internal import Kernels
package import Tensors

/// Rectification from a threshold on.
///
/// Formula: y = x for x > theta, else 0.
/// Shapes: any → the same. The mask goes on.
/// Config: `theta`.
/// Source: keras/src/legacy/layers.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct ThresholdedReLU: ActivationLayer {
    public static let className = "ThresholdedReLU"
    public var common: LayerCommon
    public var theta: Double

    public init(_ theta: Double = 1, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.theta = theta
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        theta = try config.number("theta", default: 1)
    }

    package func encode(into config: inout ConfigObject) { config["theta"] = .float(theta) }

    package var function: ActivationFunction {
        ActivationFunction(layer: Self.className, .elementwise(.threshold(Float(theta), value: 0)))
    }
}
