package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// What locally connected layers are told, under Keras 2's names. Lists have a number for each spatial axis.
public struct LocallyConnectedOptions: Sendable {
    /// How tf.keras keeps the kernel and computes; what is computed is the same.
    public enum Implementation: Int, Sendable, CaseIterable {
        /// A matrix for each output cell.
        case matrices = 1
        /// All inputs by all outputs, most of it unused.
        case dense = 2
        /// One list of the numbers that are used.
        case sparse = 3
    }

    public var filters: Int
    public var kernelSize: [Int]
    public var strides: [Int]
    /// `same` where the implementation isn't the first.
    public var padding: Padding
    public var dataFormat: DataFormat
    public var activation: ActivationFunction
    public var useBias: Bool
    public var kernel: WeightOptions
    public var bias: WeightOptions
    public var activityRegularizer: Regularizer?
    public var implementation: Implementation
    /// Keras 2.3 has no such key for one axis.
    var writesDataFormat = true
}

/// A layer like a convolution whose kernel is another one for each place. Its options read like its own.
@dynamicMemberLookup
public protocol LocallyConnectedLayer: Layer {
    var options: LocallyConnectedOptions { get set }
}

extension LocallyConnectedLayer {
    public subscript<Value>(dynamicMember path: WritableKeyPath<LocallyConnectedOptions, Value>) -> Value {
        get { options[keyPath: path] }
        set { options[keyPath: path] = newValue }
    }
}

/// What Keras's locally connected layers share.
package protocol BuiltInLocallyConnected: LocallyConnectedLayer, BuiltInLayer {
    /// Spatial axes.
    static var rank: Int { get }
    init(options: LocallyConnectedOptions, common: LayerCommon)
}

extension BuiltInLocallyConnected {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        let ones = [Int](repeating: 1, count: Self.rank)
        let tells = config.has("data_format")
        let number = try config.integer("implementation", default: 1)
        guard let implementation = LocallyConnectedOptions.Implementation(rawValue: number) else {
            throw config.wrong("implementation", "1, 2 or 3", .integer(number))
        }
        let options = LocallyConnectedOptions(
            filters: try config.integer("filters", atLeast: 1),
            kernelSize: try config.integers("kernel_size", count: Self.rank),
            strides: try config.integers("strides", count: Self.rank, default: ones),
            padding: try config.word("padding", default: .valid),
            dataFormat: try config.word("data_format", default: .channelsLast),
            activation: try config.activation("activation"), useBias: try config.bool("use_bias", default: true),
            kernel: try WeightOptions(&config, "kernel"), bias: try WeightOptions(&config, "bias", default: .zeros),
            activityRegularizer: try config.regularizer("activity_regularizer"), implementation: implementation,
            writesDataFormat: tells)
        guard options.padding == .valid || implementation != .matrices else {
            throw config.wrong("padding", "\"valid\" for implementation 1", .string(options.padding.rawValue))
        }
        self.init(options: options, common: common)
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(options.activityRegularizer)
        config["filters"] = .integer(options.filters)
        config["kernel_size"] = .integers(options.kernelSize)
        config["strides"] = .integers(options.strides)
        config["padding"] = .string(options.padding.rawValue)
        if options.writesDataFormat { config["data_format"] = .string(options.dataFormat.rawValue) }
        config["activation"] = options.activation.config
        config["use_bias"] = .bool(options.useBias)
        config["kernel_initializer"] = options.kernel.initializer.config
        config["bias_initializer"] = options.bias.initializer.config
        config["kernel_regularizer"] = options.kernel.regularizer.config
        config["bias_regularizer"] = options.bias.regularizer.config
        config["activity_regularizer"] = options.activityRegularizer.config
        config["kernel_constraint"] = options.kernel.constraint.config
        config["bias_constraint"] = options.bias.constraint.config
        if options.implementation != .matrices { config["implementation"] = .integer(options.implementation.rawValue) }
    }

    package var activityRegularizer: Regularizer? { options.activityRegularizer }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let places = try LocalPlaces(try inputs.single(rank: Self.rank + 2), options)
        var slots = [options.kernel.slot("kernel", places.kernelShape)]
        if options.useBias { slots.append(options.bias.slot("bias", places.outputs + [options.filters])) }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let places = try LocalPlaces(context.info(input), options)
        let batch = context.shape(input)[0]
        let kernel = context.weight("kernel")
        var output =
            options.implementation == .matrices
            ? try places.byMatrices(input, kernel, batch, context) : try places.byOneMatrix(input, kernel, batch, context)
        if options.useBias {
            let first = options.dataFormat == .channelsFirst
            // With the channels first, Keras takes the bias's numbers in the order in which they lie, whatever they were for.
            let shape = first ? [options.filters] + places.outputs : places.outputs + [options.filters]
            let bias = try context.apply(Ops.Reshape(to: PartialShape(shape)), context.weight("bias"))
            output = try context.apply(Binary(.add), output, bias)
        }
        return [Signal(try context.activate(output, options.activation))]
    }
}
