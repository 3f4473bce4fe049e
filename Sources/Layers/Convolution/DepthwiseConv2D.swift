/// A convolution over two spatial axes in which each channel has filters of its own.
///
/// Formula: y[b,i,j, c·m+q] = activation(Σ x[b, i·s+u·d, j·s+v·d, c]·kernel[u,v,c,q] + bias[c·m+q]).
/// Shapes: (batch, rows, columns, channels) → (batch, rows′, columns′, channels·m);
/// m is the depth multiplier, channels second with `channels_first`.
/// Weights: kernel (rows, columns, channels, m), bias (channels·m).
/// Config: `depth_multiplier`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`, `activation`, `use_bias`,
/// `depthwise_` and `bias_initializer`, regularizers, constraints.
/// Differs from Keras: strides may be larger than 1 beside dilations, where TensorFlow refuses.
/// Source: keras/src/layers/convolutional/base_depthwise_conv.py (3.15).
public struct DepthwiseConv2D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "DepthwiseConv2D"
    package static let form = ConvolutionForm(kind: .depthwise, rank: 2)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - kernelSize: (rows, columns).
    ///   - depthMultiplier: filters of each input channel.
    public init(
        _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid, depthMultiplier: Int = 1,
        dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1), activation: ActivationFunction = .linear,
        useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        depthwiseRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, depthwiseConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            depthMultiplier: depthMultiplier, kernelSize: [kernelSize.0, kernelSize.1], strides: [strides.0, strides.1],
            padding: padding.ofConvolution, dataFormat: dataFormat, dilationRate: [dilationRate.0, dilationRate.1],
            activation: activation, useBias: useBias,
            kernel: WeightOptions(depthwiseInitializer, regularizer: depthwiseRegularizer, constraint: depthwiseConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
