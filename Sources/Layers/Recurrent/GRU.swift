package import KerasSpec
package import Tensors

/// Gated recurrent units.
///
/// Formula, for each step, with h from the step before and σ the `recurrent_activation`: z = σ(x·K_z + h·R_z + b_z),
/// r = σ(x·K_r + h·R_r + b_r), h = z·h + (1 − z)·g, where g is activation(x·K_g + b_g + r·(h·R_g + c_g)) with `reset_after`,
/// else activation(x·K_g + b_g + (r·h)·R_g).
/// Shapes: (batch, steps, inputs) → (batch, units), with `return_sequences` (batch, steps, units); with `return_state` then
/// h (batch, units). Further input: h to begin with.
/// A step that the mask leaves out changes nothing, and gives the output of the step before.
/// Weights: kernel (inputs, 3·units), recurrent_kernel (units, 3·units), bias (3·units), with `reset_after` (2, 3·units): the
/// input's, then the state's; gates in the order z r g.
/// Config: `units`, `activation`, `recurrent_activation`, `use_bias`, initializers, regularizers, constraints, `reset_after`,
/// `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`, `dropout`, `recurrent_dropout`,
/// `zero_output_for_mask`, `seed`; `implementation` and `use_cudnn` choose how, not what. `time_major` as tf.keras has it.
/// Differs from Keras: random numbers of dropout, as `LSTM`.
/// Source: keras/layers/recurrent.py (2.3.1), keras/src/layers/rnn/gru.py (3.15).
@dynamicMemberLookup
public struct GRU: RecurrentLayer {
    public static let className = "GRU"
    public var common: LayerCommon
    public var cell: GRUCell
    public var settings: RecurrentSettings
    package var innerCell: any RecurrentCell { cell }

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, recurrentActivation: ActivationFunction = .sigmoid,
        useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform(),
        recurrentInitializer: Initializer = .orthogonal(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
        activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, recurrentConstraint: Constraint? = nil,
        biasConstraint: Constraint? = nil, dropout: Double = 0, recurrentDropout: Double = 0, seed: Int? = nil,
        returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false, stateful: Bool = false,
        unroll: Bool = false, resetAfter: Bool = true, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        cell = GRUCell(
            units, activation: activation, recurrentActivation: recurrentActivation, useBias: useBias,
            kernelInitializer: kernelInitializer, recurrentInitializer: recurrentInitializer, biasInitializer: biasInitializer,
            kernelRegularizer: kernelRegularizer, recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer,
            kernelConstraint: kernelConstraint, recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint,
            dropout: dropout, recurrentDropout: recurrentDropout, resetAfter: resetAfter, seed: seed)
        settings = RecurrentSettings(
            returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
            unroll: unroll, activityRegularizer: activityRegularizer)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        settings = try RecurrentSettings(&config)
        cell = try GRUCell(config: &config, common: LayerCommon(dtype: common.dtype))
    }

    package func encode(into config: inout ConfigObject) {
        settings.encode(into: &config)
        cell.encode(into: &config, .layer(settings.activityRegularizer))
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<GRUCell, Member>) -> Member {
        get { cell[keyPath: path] }
        set { cell[keyPath: path] = newValue }
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<RecurrentSettings, Member>) -> Member {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }
}
