/// The transpose of a convolution over two spatial axes: what that does to gradients, which enlarges images.
///
/// Formula: y[b, i·s+u·d, j·s+v·d, f] = activation(Σ x[b,i,j,c]·kernel[u,v,f,c] + bias[f]),
/// cut or filled up to Keras's size.
/// Shapes: (batch, rows, columns, channels) → (batch, rows′, columns′, filters); channels second with `channels_first`.
/// Each extent becomes n·s with `same`, (n−1)·s + max(kernel, s) with `valid`; with `output_padding` p: (n−1)·s +
/// kernel + p with `valid`, (n−1)·s + kernel mod 2 + p with `same`. The kernel counts with its dilation.
/// Weights: kernel (rows, columns, filters, channels), bias (filters).
/// Config: `filters`, `kernel_size`, `strides`, `padding`, `output_padding`, `data_format`, `dilation_rate`, `activation`,
/// `use_bias`, initializers, regularizers, constraints.
/// Source: keras/src/layers/convolutional/base_conv_transpose.py (3.15).
public struct Conv2DTranspose: ConvolutionLayer, BuiltInConvolution {
    public static let className = "Conv2DTranspose"
    package static let form = ConvolutionForm(kind: .transposed, rank: 2)
    public var common: LayerCommon
    public var options: ConvolutionOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: (rows, columns).
    public init(
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
        outputPadding: (Int, Int)? = nil, dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1),
        activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = ConvolutionOptions(
            filters: filters, kernelSize: [kernelSize.0, kernelSize.1], strides: [strides.0, strides.1],
            padding: padding.ofConvolution, outputPadding: outputPadding.map { [$0.0, $0.1] }, dataFormat: dataFormat,
            dilationRate: [dilationRate.0, dilationRate.1], activation: activation, useBias: useBias,
            kernel: WeightOptions(kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer)
    }

    package init(options: ConvolutionOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
