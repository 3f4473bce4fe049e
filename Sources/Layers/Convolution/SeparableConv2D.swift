/// A depthwise convolution over two spatial axes, then a convolution that mixes the channels of each cell.
///
/// Formula: z[b,i,j, c·m+q] = Σ x[b, i·s+u·d, j·s+v·d, c]·depthwise[u,v,c,q]; y[b,i,j,f] = activation(Σ z·pointwise + bias[f]).
/// Shapes: (batch, rows, columns, channels) → (batch, rows′, columns′, filters); channels second with `channels_first`.
/// Weights: depthwise_kernel (rows, columns, channels, m), pointwise_kernel (1, 1, channels·m, filters), bias (filters).
/// Config: `filters`, `depth_multiplier`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`,
/// `activation`, `use_bias`, `depthwise_`, `pointwise_` and `bias_initializer`, regularizers, constraints.
/// Differs from Keras: strides may be larger than 1 beside dilations, where TensorFlow refuses.
/// Source: keras/src/layers/convolutional/base_separable_conv.py (3.15).
public struct SeparableConv2D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "SeparableConv2D"
    package static let form = ConvolutionForm(kind: .separable, rank: 2)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: (rows, columns).
    ///   - depthMultiplier: filters of each input channel.
    public init(
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
        depthMultiplier: Int = 1, dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1),
        activation: ActivationFunction = .linear, useBias: Bool = true,
        depthwiseInitializer: Initializer = .glorotUniform(), pointwiseInitializer: Initializer = .glorotUniform(),
        biasInitializer: Initializer = .zeros, depthwiseRegularizer: Regularizer? = nil,
        pointwiseRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, depthwiseConstraint: Constraint? = nil,
        pointwiseConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, depthMultiplier: depthMultiplier, kernelSize: [kernelSize.0, kernelSize.1],
            strides: [strides.0, strides.1], padding: padding.ofConvolution, dataFormat: dataFormat,
            dilationRate: [dilationRate.0, dilationRate.1], activation: activation, useBias: useBias,
            kernel: WeightOptions(depthwiseInitializer, regularizer: depthwiseRegularizer, constraint: depthwiseConstraint),
            pointwise: WeightOptions(pointwiseInitializer, regularizer: pointwiseRegularizer, constraint: pointwiseConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
