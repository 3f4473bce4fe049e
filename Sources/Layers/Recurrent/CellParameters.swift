package import KerasSpec
package import Tensors

/// What every recurrent cell is told besides its size and its activations.
public struct CellParameters: Sendable {
    public var useBias: Bool
    public var kernelInitializer: Initializer
    public var recurrentInitializer: Initializer
    public var biasInitializer: Initializer
    public var kernelRegularizer: Regularizer?
    public var recurrentRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var recurrentConstraint: Constraint?
    public var biasConstraint: Constraint?
    /// The share of the inputs, and of the state, that is dropped while training: the same in every step of a sequence.
    public var dropout: Double
    public var recurrentDropout: Double
    public var seed: Int?

    public init(
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        dropout: Double = 0, recurrentDropout: Double = 0, seed: Int? = nil
    ) {
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.recurrentInitializer = recurrentInitializer
        self.biasInitializer = biasInitializer
        self.kernelRegularizer = kernelRegularizer
        self.recurrentRegularizer = recurrentRegularizer
        self.biasRegularizer = biasRegularizer
        self.kernelConstraint = kernelConstraint
        self.recurrentConstraint = recurrentConstraint
        self.biasConstraint = biasConstraint
        self.dropout = dropout
        self.recurrentDropout = recurrentDropout
        self.seed = seed
    }

    package init(_ config: inout ConfigReader) throws(LocatedError) {
        useBias = try config.bool("use_bias", default: true)
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        recurrentInitializer = try config.initializer("recurrent_initializer", default: .orthogonal())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        recurrentRegularizer = try config.regularizer("recurrent_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        recurrentConstraint = try config.constraint("recurrent_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        dropout = try config.number("dropout", default: 0, in: 0...1)
        recurrentDropout = try config.number("recurrent_dropout", default: 0, in: 0...1)
        seed = try config.optionalInteger("seed")
        config.ignore("implementation")
    }

    /// Who writes its configuration: Keras puts some keys elsewhere in cells than in layers.
    enum Place {
        case cell
        /// With the layer's own activity regularizer.
        case layer(Regularizer?)
    }

    /// - Parameter unitForgetBias: nil where the class has no such key.
    func encode(into config: inout ConfigObject, _ place: Place, unitForgetBias: Bool? = nil, isConvolution: Bool = false) {
        var (inCell, activity) = (true, nil as Regularizer?)
        if case .layer(let regularizer) = place { (inCell, activity) = (false, regularizer) }
        config["use_bias"] = .bool(useBias)
        if let unitForgetBias, inCell, !isConvolution { config["unit_forget_bias"] = .bool(unitForgetBias) }
        config["kernel_initializer"] = kernelInitializer.config
        config["recurrent_initializer"] = recurrentInitializer.config
        config["bias_initializer"] = biasInitializer.config
        if let unitForgetBias, !inCell || isConvolution { config["unit_forget_bias"] = .bool(unitForgetBias) }
        config["kernel_regularizer"] = kernelRegularizer.config
        config["recurrent_regularizer"] = recurrentRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        if !inCell { config["activity_regularizer"] = activity.config }
        config["kernel_constraint"] = kernelConstraint.config
        config["recurrent_constraint"] = recurrentConstraint.config
        config["bias_constraint"] = biasConstraint.config
        config["dropout"] = .float(dropout)
        config["recurrent_dropout"] = .float(recurrentDropout)
    }

    var encodedSeed: ConfigValue { seed.map(ConfigValue.integer) ?? .null }

    /// kernel, recurrent_kernel and, with a bias, bias.
    func slots(kernel: Shape, recurrent: Shape, bias: Shape, unitForgetBias: Bool = false) -> [WeightSlot] {
        var slots = [
            WeightSlot(
                "kernel", kernel, initializer: kernelInitializer.config, regularizer: kernelRegularizer.config,
                constraint: kernelConstraint.config),
            WeightSlot(
                "recurrent_kernel", recurrent, initializer: GateInitializer.recurrent(recurrentInitializer),
                regularizer: recurrentRegularizer.config, constraint: recurrentConstraint.config),
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    "bias", bias,
                    initializer: unitForgetBias ? GateInitializer.unitForgetBias(biasInitializer) : biasInitializer.config,
                    regularizer: biasRegularizer.config, constraint: biasConstraint.config))
        }
        return slots
    }

    /// Whether a graph drops parts of the state, for which the fused ops have no place.
    func dropsState(_ context: LoweringContext) -> Bool { context.training && recurrentDropout > 0 }
}
