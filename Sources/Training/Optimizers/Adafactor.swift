#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// Gradients divided by mean squares that are kept by rows and columns only.
///
/// s = g² + ε₁; of a matrix r and c follow the means of s over columns and rows by 1 − (t + 1)^β₂, v = r/mean(r)·c; of a vector v
/// follows s. u = g/√v; w −= max(ε₂, rms(w))·min(rate, 1/√(t + 1))·u / max(1, rms(u)/threshold). tf.keras from 2.11 on, Keras 3.
/// Source: keras/src/optimizers/adafactor.py (3.15).
public struct Adafactor: BuiltInOptimizer {
    public static let className = "Adafactor"
    public var settings: OptimizerSettings
    public var beta2Decay: Double
    public var epsilon1: Double
    public var epsilon2: Double
    public var clipThreshold: Double
    /// Whether a rate that is no schedule is at most 1/√(t + 1); it is in any case.
    public var relativeStep: Bool

    public init(
        learningRate: Double = 0.001, beta2Decay: Double = -0.8, epsilon1: Double = 1e-30, epsilon2: Double = 0.001,
        clipThreshold: Double = 1, relativeStep: Bool = true, schedule: LearningRateSchedule? = nil,
        clipnorm: Double? = nil, clipvalue: Double? = nil, weightDecay: Double? = nil
    ) {
        self.beta2Decay = beta2Decay
        self.epsilon1 = epsilon1
        self.epsilon2 = epsilon2
        self.clipThreshold = clipThreshold
        self.relativeStep = relativeStep
        settings = OptimizerSettings(
            learningRate: learningRate, schedule: schedule, clipnorm: clipnorm, clipvalue: clipvalue,
            weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001)
        beta2Decay = try config.number("beta_2_decay", default: -0.8)
        epsilon1 = try config.number("epsilon_1", default: 1e-30)
        epsilon2 = try config.number("epsilon_2", default: 0.001)
        clipThreshold = try config.number("clip_threshold", default: 1)
        relativeStep = try config.bool("relative_step", default: true)
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "beta_2_decay": .float(beta2Decay), "epsilon_1": .float(epsilon1), "epsilon_2": .float(epsilon2),
            "clip_threshold": .float(clipThreshold), "relative_step": .bool(relativeStep)
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.rows, .columns, .velocity] }

    package func shape(of slot: OptimizerSlot, beside weight: Shape, path: String) -> Shape? {
        guard slot == .rows || slot == .columns else { return weight }
        guard weight.rank >= 2 else { return nil }
        var dims = weight.dims
        dims.remove(at: slot == .rows ? dims.count - 1 : dims.count - 2)
        return Shape(dims)
    }

    package func rule(_ step: StepContext) -> StepRule {
        let t = Float(step.iterations) + 1
        let decay = 1 - powf(t, Float(beta2Decay))
        return .adafactor(
            rate: min(step.rate, 1 / t.squareRoot()), decay: decay, rest: 1 - decay, epsilon1: Float(epsilon1),
            epsilon2: Float(epsilon2), threshold: Float(clipThreshold))
    }
}
