package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Normalization by the statistics of the batch while training, by moving averages of them afterwards.
///
/// Formula: y = gamma·(x − μ) / √(σ² + epsilon) + beta, for each place along `axis`. Training takes mean and variance of the
/// batch and moves the averages: moving ← momentum·moving + (1 − momentum)·statistic. Inference takes the averages.
/// With `renorm`, batch renormalization (Ioffe 2017): y = gamma·(r·(x − μ) / √(σ² + epsilon) + d) + beta, r and d told by the
/// batch's statistics and further moving averages, and clipped as `renorm_clipping` says.
/// Shapes: any → the same. The mask goes on; steps that it leaves out have a part in the statistics but by Keras 3's rule.
/// Weights: gamma, beta (each if wanted), moving_mean, moving_variance, all of the extent of `axis`; the averages aren't
/// trainable. With `renorm` also moving_stddev, renorm_mean, renorm_stddev.
/// Config: `axis` (a number or a list of one), `momentum`, `epsilon`, `center`, `scale`, initializers, regularizers,
/// constraints, `renorm`, `renorm_clipping`, `renorm_momentum`, `synchronized` (no matter on one machine);
/// `LegacyName.varianceRule`, see `VarianceRule`; `LegacyName.mode`, Keras 1's.
/// Differs from Keras: tf.keras's batch renormalization, which moves other averages than Keras 3's, is refused in training.
/// Source: keras/layers/normalization.py (2.3.1), keras/src/layers/normalization/batch_normalization.py (3.15).
public struct BatchNormalization: BuiltInLayer {
    public static let className = "BatchNormalization"
    public var common: LayerCommon
    /// The axis that keeps its statistics apart, usually the channels'; negative counts from the end.
    public var axis: Int
    public var momentum: Double
    public var epsilon: Double
    public var center: Bool
    public var scale: Bool
    public var betaInitializer: Initializer
    public var gammaInitializer: Initializer
    public var movingMeanInitializer: Initializer
    public var movingVarianceInitializer: Initializer
    public var betaRegularizer: Regularizer?
    public var gammaRegularizer: Regularizer?
    public var betaConstraint: Constraint?
    public var gammaConstraint: Constraint?
    /// Which generation's training this is.
    package var varianceRule: VarianceRule
    /// Keys that are written as they were read.
    private var axisIsList = false
    private var synchronized = false
    private var renormMomentumKey: ConfigValue = 0.99
    private var renormClippingKey: ConfigValue = .null
    /// Whether the batch's statistics are corrected towards the averages, and how far; nil: not at all.
    public var renorm: Renormalization?
    /// Keras 1's mode 1: each sample by its own statistics over the last axis. Mode 2: the batch's in inference, too.
    package var mode: Mode = .averages

    package enum Mode: Int, Sendable {
        case averages = 0
        case samples = 1
        case batches = 2
    }

    /// Limits of the correction, nil for none.
    public struct Renormalization: Sendable, Hashable {
        public var rMin: Double?
        public var rMax: Double?
        public var dMax: Double?
        public var momentum: Double

        public init(rMin: Double? = nil, rMax: Double? = nil, dMax: Double? = nil, momentum: Double = 0.99) {
            self.rMin = rMin
            self.rMax = rMax
            self.dMax = dMax
            self.momentum = momentum
        }
    }

    /// Which variance the moving average takes in, and what a frozen layer does in training.
    package enum VarianceRule: String, Sendable, CaseIterable {
        /// Keras 1: σ². A frozen layer goes on taking the batch's statistics and moving its averages.
        case keras1 = "keras-1"
        /// Standalone Keras 2 on TensorFlow 1: σ²·n / (n − 1 − epsilon); where the axes allow the fused kernel (four axes,
        /// `axis` 3) that variance is already σ²·n / (n − 1). A frozen layer goes on taking the batch's statistics.
        case keras2 = "keras-2.3"
        /// Keras 2.0 to 2.1.3: σ², as 1. A frozen layer as in 2.3.
        case keras20 = "keras-2.0"
        /// On Theano: the same rules, of σ² + epsilon, and without a fused kernel.
        case keras1Theano = "keras-1-theano"
        case keras20Theano = "keras-2.0-theano"
        case keras2Theano = "keras-2.3-theano"
        /// tf.keras: σ²·n / (n − 1) with the fused kernel, else σ². Frozen: inference.
        case tfKeras = "tf-keras"
        /// σ². Frozen: inference.
        case keras3 = "keras-3"

        /// Standalone Keras: what each call of a step does begins with the averages of before the step.
        var isStandalone: Bool { self != .tfKeras && self != .keras3 }

        var isKeras1: Bool { self == .keras1 || self == .keras1Theano }
    }

