internal import Graphs
internal import KerasSpec
internal import Tensors

/// How a convolution's window meets the border: Keras's `padding`.
public enum ConvolutionPadding: String, Sendable, CaseIterable {
    /// Only whole windows.
    case valid
    /// Zeros around, so that the output has ceil(input / stride) cells.
    case same
    /// Zeros in front only, so that no step sees a later one; over one axis.
    case causal
}

/// How a weight begins, what it costs and where it must stay.
public struct WeightOptions: Sendable {
    public var initializer: Initializer
    public var regularizer: Regularizer?
    public var constraint: Constraint?

    public init(
        _ initializer: Initializer = .glorotUniform(), regularizer: Regularizer? = nil, constraint: Constraint? = nil
    ) {
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
    }
}

/// What all convolutions are told, under Keras's names. Lists have a number for each spatial axis.
public struct ConvolutionOptions: Sendable {
    /// The number of output channels; 0 for depthwise convolutions, which have `depthMultiplier` for each input channel.
    public var filters: Int
    /// Output channels of each input channel, of depthwise and separable convolutions.
    public var depthMultiplier: Int
    public var kernelSize: [Int]
    public var strides: [Int]
    public var padding: ConvolutionPadding
    /// Cells added behind the smallest output of a transposed convolution; nil: as many as make Keras's usual size.
    public var outputPadding: [Int]?
    public var dataFormat: DataFormat
    public var dilationRate: [Int]
    public var groups: Int
    public var activation: ActivationFunction
    public var useBias: Bool
    /// Of the kernel; of the depthwise kernel where there is one.
    public var kernel: WeightOptions
    /// Of a separable convolution's second kernel.
    public var pointwise: WeightOptions
    public var bias: WeightOptions
    public var activityRegularizer: Regularizer?

    init(
        filters: Int = 0, depthMultiplier: Int = 1, kernelSize: [Int], strides: [Int], padding: ConvolutionPadding,
        outputPadding: [Int]? = nil, dataFormat: DataFormat, dilationRate: [Int], groups: Int = 1,
        activation: ActivationFunction, useBias: Bool, kernel: WeightOptions, pointwise: WeightOptions = WeightOptions(),
        bias: WeightOptions, activityRegularizer: Regularizer?
    ) {
        self.filters = filters
        self.depthMultiplier = depthMultiplier
        self.kernelSize = kernelSize
        self.strides = strides
        self.padding = padding
        self.outputPadding = outputPadding
        self.dataFormat = dataFormat
        self.dilationRate = dilationRate
        self.groups = groups
        self.activation = activation
        self.useBias = useBias
        self.kernel = kernel
        self.pointwise = pointwise
        self.bias = bias
        self.activityRegularizer = activityRegularizer
    }
}

extension ConvolutionOptions {
    public var kernelInitializer: Initializer { kernel.initializer }
    public var kernelRegularizer: Regularizer? { kernel.regularizer }
    public var kernelConstraint: Constraint? { kernel.constraint }
    public var biasInitializer: Initializer { bias.initializer }
    public var biasRegularizer: Regularizer? { bias.regularizer }
    public var biasConstraint: Constraint? { bias.constraint }
}

extension Padding {
    var ofConvolution: ConvolutionPadding { self == .same ? .same : .valid }
}

/// Which convolution a class is: what it does, and over how many axes.
package struct ConvolutionForm: Hashable, Sendable {
    package enum Kind: Hashable, Sendable { case plain, transposed, depthwise, separable }

    package var kind: Kind
    /// Spatial axes.
    package var rank: Int

    var hasFilters: Bool { kind != .depthwise }
    var hasMultiplier: Bool { kind == .depthwise || kind == .separable }
    var allowsCausal: Bool { rank == 1 && (kind == .plain || kind == .separable) }
    /// What the keys of the first kernel begin with.
    var kernelPrefix: String { hasMultiplier ? "depthwise" : "kernel" }
}

