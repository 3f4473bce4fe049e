#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Moments of the gradient, corrected for their start at zero.
///
/// m = β₁·m + (1 − β₁)·g; v = β₂·v + (1 − β₂)·g²; w −= rate·√(1 − β₂ᵗ⁺¹)/(1 − β₁ᵗ⁺¹)·m / (√v + ε). With `amsgrad` the largest v
/// so far takes v's place. t is the number of steps before.
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/adam.py (3.15).
public struct Adam: BuiltInOptimizer {
    public static let className = "Adam"
    public var learningRate: Double
    public var beta1: Double
    public var beta2: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    public var decay: Double
    public var amsgrad: Bool
    public var clipnorm: Double?
    public var clipvalue: Double?

    public init(
        learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double? = nil, decay: Double = 0,
        amsgrad: Bool = false, clipnorm: Double? = nil, clipvalue: Double? = nil
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.decay = decay
        self.amsgrad = amsgrad
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        let common = try config.common(defaultRate: 0.001)
        self.init(
            learningRate: common.learningRate, beta1: try config.number("beta_1", default: 0.9),
            beta2: try config.number("beta_2", default: 0.999), epsilon: try config.optionalNumber("epsilon"),
            decay: common.decay, amsgrad: try config.bool("amsgrad", default: false), clipnorm: common.clipnorm,
            clipvalue: common.clipvalue)
    }

    package func config(for generation: TrainingGeneration) -> ConfigObject {
        var config = configStart(for: generation)
        config["beta_1"] = stored(beta1, generation)
        config["beta_2"] = stored(beta2, generation)
        if generation.isStandalone { config["decay"] = .float32(decay) }
        config["epsilon"] = .float(epsilon ?? generation.defaultEpsilon)
        if generation != .keras1 { config["amsgrad"] = .bool(amsgrad) }
        return config
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] {
        amsgrad ? [.momentum, .velocity, .velocityHat] : [.momentum, .velocity]
    }

    package func rule(iterations: Int, rate: Double, generation: TrainingGeneration) -> StepRule {
        let t = Float(iterations) + 1
        let correction = (1 - pow(Float(beta2), t)).squareRoot() / (1 - pow(Float(beta1), t))
        let (rest1, rest2) = (generation.rest(of: beta1), generation.rest(of: beta2))
        // Later generations write m += (g − m)·(1 − β): what is left of m is 1 − (1 − β).
        let isOld = generation.isStandalone
        return .adam(
            rate: decayed(rate, iterations, generation) * correction, beta1: isOld ? Float(beta1) : Float(1 - Double(rest1)),
            rest1: rest1, beta2: isOld ? Float(beta2) : Float(1 - Double(rest2)), rest2: rest2,
            epsilon: Float(epsilon ?? generation.defaultEpsilon), keepsLargest: amsgrad)
    }
}
