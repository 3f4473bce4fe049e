package import KerasSpec
internal import Kernels
package import Tensors

/// Rectification with a slope, a threshold and a ceiling.
///
/// Formula: y = max_value for x ≥ max_value, x for threshold < x < max_value, negative_slope·(x − threshold) below.
/// Shapes: any → the same. The mask goes on.
/// Config: `max_value` (null: none), `negative_slope`, `threshold`.
/// Source: keras/src/layers/activations/relu.py (3.15), keras/layers/advanced_activations.py (2.3.1).
public struct ReLU: ActivationLayer {
    public static let className = "ReLU"
    public var common: LayerCommon
    public var maxValue: Double?
    public var negativeSlope: Double
    public var threshold: Double

    public init(
        maxValue: Double? = nil, negativeSlope: Double = 0, threshold: Double = 0, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.maxValue = maxValue
        self.negativeSlope = negativeSlope
        self.threshold = threshold
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        maxValue = try config.optionalNumber("max_value")
        negativeSlope = try config.number("negative_slope", default: 0, in: 0 ... .infinity)
        threshold = try config.number("threshold", default: 0, in: 0 ... .infinity)
        if let maxValue, maxValue < 0 { throw config.wrong("max_value", "a number of at least 0 or null", .float(maxValue)) }
    }

    package func encode(into config: inout ConfigObject) {
        config["max_value"] = maxValue.map(ConfigValue.float) ?? .null
        config["negative_slope"] = .float(negativeSlope)
        config["threshold"] = .float(threshold)
    }

    package var function: ActivationFunction {
        ActivationFunction(
            layer: Self.className,
            .elementwise(
                .relu(
                    negativeSlope: Float(negativeSlope), maxValue: maxValue.map { Float($0) } ?? .infinity,
                    threshold: Float(threshold))))
    }
}
