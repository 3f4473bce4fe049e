/// A convolution over three spatial axes (cross-correlation, as in every Keras backend but Theano).
///
/// Formula: y[b,i,j,k,f] = activation(Σ x[b, i·s+u·d, j·s+v·d, k·s+w·d, c]·kernel[u,v,w,c,f] + bias[f]).
/// Shapes: (batch, planes, rows, columns, channels) → (batch, planes′, rows′, columns′, filters);
/// channels second with `channels_first`.
/// Weights: kernel (planes, rows, columns, channels / groups, filters), bias (filters), in both data formats.
/// Config: `filters`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`, `groups`, `activation`,
/// `use_bias`, initializers, regularizers, constraints.
/// Source: keras/src/layers/convolutional/base_conv.py (3.15).
public struct Conv3D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "Conv3D"
    package static let form = ConvolutionForm(kind: .plain, rank: 3)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: (planes, rows, columns).
    public init(
        _ filters: Int, _ kernelSize: (Int, Int, Int), strides: (Int, Int, Int) = (1, 1, 1), padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int, Int) = (1, 1, 1), groups: Int = 1,
        activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, kernelSize: [kernelSize.0, kernelSize.1, kernelSize.2],
            strides: [strides.0, strides.1, strides.2], padding: padding.ofConvolution, dataFormat: dataFormat,
            dilationRate: [dilationRate.0, dilationRate.1, dilationRate.2], groups: groups, activation: activation,
            useBias: useBias,
            kernel: WeightOptions(kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