    public init(
        axis: Int = -1, momentum: Double = 0.99, epsilon: Double = 0.001, center: Bool = true, scale: Bool = true,
        betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
        movingMeanInitializer: Initializer = .zeros, movingVarianceInitializer: Initializer = .ones,
        betaRegularizer: Regularizer? = nil, gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
        gammaConstraint: Constraint? = nil, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.axis = axis
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.betaInitializer = betaInitializer
        self.gammaInitializer = gammaInitializer
        self.movingMeanInitializer = movingMeanInitializer
        self.movingVarianceInitializer = movingVarianceInitializer
        self.betaRegularizer = betaRegularizer
        self.gammaRegularizer = gammaRegularizer
        self.betaConstraint = betaConstraint
        self.gammaConstraint = gammaConstraint
        varianceRule = .keras2
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        (axis, axisIsList) = try Self.axis(&config)
        momentum = try config.number("momentum", default: 0.99)
        epsilon = try config.number("epsilon", default: 0.001)
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        betaInitializer = try config.initializer("beta_initializer", default: .zeros)
        gammaInitializer = try config.initializer("gamma_initializer", default: .ones)
        movingMeanInitializer = try config.initializer("moving_mean_initializer", default: .zeros)
        movingVarianceInitializer = try config.initializer("moving_variance_initializer", default: .ones)
        betaRegularizer = try config.regularizer("beta_regularizer")
        gammaRegularizer = try config.regularizer("gamma_regularizer")
        betaConstraint = try config.constraint("beta_constraint")
        gammaConstraint = try config.constraint("gamma_constraint")
        synchronized = try config.bool("synchronized", default: false)
        let hasRenorm = try config.bool("renorm", default: false)
        renormClippingKey = config.value("renorm_clipping") ?? .null
        renormMomentumKey = config.value("renorm_momentum") ?? 0.99
        if hasRenorm {
            var limits = ConfigReader(renormClippingKey.object ?? [:], at: "config/renorm_clipping")
            guard renormClippingKey.isNull || renormClippingKey.object != nil else {
                throw config.wrong("renorm_clipping", "limits by name or null", renormClippingKey)
            }
            guard let momentum = renormMomentumKey.number else {
                throw config.wrong("renorm_momentum", "a number", renormMomentumKey)
            }
            renorm = Renormalization(
                rMin: try limits.optionalNumber("rmin"), rMax: try limits.optionalNumber("rmax"),
                dMax: try limits.optionalNumber("dmax"), momentum: momentum)
            try limits.finish()
        }
        if let value = config.value(LegacyName.mode) {
            guard let known = value.integer.flatMap(Mode.init) else {
                throw config.wrong(LegacyName.mode, "the mode 0, 1 or 2", value)
            }
            mode = known
        }
        varianceRule = try config.word(LegacyName.varianceRule, default: .keras3)
    }

    /// A number, or a list of one as tf.keras writes it.
    private static func axis(_ config: inout ConfigReader) throws(LocatedError) -> (Int, isList: Bool) {
        let value = config.value("axis") ?? -1
        guard let items = value.array else {
            guard let axis = value.integer else { throw config.wrong("axis", "an axis", value) }
            return (axis, false)
        }
        guard items.count == 1 else {
            throw LocatedError(
                .unsupported, "batchNormalization.axis", "expected one axis, got \(items.count)", at: ["config/axis"])
        }
        guard let axis = items[0].integer else { throw config.wrong("axis", "an axis", items[0]) }
        return (axis, true)
    }

    package func encode(into config: inout ConfigObject) {
        config["axis"] = axisIsList ? [.integer(axis)] : .integer(axis)
        config["momentum"] = .float(momentum)
        config["epsilon"] = .float(epsilon)
        config["center"] = .bool(center)
        config["scale"] = .bool(scale)
        config["beta_initializer"] = betaInitializer.config
        config["gamma_initializer"] = gammaInitializer.config
        config["moving_mean_initializer"] = movingMeanInitializer.config
        config["moving_variance_initializer"] = movingVarianceInitializer.config
        config["beta_regularizer"] = betaRegularizer.config
        config["gamma_regularizer"] = gammaRegularizer.config
        config["beta_constraint"] = betaConstraint.config
        config["gamma_constraint"] = gammaConstraint.config
        config["synchronized"] = .bool(synchronized)
        config["renorm"] = .bool(renorm != nil)
        config["renorm_clipping"] = clippingConfig
        config["renorm_momentum"] = renormMomentumConfig
        if mode != .averages { config[LegacyName.mode] = .integer(mode.rawValue) }
        if varianceRule != .keras3 { config[LegacyName.varianceRule] = .string(varianceRule.rawValue) }
    }

