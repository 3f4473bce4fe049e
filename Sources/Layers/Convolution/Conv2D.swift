package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A two-dimensional convolution (cross-correlation, as in every Keras backend but Theano).
///
/// Formula: y[b,i,j,f] = activation(Σ x[b, i·s+u·d, j·s+v·d, c]·kernel[u,v,c,f] + bias[f]).
/// Shapes: (batch, rows, columns, channels) → (batch, rows', columns', filters); channels second with
/// `channels_first`.
/// Weights: kernel (rows, columns, channels / groups, filters), bias (filters), in both data formats.
/// Config: `filters`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`, `groups`, `activation`,
/// `use_bias`, initializers, regularizers, constraints.
/// Source: keras/src/layers/convolutional/base_conv.py (3.15).
public struct Conv2D: BuiltInLayer {
    public static let className = "Conv2D"
    public var common: LayerCommon
    public var filters: Int
    public var kernelSize: [Int]
    public var strides: [Int]
    public var padding: Padding
    public var dataFormat: DataFormat
    public var dilationRate: [Int]
    public var groups: Int
    public var activation: ActivationFunction
    public var useBias: Bool
    public var kernelInitializer: Initializer
    public var biasInitializer: Initializer
    public var kernelRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var biasConstraint: Constraint?

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: (rows, columns).
    public init(
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1), groups: Int = 1,
        activation: ActivationFunction = .linear, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.filters = filters
        self.kernelSize = [kernelSize.0, kernelSize.1]
        self.strides = [strides.0, strides.1]
        self.padding = padding
        self.dataFormat = dataFormat
        self.dilationRate = [dilationRate.0, dilationRate.1]
        self.groups = groups
        self.activation = activation
        self.useBias = useBias
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.kernelRegularizer = kernelRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.kernelConstraint = kernelConstraint
        self.biasConstraint = biasConstraint
    }

    /// `Conv2D(64, 3, 3)` as standalone Keras up to 2.3 reads it: filters, rows and columns of the kernel. (tf.keras and
    /// Keras 3 read the third number as the stride.)
    public init(
        _ filters: Int, _ rows: Int, _ columns: Int, padding: Padding = .valid, activation: ActivationFunction = .linear,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        self.init(
            filters, (rows, columns), padding: padding, activation: activation, inputShape: inputShape, name: name)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        filters = try config.integer("filters", atLeast: 1)
        kernelSize = try config.integers("kernel_size", count: 2)
        strides = try config.integers("strides", count: 2, default: [1, 1])
        padding = try config.word("padding", default: .valid)
        dataFormat = try config.word("data_format", default: .channelsLast)
        dilationRate = try config.integers("dilation_rate", count: 2, default: [1, 1])
        groups = try config.integer("groups", default: 1, atLeast: 1)
        activation = try config.activation("activation")
        useBias = try config.bool("use_bias", default: true)
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        try config.refuseQuantization()
        guard filters % groups == 0 else {
            throw config.wrong("groups", "a divisor of filters (\(filters))", .integer(groups))
        }
        guard strides == [1, 1] || dilationRate == [1, 1] else {
            throw config.wrong("strides", "1 where dilation_rate is not 1", .integers(strides))
        }
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        config["filters"] = .integer(filters)
        config["kernel_size"] = .integers(kernelSize)
        config["strides"] = .integers(strides)
        config["padding"] = .string(padding.rawValue)
        config["data_format"] = .string(dataFormat.rawValue)
        config["dilation_rate"] = .integers(dilationRate)
        config["groups"] = .integer(groups)
        config["activation"] = activation.config
        config["use_bias"] = .bool(useBias)
        config["kernel_initializer"] = kernelInitializer.config
        config["bias_initializer"] = biasInitializer.config
        config["kernel_regularizer"] = kernelRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["kernel_constraint"] = kernelConstraint.config
        config["bias_constraint"] = biasConstraint.config
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let input = try inputs.single(rank: 4)
        let channels = try input.knownExtent(dataFormat == .channelsLast ? -1 : 1, "the channels (the kernel's depth)")
        guard channels % groups == 0 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected channels in a multiple of groups (\(groups)), got \(channels)")
        }
        var slots = [
            WeightSlot(
                "kernel", Shape(kernelSize + [channels / groups, filters]), initializer: kernelInitializer.config,
                regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        ]
        if useBias {
            slots.append(
                WeightSlot(
                    "bias", [filters], initializer: biasInitializer.config, regularizer: biasRegularizer.config,
                    constraint: biasConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let convolution = Convolution(
            strides: strides, padding: padding == .same ? .same : .valid, dilation: dilationRate, groups: groups,
            hasBias: useBias)
        let output = try context.channelsLast(try inputs.single().value, dataFormat) { (value) throws(LocatedError) in
            var operands = [value, context.weight("kernel")]
            if useBias { operands.append(context.weight("bias")) }
            return try context.apply(convolution, to: operands)[0]
        }
        return [Signal(try context.activate(output, activation))]
    }
}
