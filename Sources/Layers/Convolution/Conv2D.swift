/// A convolution over two spatial axes (cross-correlation, as in every Keras backend but Theano).
///
/// Formula: y[b,i,j,f] = activation(Σ x[b, i·s+u·d, j·s+v·d, c]·kernel[u,v,c,f] + bias[f]).
/// Shapes: (batch, rows, columns, channels) → (batch, rows′, columns′, filters); channels second with `channels_first`.
/// Weights: kernel (rows, columns, channels / groups, filters), bias (filters), in both data formats.
/// Config: `filters`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`, `groups`, `activation`,
/// `use_bias`, initializers, regularizers, constraints.
/// Source: keras/src/layers/convolutional/base_conv.py (3.15).
public struct Conv2D: ConvolutionLayer, BuiltInConvolution {
    public static let className = "Conv2D"
    package static let form = ConvolutionForm(kind: .plain, rank: 2)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: (rows, columns).
    public init(
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1), groups: Int = 1,
        activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, kernelSize: [kernelSize.0, kernelSize.1], strides: [strides.0, strides.1],
            padding: padding.ofConvolution, dataFormat: dataFormat, dilationRate: [dilationRate.0, dilationRate.1],
            groups: groups, activation: activation, useBias: useBias,
            kernel: WeightOptions(kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
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

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