    /// As it was read, or what `renorm` says.
    private var clippingConfig: ConfigValue {
        guard let renorm, renormClippingKey.object == nil else { return renormClippingKey }
        var limits: ConfigObject = [:]
        if let rMin = renorm.rMin { limits["rmin"] = .float(rMin) }
        if let rMax = renorm.rMax { limits["rmax"] = .float(rMax) }
        if let dMax = renorm.dMax { limits["dmax"] = .float(dMax) }
        return .object(limits)
    }

    private var renormMomentumConfig: ConfigValue {
        guard let renorm, renormMomentumKey.number != renorm.momentum else { return renormMomentumKey }
        return .float(renorm.momentum)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let extent = try inputs.single().knownExtent(axis, "axis \(axis) (one statistic for each place)")
        var slots: [WeightSlot] = []
        if scale {
            slots.append(
                WeightSlot(
                    "gamma", [extent], initializer: gammaInitializer.config, regularizer: gammaRegularizer.config,
                    constraint: gammaConstraint.config))
        }
        if center {
            slots.append(
                WeightSlot(
                    "beta", [extent], initializer: betaInitializer.config, regularizer: betaRegularizer.config,
                    constraint: betaConstraint.config))
        }
        slots.append(WeightSlot("moving_mean", [extent], trainable: false, initializer: movingMeanInitializer.config))
        slots.append(
            WeightSlot("moving_variance", [extent], trainable: false, initializer: movingVarianceInitializer.config))
        if renorm != nil {
            let deviation = movingVarianceInitializer.squareRoot.config
            slots += [
                WeightSlot("moving_stddev", [extent], trainable: false, initializer: deviation),
                WeightSlot("renorm_mean", [extent], trainable: false, initializer: movingMeanInitializer.config),
                WeightSlot("renorm_stddev", [extent], trainable: false, initializer: deviation),
            ]
        }
        return slots
    }

    package var mixesSamples: Bool { true }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        if mode == .samples { return [Signal(try normalizedSamples(input.value, context), mask: input.mask)] }
        let rank = context.shape(input.value).rank
        let place = axis < 0 ? axis + rank : axis
        // What a convolution in front can take in is called -1.
        let axis = place == rank - 1 ? -1 : place
        let affine = (scale ? [context.weight("gamma")] : []) + (center ? [context.weight("beta")] : [])
        // Of several calls, each of Keras 2.3's starts from the averages of before the step; later Keras's go on from the last.
        let statistics = ["moving_mean", "moving_variance"].map {
            varianceRule.isStandalone ? context.weight($0) : context.state($0)
        }
        let operands = [input.value] + affine + statistics
        let epsilon = Float(epsilon)

        guard mode == .batches || (context.training && (common.trainable || varianceRule.isStandalone)) else {
            let normalize = BatchNormalize(axis: axis, epsilon: epsilon, scale: scale, center: center)
            return [Signal(try context.apply(normalize, to: operands)[0], mask: input.mask)]
        }
        if renorm != nil || (input.mask != nil && varianceRule == .keras3) {
            return [Signal(try normalizedByParts(input, axis: place, context), mask: input.mask)]
        }
        let normalize = BatchNormalizeTraining(
            axis: axis, epsilon: epsilon, momentum: Float(momentum), scale: scale, center: center,
            rule: rule(place: place, rank: rank))
        let outputs = try context.apply(normalize, to: operands)
        // Keras 1 updates whatever asks for it, trained or frozen.
        if common.trainable || varianceRule.isKeras1, context.training, mode == .averages {
            try move("moving_mean", to: outputs[1], context)
            try move("moving_variance", to: outputs[2], context)
        }
        return [Signal(outputs[0], mask: input.mask)]
    }

    /// Updates an average; where an earlier call has, the changes of both add up under Keras 2.3's rule.
    private func move(_ name: String, to value: Value, _ context: LoweringContext) throws(LocatedError) {
        let (earlier, before) = (context.state(name), context.weight(name))
        guard varianceRule.isStandalone, earlier != before else { return context.update(name, with: value) }
        let change = try context.apply(Binary(.subtract), value, before)
        context.update(name, with: try context.apply(AddN(), earlier, change))
    }

    /// The variance that enters the average. The fused kernel, which corrects it, applies to some ranks and axes only.
    private func rule(place: Int, rank: Int) -> BatchNormalizeTraining.VarianceRule {
        switch varianceRule {
        case .keras2: rank == 4 && place == 3 ? .keras2Fused : .keras2
        case .tfKeras: (4...5).contains(rank) && (place == 1 || place == rank - 1) ? .bessel : .biased
        case .keras1Theano, .keras20Theano: .theano
        case .keras2Theano: .keras2Theano
        case .keras1, .keras20, .keras3: .biased
        }
    }
}
