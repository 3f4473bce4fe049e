#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
package import KerasSpec
package import Tensors

/// A learning rate that is told by the number of steps made. Computed in float32 as Keras computes it.
///
/// Source: keras/src/optimizers/schedules/learning_rate_schedule.py (3.15); the same in tf.keras from 2.4 on.
public enum LearningRateSchedule: Hashable, Sendable {
    /// initial · rateᵖ with p = step / steps, without its fraction when `staircase`.
    case exponentialDecay(initialLearningRate: Double, decaySteps: Double, decayRate: Double, staircase: Bool = false)
    /// values[i] up to and including the step boundaries[i], the last one after all.
    case piecewiseConstantDecay(boundaries: [Double], values: [Double])
    /// (initial − end) · (1 − step / steps)ᵖᵒʷᵉʳ + end; with `cycle` steps grow to the next multiple when they are over.
    case polynomialDecay(
        initialLearningRate: Double, decaySteps: Double, endLearningRate: Double = 0.0001, power: Double = 1, cycle: Bool = false)
    /// initial / (1 + rate · step / steps), without the fraction of step / steps when `staircase`: what `decay` meant.
    case inverseTimeDecay(initialLearningRate: Double, decaySteps: Double, decayRate: Double, staircase: Bool = false)
    /// Down half a cosine to alpha · initial; before that, with a target, straight up from initial to it.
    case cosineDecay(
        initialLearningRate: Double, decaySteps: Double, alpha: Double = 0, warmupTarget: Double? = nil, warmupSteps: Double = 0)
    /// Half cosines, each `tMul` times as long and `mMul` times as high as the one before.
    case cosineDecayRestarts(
        initialLearningRate: Double, firstDecaySteps: Double, tMul: Double = 2, mMul: Double = 1, alpha: Double = 0)
    /// A half cosine times a straight line, as tf.keras has it: (alpha + left / steps) · ½(1 + cos π·2·periods·step / steps) + beta.
    case linearCosineDecay(
        initialLearningRate: Double, decaySteps: Double, numPeriods: Double = 0.5, alpha: Double = 0, beta: Double = 0.001)

    /// Keras's class name.
    public var className: String {
        switch self {
        case .linearCosineDecay: "LinearCosineDecay"
        case .exponentialDecay: "ExponentialDecay"
        case .piecewiseConstantDecay: "PiecewiseConstantDecay"
        case .polynomialDecay: "PolynomialDecay"
        case .inverseTimeDecay: "InverseTimeDecay"
        case .cosineDecay: "CosineDecay"
        case .cosineDecayRestarts: "CosineDecayRestarts"
        }
    }

    /// The rate of the step that follows `step` steps.
    public func rate(at step: Int) -> Double { Double(float(step)) }

