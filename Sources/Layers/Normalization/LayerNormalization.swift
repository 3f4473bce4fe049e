package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Normalization of each sample, or each place of it, by its own statistics.
///
/// Formula: y = gamma·(x − μ) / √(σ² + epsilon) + beta, mean and variance taken over `axis`; with `rms_scaling`
/// y = gamma·x / √(σ² + epsilon).
/// Shapes: any → the same. The mask goes on.
/// Weights: gamma, beta (each if wanted), of the extents of `axis`.
/// Config: `axis` (a number or a list), `epsilon`, `center`, `scale`, `rms_scaling`, initializers, regularizers, constraints.
/// Source: keras/src/layers/normalization/layer_normalization.py (3.15).
public struct LayerNormalization: BuiltInLayer {
    public static let className = "LayerNormalization"
    public var common: LayerCommon
    /// Negative ones count from the end.
    public var axes: [Int]
    public var epsilon: Double
    public var center: Bool
    public var scale: Bool
    /// Keras's older, deprecated scaling without the mean.
    public var rmsScaling: Bool
    public var betaInitializer: Initializer
    public var gammaInitializer: Initializer
    public var betaRegularizer: Regularizer?
    public var gammaRegularizer: Regularizer?
    public var betaConstraint: Constraint?
    public var gammaConstraint: Constraint?
    private var axisIsList = false

    public init(
        axis: Int = -1, epsilon: Double = 0.001, center: Bool = true, scale: Bool = true, rmsScaling: Bool = false,
        betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones, betaRegularizer: Regularizer? = nil,
        gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil, gammaConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        self.init(
            axes: [axis], epsilon: epsilon, center: center, scale: scale, rmsScaling: rmsScaling,
            betaInitializer: betaInitializer, gammaInitializer: gammaInitializer, betaRegularizer: betaRegularizer,
            gammaRegularizer: gammaRegularizer, betaConstraint: betaConstraint, gammaConstraint: gammaConstraint,
            inputShape: inputShape, name: name, trainable: trainable)
    }

    public init(
        axes: [Int], epsilon: Double = 0.001, center: Bool = true, scale: Bool = true, rmsScaling: Bool = false,
        betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones, betaRegularizer: Regularizer? = nil,
        gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil, gammaConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.axes = axes
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.rmsScaling = rmsScaling
        self.betaInitializer = betaInitializer
        self.gammaInitializer = gammaInitializer
        self.betaRegularizer = betaRegularizer
        self.gammaRegularizer = gammaRegularizer
        self.betaConstraint = betaConstraint
        self.gammaConstraint = gammaConstraint
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        (axes, axisIsList) = try config.axes("axis", default: -1)
        epsilon = try config.number("epsilon", default: 0.001)
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        rmsScaling = try config.bool("rms_scaling", default: false)
        betaInitializer = try config.initializer("beta_initializer", default: .zeros)
        gammaInitializer = try config.initializer("gamma_initializer", default: .ones)
        betaRegularizer = try config.regularizer("beta_regularizer")
        gammaRegularizer = try config.regularizer("gamma_regularizer")
        betaConstraint = try config.constraint("beta_constraint")
        gammaConstraint = try config.constraint("gamma_constraint")
    }

    package func encode(into config: inout ConfigObject) {
        config.setAxes("axis", axes, isList: axisIsList)
        config["epsilon"] = .float(epsilon)
        config["center"] = .bool(center)
        config["scale"] = .bool(scale)
        config["rms_scaling"] = .bool(rmsScaling)
        config["beta_initializer"] = betaInitializer.config
        config["gamma_initializer"] = gammaInitializer.config
        config["beta_regularizer"] = betaRegularizer.config
        config["gamma_regularizer"] = gammaRegularizer.config
        config["beta_constraint"] = betaConstraint.config
        config["gamma_constraint"] = gammaConstraint.config
    }

    private var hasGamma: Bool { scale || rmsScaling }
    private var hasBeta: Bool { center && !rmsScaling }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let input = try inputs.single()
        var dims: [Int] = []
        for axis in axes.sorted() { dims.append(try input.knownExtent(axis, "axis \(axis) (one weight for each place)")) }
        let shape = Shape(dims)
        var slots: [WeightSlot] = []
        if hasGamma {
            slots.append(
                WeightSlot(
                    "gamma", shape, initializer: gammaInitializer.config, regularizer: gammaRegularizer.config,
                    constraint: gammaConstraint.config))
        }
        if hasBeta {
            slots.append(
                WeightSlot(
                    "beta", shape, initializer: betaInitializer.config, regularizer: betaRegularizer.config,
                    constraint: betaConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        var output = try context.normalized(
            input.value, over: axes, rmsScaling ? .variance : .layer, epsilon: Float(epsilon))
        if hasGamma {
            let gamma = try context.along(axes, context.weight("gamma"), of: input.value)
            output = try context.apply(Binary(.multiply), output, gamma)
        }
        if hasBeta {
            output = try context.apply(AddN(), output, try context.along(axes, context.weight("beta"), of: input.value))
        }
        return [Signal(output, mask: input.mask)]
    }
}

extension LoweringContext {
    /// What is divided by its own norm, taken over some axes together.
    func normalized(_ value: Value, over axes: [Int], _ kind: RowNorm, epsilon: Float) throws(LocatedError) -> Value {
        try lastAxes(axes, of: value) { (value) throws(LocatedError) in
            try apply(RowNormalize(kind, epsilon: epsilon), value)
        }
    }

    /// A weight whose axes are some of a value's, in their order, shaped so that it broadcasts to the value.
    func along(_ axes: [Int], _ weight: Value, of value: Value) throws(LocatedError) -> Value {
        let rank = shape(value).rank
        let places = try settled(axes, rank: rank)
        if places == Array((rank - places.count)..<rank) { return weight }
        let own = shape(weight)
        guard own.rank == places.count else {
            throw LocatedError(.invalid, "layer.axis", "expected each axis once, got \(axes)", at: [label, "config/axis"])
        }
        var dims = [Int?](repeating: 1, count: rank - places[0])
        for (index, place) in places.enumerated() { dims[place - places[0]] = own[index] }
        return try apply(Ops.Reshape(to: PartialShape(dims)), weight)
    }
}
