package import KerasSpec
package import Tensors

/// A convolutional LSTM over two spatial axes.
///
/// Formula, for each step, with h and c from the step before: [i f g o] = x ∗ kernel + h ∗ recurrent_kernel + bias;
/// c = σ(f)·c + σ(i)·activation(g); h = σ(o)·activation(c), where σ is `recurrent_activation`. The convolution of h keeps its size.
/// Shapes: (batch, steps, rows, columns, channels) → without the steps and with `filters` for the channels, or with the steps with
/// `return_sequences`; with `return_state` then h and c. Further inputs: h and c to begin with. `channels_first`: the channels come
/// right after the steps.
/// A step that the mask leaves out changes nothing, and gives the output of the step before.
/// Weights: kernel (…, channels, 4·filters), recurrent_kernel (…, filters, 4·filters), bias (4·filters); gates in the order i f c o.
/// Config: `filters`, `kernel_size`, `strides`, `padding`, `data_format`, `dilation_rate`, and what `LSTM` has.
/// Differs from Keras: random numbers of dropout.
/// Source: keras/layers/convolutional_recurrent.py (2.3.1), keras/src/layers/rnn/conv_lstm.py (3.15).
@dynamicMemberLookup
public struct ConvLSTM2D: RecurrentLayer {
    public static let className = "ConvLSTM2D"
    public var common: LayerCommon
    public var cell: ConvLSTMCell
    public var settings: RecurrentSettings
    package var innerCell: any RecurrentCell { cell }
    package var inputRank: Int? { 5 }

    public init(
        _ filters: Int, _ kernelSize: (Int, Int), strides: (Int, Int) = (1, 1), padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, dilationRate: (Int, Int) = (1, 1), activation: ActivationFunction = .tanh,
        recurrentActivation: ActivationFunction = .sigmoid, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), recurrentInitializer: Initializer = .orthogonal(),
        biasInitializer: Initializer = .zeros, unitForgetBias: Bool = true, kernelRegularizer: Regularizer? = nil,
        recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
        dropout: Double = 0, recurrentDropout: Double = 0, seed: Int? = nil, returnSequences: Bool = false,
        returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        cell = ConvLSTMCell(
            filters: filters, kernelSize: [kernelSize.0, kernelSize.1], strides: [strides.0, strides.1], padding: padding, dataFormat: dataFormat,
            dilationRate: [dilationRate.0, dilationRate.1], activation: activation, recurrentActivation: recurrentActivation,
            unitForgetBias: unitForgetBias,
            parameters: CellParameters(
                useBias: useBias, kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer,
                biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer,
                recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer,
                kernelConstraint: kernelConstraint, recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint,
                dropout: dropout, recurrentDropout: recurrentDropout, seed: seed))
        settings = RecurrentSettings(
            returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
            activityRegularizer: activityRegularizer)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        settings = try RecurrentSettings(&config)
        cell = try ConvLSTMCell(config: &config, common: LayerCommon(dtype: common.dtype), rank: 2)
    }

    package func encode(into config: inout ConfigObject) {
        settings.encode(into: &config)
        cell.encode(into: &config, .layer(settings.activityRegularizer))
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<ConvLSTMCell, Member>) -> Member {
        get { cell[keyPath: path] }
        set { cell[keyPath: path] = newValue }
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<RecurrentSettings, Member>) -> Member {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }
}