    func float(_ step: Int) -> Float {
        let t = Float(step)
        switch self {
        case .exponentialDecay(let initial, let steps, let rate, let staircase):
            let p = t / Float(steps)
            return Float(initial) * powf(Float(rate), staircase ? p.rounded(.down) : p)
        case .piecewiseConstantDecay(let boundaries, let values):
            for (boundary, value) in zip(boundaries, values) where Double(step) <= boundary.rounded(.towardZero) { return Float(value) }
            return Float(values.last ?? 0)
        case .polynomialDecay(let initial, let steps, let end, let power, let cycle):
            var (now, all) = (t, Float(steps))
            if cycle { all *= step == 0 ? 1 : (t / Float(steps)).rounded(.up) } else { now = min(now, all) }
            return (Float(initial) - Float(end)) * powf(1 - now / all, Float(power)) + Float(end)
        case .inverseTimeDecay(let initial, let steps, let rate, let staircase):
            let p = t / Float(steps)
            return Float(initial) / (1 + Float(rate) * (staircase ? p.rounded(.down) : p))
        case .cosineDecay(let initial, let steps, let alpha, let target, let warmup):
            guard let target else {
                return Self.cosine(min(t, Float(steps)), Float(steps), from: Float(initial), alpha)
            }
            let now = min(t, Float(steps) + Float(warmup))
            if now < Float(warmup) {
                return now / Float(warmup) * (Float(target) - Float(initial)) + Float(initial)
            }
            return Self.cosine(now - Float(warmup), Float(steps), from: Float(target), alpha)
        case .cosineDecayRestarts(let initial, let steps, let tMul, let mMul, let alpha):
            var done = t / Float(steps)
            let restarts: Float
            if Float(tMul) == 1 {
                restarts = done.rounded(.down)
                done -= restarts
            } else {
                restarts = (logf(1 - done * (1 - Float(tMul))) / logf(Float(tMul))).rounded(.down)
                let length = powf(Float(tMul), restarts)
                done = (done - (1 - length) / (1 - Float(tMul))) / length
            }
            let height = 0.5 * powf(Float(mMul), restarts) * (1 + cosf(Float.pi * done))
            return Float(initial) * (Float(1 - alpha) * height + Float(alpha))
        case .linearCosineDecay(let initial, let steps, let periods, let alpha, let beta):
            let now = min(t, Float(steps))
            let line = (Float(steps) - now) / Float(steps)
            let wave = 0.5 * (1 + cosf(Float.pi * (2 * Float(periods) * (now / Float(steps)))))
            return Float(initial) * ((Float(alpha) + line) * wave + Float(beta))
        }
    }

    private static func cosine(_ step: Float, _ steps: Float, from start: Float, _ alpha: Double) -> Float {
        start * (Float(1 - alpha) * (0.5 * (1 + cosf(Float.pi * (step / steps)))) + Float(alpha))
    }

    // MARK: Configuration

    /// From `{"class_name": …, "config": {…}}` of any generation.
    ///
    /// Throws 69 `optimizer.schedule` for another's schedule and for `NoisyLinearCosineDecay`, which draws from TensorFlow's numbers.
    package init(config value: ConfigValue) throws(LocatedError) {
        guard let object = value.object, let name = object["class_name"]?.string else {
            throw LocatedError(
                .invalid, "optimizer.schedule", "expected a number or a learning rate schedule, got \(value.summary)")
        }
        var reader = ConfigReader(object["config"]?.object ?? [:])
        reader.ignore("name")
        switch name {
        case "ExponentialDecay", "InverseTimeDecay":
            let initial = try reader.number("initial_learning_rate")
            let (steps, rate) = (try reader.number("decay_steps"), try reader.number("decay_rate"))
            let staircase = try reader.bool("staircase", default: false)
            self =
                name == "ExponentialDecay"
                ? .exponentialDecay(initialLearningRate: initial, decaySteps: steps, decayRate: rate, staircase: staircase)
                : .inverseTimeDecay(initialLearningRate: initial, decaySteps: steps, decayRate: rate, staircase: staircase)
        case "PiecewiseConstantDecay":
            self = .piecewiseConstantDecay(
                boundaries: try Self.numbers(&reader, "boundaries"), values: try Self.numbers(&reader, "values"))
        case "PolynomialDecay":
            self = .polynomialDecay(
                initialLearningRate: try reader.number("initial_learning_rate"), decaySteps: try reader.number("decay_steps"),
                endLearningRate: try reader.number("end_learning_rate", default: 0.0001),
                power: try reader.number("power", default: 1), cycle: try reader.bool("cycle", default: false))
        case "CosineDecay":
            self = .cosineDecay(
                initialLearningRate: try reader.number("initial_learning_rate"), decaySteps: try reader.number("decay_steps"),
                alpha: try reader.number("alpha", default: 0), warmupTarget: try reader.optionalNumber("warmup_target"),
                warmupSteps: try reader.optionalNumber("warmup_steps") ?? 0)
        case "CosineDecayRestarts":
            self = .cosineDecayRestarts(
                initialLearningRate: try reader.number("initial_learning_rate"),
                firstDecaySteps: try reader.number("first_decay_steps"), tMul: try reader.number("t_mul", default: 2),
                mMul: try reader.number("m_mul", default: 1), alpha: try reader.number("alpha", default: 0))
        case "LinearCosineDecay":
            self = .linearCosineDecay(
                initialLearningRate: try reader.number("initial_learning_rate"), decaySteps: try reader.number("decay_steps"),
                numPeriods: try reader.number("num_periods", default: 0.5), alpha: try reader.number("alpha", default: 0),
                beta: try reader.number("beta", default: 0.001))
        case "NoisyLinearCosineDecay":
            throw LocatedError(
                .unsupported, "optimizer.schedule",
                "expected a learning rate that the step tells, got NoisyLinearCosineDecay, which draws its noise from TensorFlow's numbers",
                hint: "LinearCosineDecay is the same without noise.")
        default:
            throw LocatedError(
                .unsupported, "optimizer.schedule",
                "expected one of Keras's learning rate schedules, got \(name)",
                hint: "inspect and convert work all the same; compile anew with another learning rate.")
        }
        try reader.finish()
        if case .piecewiseConstantDecay(let boundaries, let values) = self,
            boundaries.isEmpty || values.count != boundaries.count + 1
        {
            throw LocatedError(
                .invalid, "optimizer.schedule",
                "expected boundaries and one value more, got \(boundaries.count) and \(values.count)")
        }
    }

