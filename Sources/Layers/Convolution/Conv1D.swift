/// A convolution over one spatial axis (cross-correlation, as in every Keras backend but Theano).
///
/// Formula: y[b,i,f] = activation(Σ x[b, i·s+u·d, c]·kernel[u,c,f] + bias[f]).
/// Shapes: (batch, steps, channels) → (batch, steps′, filters); channels second with `channels_first`.
/// Weights: kernel (steps, channels / groups, filters), bias (filters), in both data formats.
/// Config: `filters`, `kernel_size`, `strides`, `padding` (also `causal`), `data_format`, `dilation_rate`, `groups`,
/// `activation`, `use_bias`, initializers, regularizers, constraints.
/// Source: keras/src/layers/convolutional/base_conv.py (3.15).
public struct Conv1D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "Conv1D"
    package static let form = ConvolutionForm(kind: .plain, rank: 1)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: the number of steps a filter sees.
    public init(
        _ filters: Int, _ kernelSize: Int, strides: Int = 1, padding: ConvolutionPadding = .valid,
        dataFormat: DataFormat = .channelsLast, dilationRate: Int = 1, groups: Int = 1,
        activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, kernelSize: [kernelSize], strides: [strides], padding: padding, dataFormat: dataFormat,
            dilationRate: [dilationRate], groups: groups, activation: activation, useBias: useBias,
            kernel: WeightOptions(kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
