/// A depthwise convolution over one spatial axis, then a convolution that mixes the channels of each cell.
///
/// Formula: z[b,i, c·m+q] = Σ x[b, i·s+u·d, c]·depthwise[u,c,q]; y[b,i,f] = activation(Σ z·pointwise + bias[f]).
/// Shapes: (batch, steps, channels) → (batch, steps′, filters); channels second with `channels_first`.
/// Weights: depthwise_kernel (steps, channels, m), pointwise_kernel (1, channels·m, filters), bias (filters).
/// Config: `filters`, `depth_multiplier`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`,
/// `activation`, `use_bias`, `depthwise_`, `pointwise_` and `bias_initializer`, regularizers, constraints.
/// Differs from Keras: strides may be larger than 1 beside dilations, where TensorFlow refuses.
/// Source: keras/src/layers/convolutional/base_separable_conv.py (3.15).
public struct SeparableConv1D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "SeparableConv1D"
    package static let form = ConvolutionForm(kind: .separable, rank: 1)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: the number of steps a filter sees.
    ///   - depthMultiplier: filters of each input channel.
    public init(
        _ filters: Int, _ kernelSize: Int, strides: Int = 1, padding: ConvolutionPadding = .valid, depthMultiplier: Int = 1,
        dataFormat: DataFormat = .channelsLast, dilationRate: Int = 1, activation: ActivationFunction = .linear,
        useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform(),
        pointwiseInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        depthwiseRegularizer: Regularizer? = nil, pointwiseRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        depthwiseConstraint: Constraint? = nil, pointwiseConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, depthMultiplier: depthMultiplier, kernelSize: [kernelSize], strides: [strides],
            padding: padding, dataFormat: dataFormat, dilationRate: [dilationRate], activation: activation,
            useBias: useBias,
            kernel: WeightOptions(depthwiseInitializer, regularizer: depthwiseRegularizer, constraint: depthwiseConstraint),
            pointwise: WeightOptions(pointwiseInitializer, regularizer: pointwiseRegularizer, constraint: pointwiseConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