extension ConvolutionOptions {
    init(_ config: inout ConfigReader, _ form: ConvolutionForm) throws(LocatedError) {
        let ones = [Int](repeating: 1, count: form.rank)
        filters = form.hasFilters ? try config.integer("filters", atLeast: 1) : 0
        depthMultiplier = form.hasMultiplier ? try config.integer("depth_multiplier", default: 1, atLeast: 1) : 1
        kernelSize = try config.integers("kernel_size", count: form.rank)
        strides = try config.integers("strides", count: form.rank, default: ones)
        if form.allowsCausal {
            padding = try config.word("padding", default: .valid)
        } else {
            padding = try config.word("padding", default: Padding.valid).ofConvolution
        }
        outputPadding =
            form.kind == .transposed
            ? try config.optionalIntegers("output_padding", count: form.rank, atLeast: 0) : nil
        dataFormat = try config.word("data_format", default: .channelsLast)
        dilationRate = try config.integers("dilation_rate", count: form.rank, default: ones)
        if form.kind == .plain {
            groups = try config.integer("groups", default: 1, atLeast: 1)
        } else {
            // tf.keras writes it for every convolution, and reads it for plain ones alone.
            groups = 1
            config.ignore("groups")
        }
        activation = try config.activation("activation")
        useBias = try config.bool("use_bias", default: true)
        kernel = try WeightOptions(&config, form.kernelPrefix)
        pointwise = form.kind == .separable ? try WeightOptions(&config, "pointwise") : WeightOptions()
        bias = try WeightOptions(&config, "bias", default: .zeros)
        activityRegularizer = try config.regularizer("activity_regularizer")
        try config.refuseQuantization()
        guard filters % groups == 0 else {
            throw config.wrong("groups", "a divisor of filters (\(filters))", .integer(groups))
        }
        guard form.hasMultiplier || strides == ones || dilationRate == ones else {
            throw config.wrong("strides", "1 where dilation_rate is not 1", .integers(strides))
        }
    }

    func encode(into config: inout ConfigObject, _ form: ConvolutionForm) {
        config.setActivityRegularizer(activityRegularizer)
        if form.hasMultiplier { config["depth_multiplier"] = .integer(depthMultiplier) }
        if form.hasFilters { config["filters"] = .integer(filters) }
        config["kernel_size"] = .integers(kernelSize)
        config["strides"] = .integers(strides)
        config["padding"] = .string(padding.rawValue)
        if form.kind == .transposed { config["output_padding"] = outputPadding.map(ConfigValue.integers) ?? .null }
        config["data_format"] = .string(dataFormat.rawValue)
        config["dilation_rate"] = .integers(dilationRate)
        if form.kind == .plain { config["groups"] = .integer(groups) }
        config["activation"] = activation.config
        config["use_bias"] = .bool(useBias)
        var weights = [(form.kernelPrefix, kernel)]
        if form.kind == .separable { weights.append(("pointwise", pointwise)) }
        weights.append(("bias", bias))
        for (prefix, options) in weights { config["\(prefix)_initializer"] = options.initializer.config }
        for (prefix, options) in weights { config["\(prefix)_regularizer"] = options.regularizer.config }
        config["activity_regularizer"] = activityRegularizer.config
        for (prefix, options) in weights { config["\(prefix)_constraint"] = options.constraint.config }
    }

    func weights(_ input: ValueInfo, _ form: ConvolutionForm) throws(LocatedError) -> [WeightSlot] {
        let channels = try input.knownExtent(dataFormat == .channelsLast ? -1 : 1, "the channels (the kernel's depth)")
        guard channels % groups == 0 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected channels in a multiple of groups (\(groups)), got \(channels)")
        }
        let spread = try product(channels, depthMultiplier)
        var slots: [WeightSlot]
        switch form.kind {
        case .plain: slots = [kernel.slot("kernel", kernelSize + [channels / groups, filters])]
        case .transposed: slots = [kernel.slot("kernel", kernelSize + [filters, channels])]
        case .depthwise: slots = [kernel.slot("kernel", kernelSize + [channels, depthMultiplier])]
        case .separable:
            slots = [
                kernel.slot("depthwise_kernel", kernelSize + [channels, depthMultiplier]),
                pointwise.slot("pointwise_kernel", kernelSize.map { _ in 1 } + [spread, filters]),
            ]
        }
        if useBias { slots.append(bias.slot("bias", [form.kind == .depthwise ? spread : filters])) }
        return slots
    }

    private func product(_ channels: Int, _ multiplier: Int) throws(LocatedError) -> Int {
        let (product, overflow) = channels.multipliedReportingOverflow(by: multiplier)
        guard !overflow else {
            throw LocatedError(
                .invalid, "weights.size", "expected channels that can be counted, got \(channels) times \(multiplier)")
        }
        return product
    }
}

extension WeightOptions {
    /// Reads `kernel_initializer`, `kernel_regularizer`, `kernel_constraint` for the prefix `kernel`.
    init(_ config: inout ConfigReader, _ prefix: String, default initializer: Initializer = .glorotUniform()) throws(LocatedError) {
        self.initializer = try config.initializer("\(prefix)_initializer", default: initializer)
        regularizer = try config.regularizer("\(prefix)_regularizer")
        constraint = try config.constraint("\(prefix)_constraint")
    }

    func slot(_ name: String, _ shape: [Int]) -> WeightSlot {
        WeightSlot(
            name, Shape(shape), initializer: initializer.config, regularizer: regularizer.config,
            constraint: constraint.config)
    }
}
