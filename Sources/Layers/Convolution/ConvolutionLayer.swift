package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A layer that convolves. Its options read like its own: `layer.filters`.
@dynamicMemberLookup
public protocol ConvolutionLayer: Layer {
    var options: ConvolutionOptions { get set }
}

extension ConvolutionLayer {
    public subscript<Value>(dynamicMember path: KeyPath<ConvolutionOptions, Value>) -> Value { options[keyPath: path] }
    public subscript<Value>(dynamicMember path: WritableKeyPath<ConvolutionOptions, Value>) -> Value {
        get { options[keyPath: path] }
        set { options[keyPath: path] = newValue }
    }
}

/// What Keras's convolutions share; their files tell what they compute.
package protocol BuiltInConvolution: ConvolutionLayer, BuiltInLayer {
    static var form: ConvolutionForm { get }
    init(options: ConvolutionOptions, common: LayerCommon)
}

extension BuiltInConvolution {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.init(options: try ConvolutionOptions(&config, Self.form), common: common)
    }

    package func encode(into config: inout ConfigObject) { options.encode(into: &config, Self.form) }

    package var activityRegularizer: Regularizer? { options.activityRegularizer }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        try options.weights(try inputs.single(rank: Self.form.rank + 2), Self.form)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let output = try context.channelsLast(try inputs.single().value, options.dataFormat) { (value) throws(LocatedError) in
            let bias = options.useBias ? [context.weight("bias")] : []
            return switch Self.form.kind {
            case .plain: try options.convolve(value, context.weight("kernel"), bias, context)
            case .transposed: try options.convolveTransposed(value, context.weight("kernel"), bias, context)
            case .depthwise: try options.convolveDepthwise(value, context.weight("kernel"), bias, context)
            case .separable: try options.convolveSeparably(value, bias, context)
            }
        }
        return [Signal(try context.activate(output, options.activation))]
    }
}

extension ConvolutionOptions {
    fileprivate func convolve(
        _ input: Value, _ kernel: Value, _ bias: [Value], groups: Int? = nil, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        var input = input
        if padding == .causal {
            let (reach, overflow) = (kernelSize[0] - 1).multipliedReportingOverflow(by: dilationRate[0])
            guard !overflow else {
                throw LocatedError(
                    .unsupported, "convolution.padding", "expected a window that can be counted, got dilation \(dilationRate[0])",
                    at: [context.label])
            }
            input = try context.apply(Pad(before: [0, reach, 0], after: [0, 0, 0]), input)
        }
        let convolution = Convolution(
            strides: strides, padding: padding == .same ? .same : .valid, dilation: dilationRate,
            groups: groups ?? self.groups, hasBias: !bias.isEmpty)
        return try context.apply(convolution, to: [input, kernel] + bias)[0]
    }

    fileprivate func convolveTransposed(
        _ input: Value, _ kernel: Value, _ bias: [Value], _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let convolution = ConvolutionTranspose(
            strides: strides, padding: padding == .same ? .same : .valid, dilation: dilationRate,
            outputPadding: outputPadding, hasBias: !bias.isEmpty)
        return try context.apply(convolution, to: [input, kernel] + bias)[0]
    }

    /// A convolution with as many groups as output channels: each channel is repeated for each of its filters.
    fileprivate func convolveDepthwise(
        _ input: Value, _ kernel: Value, _ bias: [Value], _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let extents = context.shape(kernel).dims
        guard let channels = extents[kernelSize.count], let spread = PartialShape([channels, depthMultiplier]).count else {
            preconditionFailure("a kernel's shape is known")
        }
        let flat = try context.apply(Ops.Reshape(to: PartialShape(kernelSize + [1, spread])), kernel)
        var input = input
        if depthMultiplier > 1 {
            let rules = context.shape(input).dims.dropLast().map { _ in AxisRule.keep } + [.repeatEach(depthMultiplier)]
            input = try context.apply(Rearrange(rules), input)
        }
        return try convolve(input, flat, bias, groups: spread, context)
    }

    fileprivate func convolveSeparably(
        _ input: Value, _ bias: [Value], _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let spread = try convolveDepthwise(input, context.weight("depthwise_kernel"), [], context)
        let pointwise = Convolution(strides: kernelSize.map { _ in 1 }, padding: .valid, hasBias: !bias.isEmpty)
        return try context.apply(pointwise, to: [spread, context.weight("pointwise_kernel")] + bias)[0]
    }
}