    private static func numbers(_ reader: inout ConfigReader, _ key: String) throws(LocatedError) -> [Double] {
        let value = reader.value(key) ?? .null
        var numbers: [Double] = []
        for item in value.array ?? [] {
            guard let number = item.number else { throw reader.wrong(key, "a list of numbers", value) }
            numbers.append(number)
        }
        return numbers
    }

    /// In Keras 3's form.
    package var config: ConfigValue {
        var config: ConfigObject
        switch self {
        case .exponentialDecay(let initial, let steps, let rate, let staircase),
            .inverseTimeDecay(let initial, let steps, let rate, let staircase):
            config = [
                "initial_learning_rate": .float(initial), "decay_steps": .count(steps), "decay_rate": .float(rate),
                "staircase": .bool(staircase), "name": .string(className),
            ]
        case .piecewiseConstantDecay(let boundaries, let values):
            config = [
                "boundaries": .array(boundaries.map(ConfigValue.count)), "values": .array(values.map(ConfigValue.float)),
                "name": "PiecewiseConstant",
            ]
        case .polynomialDecay(let initial, let steps, let end, let power, let cycle):
            config = [
                "initial_learning_rate": .float(initial), "decay_steps": .count(steps), "end_learning_rate": .float(end),
                "power": .float(power), "cycle": .bool(cycle), "name": .string(className),
            ]
        case .cosineDecay(let initial, let steps, let alpha, let target, let warmup):
            config = [
                "initial_learning_rate": .float(initial), "decay_steps": .count(steps), "alpha": .float(alpha),
                "name": .string(className), "warmup_target": target.map(ConfigValue.float) ?? .null,
                "warmup_steps": .count(warmup),
            ]
        case .cosineDecayRestarts(let initial, let steps, let tMul, let mMul, let alpha):
            config = [
                "initial_learning_rate": .float(initial), "first_decay_steps": .count(steps), "t_mul": .float(tMul),
                "m_mul": .float(mMul), "alpha": .float(alpha), "name": "SGDRDecay",
            ]
        case .linearCosineDecay(let initial, let steps, let periods, let alpha, let beta):
            config = [
                "initial_learning_rate": .float(initial), "decay_steps": .count(steps), "num_periods": .float(periods),
                "alpha": .float(alpha), "beta": .float(beta), "name": .string(className),
            ]
        }
        return [
            "module": "keras.optimizers.schedules", "class_name": .string(className), "config": .object(config),
            "registered_name": .null,
        ]
    }
}

extension ConfigValue {
    /// A number that is mostly whole, as Keras writes it then.
    fileprivate static func count(_ value: Double) -> ConfigValue { Int(exactly: value).map(ConfigValue.integer) ?? .float(value) }
}
