package import KerasSpec
package import Tensors

/// Long short-term memory.
///
/// Formula, for each step, with h and c from the step before: [i f g o] = x·kernel + h·recurrent_kernel + bias;
/// c = σ(f)·c + σ(i)·activation(g); h = σ(o)·activation(c), where σ is `recurrent_activation`.
/// Shapes: (batch, steps, inputs) → (batch, units), with `return_sequences` (batch, steps, units); with `return_state` then
/// h and c, (batch, units) each. Further inputs: h and c to begin with.
/// A step that the mask leaves out changes nothing, and gives the output of the step before.
/// Weights: kernel (inputs, 4·units), recurrent_kernel (units, 4·units), bias (4·units); gates in the order i f c o.
/// Config: `units`, `activation`, `recurrent_activation`, `use_bias`, initializers, regularizers, constraints,
/// `unit_forget_bias`, `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`, `dropout`,
/// `recurrent_dropout`, `zero_output_for_mask`, `seed`; `implementation` and `use_cudnn` choose how, not what. `time_major` as
/// tf.keras has it.
/// Differs from Keras: random numbers of dropout. As in Keras 3, gates share one mask without `recurrent_dropout`, and have their
/// own with it, whatever the `implementation` of an older file.
/// Source: keras/layers/recurrent.py (2.3.1), keras/src/layers/rnn/lstm.py (3.15).
@dynamicMemberLookup
public struct LSTM: RecurrentLayer {
    public static let className = "LSTM"
    public var common: LayerCommon
    public var cell: LSTMCell
    public var settings: RecurrentSettings
    package var innerCell: any RecurrentCell { cell }

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        unitForgetBias: Bool = true, kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
        recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
        recurrentDropout: Double = 0, seed: Int? = nil, returnSequences: Bool = false, returnState: Bool = false,
        goBackwards: Bool = false, stateful: Bool = false, unroll: Bool = false, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        cell = LSTMCell(
            units, activation: activation, recurrentActivation: recurrentActivation, useBias: useBias,
            kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer, biasInitializer: biasInitializer,
            unitForgetBias: unitForgetBias, kernelRegularizer: kernelRegularizer, recurrentRegularizer: recurrentRegularizer,
            biasRegularizer: biasRegularizer, kernelConstraint: kernelConstraint, recurrentConstraint: recurrentConstraint,
            biasConstraint: biasConstraint, dropout: dropout, recurrentDropout: recurrentDropout, seed: seed)
        settings = RecurrentSettings(
            returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
            unroll: unroll, activityRegularizer: activityRegularizer)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        settings = try RecurrentSettings(&config)
        cell = try LSTMCell(config: &config, common: LayerCommon(dtype: common.dtype))
    }

    package func encode(into config: inout ConfigObject) {
        settings.encode(into: &config)
        cell.encode(into: &config, .layer(settings.activityRegularizer))
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<LSTMCell, Member>) -> Member {
        get { cell[keyPath: path] }
        set { cell[keyPath: path] = newValue }
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<RecurrentSettings, Member>) -> Member {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }
}
