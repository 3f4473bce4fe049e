/// A convolution over one spatial axis whose kernel is another one for each place; Keras 1 and 2 have it.
///
/// Formula: y[b,i,f] = activation(Σ x[b, i·s+u, c]·kernel[i,u,c,f] + bias[i,f]).
/// Shapes: (batch, steps, channels) → (batch, steps′, filters); channels second with `channels_first`.
/// Weights: kernel (places, kernel·channels, filters) with implementation 1, (inputs…, channels, outputs…, filters) with 2,
/// a list with 3; bias (outputs…, filters). With `channels_first` a window's rows are ordered by channel first, and the bias is
/// read as if it were (filters, outputs…): so does Keras.
/// Config: `filters`, `kernel_size`, `strides`, `padding` (`same` with implementations 2 and 3), `data_format`, `activation`,
/// `use_bias`, initializers, regularizers, constraints, `implementation`.
/// Source: keras/layers/local.py (2.3.1), keras/src/layers/locally_connected (2.15).
public struct LocallyConnected1D: LocallyConnectedLayer, BuiltInLocallyConnected {
    public static let className = "LocallyConnected1D"
    package static let rank = 1
    public var common: LayerCommon
    public var options: LocallyConnectedOptions

    /// - Parameters:
    ///   - filters: the number of output channels.
    ///   - kernelSize: the number of steps a filter sees.
    public init(
        _ filters: Int, _ kernelSize: Int, strides: Int = 1, padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, activation: ActivationFunction = .linear, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        implementation: LocallyConnectedOptions.Implementation = .matrices, inputShape: [Int?]? = nil, name: String? = nil,
        trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        options = LocallyConnectedOptions(
            filters: filters, kernelSize: [kernelSize], strides: [strides], padding: padding, dataFormat: dataFormat,
            activation: activation, useBias: useBias,
            kernel: WeightOptions(kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint),
            bias: WeightOptions(biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint),
            activityRegularizer: activityRegularizer, implementation: implementation)
    }

    package init(options: LocallyConnectedOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
