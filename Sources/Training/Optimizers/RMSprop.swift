package import KerasSpec
package import Tensors

/// Gradients divided by the root of their mean square.
///
/// a = rho·a + (1 − rho)·g²; w −= rate·g / (√a + ε), from tf.keras 2.11 on w −= rate·g / √(a + ε).
/// Source: keras/optimizers.py (2.3.1), keras/src/optimizers/rmsprop.py (3.15).
public struct RMSprop: BuiltInOptimizer {
    public static let className = "RMSprop"
    public var learningRate: Double
    public var rho: Double
    /// nil is Keras's default: 1e-7, in Keras 1 1e-8.
    public var epsilon: Double?
    public var decay: Double
    public var clipnorm: Double?
    public var clipvalue: Double?

    public init(
        learningRate: Double = 0.001, rho: Double = 0.9, epsilon: Double? = nil, decay: Double = 0, clipnorm: Double? = nil,
        clipvalue: Double? = nil
    ) {
        self.learningRate = learningRate
        self.rho = rho
        self.epsilon = epsilon
        self.decay = decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        let common = try config.common(defaultRate: 0.001)
        try config.require("momentum", .float(0), .integer(0))
        try config.require("centered", false)
        self.init(
            learningRate: common.learningRate, rho: try config.number("rho", default: 0.9),
            epsilon: try config.optionalNumber("epsilon"), decay: common.decay, clipnorm: common.clipnorm,
            clipvalue: common.clipvalue)
    }

    package func config(for generation: TrainingGeneration) -> ConfigObject {
        var config = configStart(for: generation)
        config["rho"] = stored(rho, generation)
        if generation.isStandalone {
            config["decay"] = .float32(decay)
        } else {
            config["momentum"] = 0.0
        }
        config["epsilon"] = .float(epsilon ?? generation.defaultEpsilon)
        if !generation.isStandalone { config["centered"] = false }
        return config
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.velocity] }

    package func rule(iterations: Int, rate: Double, generation: TrainingGeneration) -> StepRule {
        .rmsprop(
            rate: decayed(rate, iterations, generation), rho: Float(rho), rest: generation.rest(of: rho),
            epsilon: Float(epsilon ?? generation.defaultEpsilon), epsilonInside: !generation.isBefore211)
    }
}

extension TrainingGeneration {
    var defaultEpsilon: Double { self == .keras1 ? 1e-8 : 1e-7 }

    /// 1 − x: of a float32 variable in the older generations, of Python's double later.
    func rest(of x: Double) -> Float { isBefore211 ? 1 - Float(x) : Float(1 - x) }
}
