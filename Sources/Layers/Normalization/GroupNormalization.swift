package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Normalization of each sample's channels in groups.
///
/// Formula: y = gamma·(x − μ) / √(σ² + epsilon) + beta, mean and variance taken over a group's channels and all places of a
/// sample. `groups` of −1 is instance normalization: each channel by itself.
/// Shapes: (batch, …) → the same. The mask goes on.
/// Weights: gamma, beta (each if wanted), of the extent of `axis`.
/// Config: `groups`, `axis`, `epsilon`, `center`, `scale`, initializers, regularizers, constraints.
/// Source: keras/src/layers/normalization/group_normalization.py (3.15).
public struct GroupNormalization: BuiltInLayer {
    public static let className = "GroupNormalization"
    public var common: LayerCommon
    public var groups: Int
    /// The channels' axis; negative counts from the end.
    public var axis: Int
    public var epsilon: Double
    public var center: Bool
    public var scale: Bool
    public var betaInitializer: Initializer
    public var gammaInitializer: Initializer
    public var betaRegularizer: Regularizer?
    public var gammaRegularizer: Regularizer?
    public var betaConstraint: Constraint?
    public var gammaConstraint: Constraint?

    public init(
        groups: Int = 32, axis: Int = -1, epsilon: Double = 0.001, center: Bool = true, scale: Bool = true,
        betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones, betaRegularizer: Regularizer? = nil,
        gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil, gammaConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.betaInitializer = betaInitializer
        self.gammaInitializer = gammaInitializer
        self.betaRegularizer = betaRegularizer
        self.gammaRegularizer = gammaRegularizer
        self.betaConstraint = betaConstraint
        self.gammaConstraint = gammaConstraint
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        groups = try config.integer("groups", default: 32, atLeast: -1)
        guard groups != 0 else { throw config.wrong("groups", "a number of at least 1, or -1", .integer(groups)) }
        axis = try config.axes("axis", default: -1).axes[0]
        epsilon = try config.number("epsilon", default: 0.001)
        center = try config.bool("center", default: true)
        scale = try config.bool("scale", default: true)
        betaInitializer = try config.initializer("beta_initializer", default: .zeros)
        gammaInitializer = try config.initializer("gamma_initializer", default: .ones)
        betaRegularizer = try config.regularizer("beta_regularizer")
        gammaRegularizer = try config.regularizer("gamma_regularizer")
        betaConstraint = try config.constraint("beta_constraint")
        gammaConstraint = try config.constraint("gamma_constraint")
    }

    package func encode(into config: inout ConfigObject) {
        config["groups"] = .integer(groups)
        config["axis"] = .integer(axis)
        config["epsilon"] = .float(epsilon)
        config["center"] = .bool(center)
        config["scale"] = .bool(scale)
        config["beta_initializer"] = betaInitializer.config
        config["gamma_initializer"] = gammaInitializer.config
        config["beta_regularizer"] = betaRegularizer.config
        config["gamma_regularizer"] = gammaRegularizer.config
        config["beta_constraint"] = betaConstraint.config
        config["gamma_constraint"] = gammaConstraint.config
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let channels = try inputs.single().knownExtent(axis, "axis \(axis) (the channels)")
        let count = groups == -1 ? channels : groups
        guard count > 0, count <= channels, channels % count == 0 else {
            throw LocatedError(
                .mismatch, "groupNormalization.groups", "expected channels in \(count) equal groups, got \(channels) of them",
                at: ["config/groups"])
        }
        let shape: Shape = [channels]
        var slots: [WeightSlot] = []
        if scale {
            slots.append(
                WeightSlot(
                    "gamma", shape, initializer: gammaInitializer.config, regularizer: gammaRegularizer.config,
                    constraint: gammaConstraint.config))
        }
        if center {
            slots.append(
                WeightSlot(
                    "beta", shape, initializer: betaInitializer.config, regularizer: betaRegularizer.config,
                    constraint: betaConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let shape = context.shape(input.value)
        let place = axis < 0 ? axis + shape.rank : axis
        let channels = try context.info(input.value).knownExtent(axis, "axis \(axis) (the channels)")
        let count = groups == -1 ? channels : groups
        var grouped = shape.dims
        grouped[place] = channels / count
        grouped.insert(count, at: place)
        let split = try context.apply(Ops.Reshape(to: PartialShape(grouped)), input.value)
        let within = (1..<grouped.count).filter { $0 != place }
        let normal = try context.normalized(split, over: within, .layer, epsilon: Float(epsilon))
        var output = try context.apply(Ops.Reshape(to: shape), normal)
        if scale {
            let gamma = try context.along([axis], context.weight("gamma"), of: output)
            output = try context.apply(Binary(.multiply), output, gamma)
        }
        if center { output = try context.apply(AddN(), output, try context.along([axis], context.weight("beta"), of: output)) }
        return [Signal(output, mask: input.mask)]
    }
}
