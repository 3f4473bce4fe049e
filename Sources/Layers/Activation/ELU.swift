package import KerasSpec
internal import Kernels
package import Tensors

/// Exponential linear unit.
///
/// Formula: y = x for x > 0, alpha·(exp(x) − 1) below.
/// Shapes: any → the same. The mask goes on.
/// Config: `alpha`.
/// Source: keras/src/layers/activations/elu.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct ELU: ActivationLayer {
    public static let className = "ELU"
    public var common: LayerCommon
    public var alpha: Double

    public init(_ alpha: Double = 1, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.alpha = alpha
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        alpha = try config.number("alpha", default: 1)
    }

    package func encode(into config: inout ConfigObject) { config["alpha"] = .float(alpha) }

    package var function: ActivationFunction {
        ActivationFunction(layer: Self.className, .elementwise(.elu(alpha: Float(alpha))))
    }
}
