package import KerasSpec
package import Tensors

/// A fully connected recurrent layer.
///
/// Formula, for each step, with h from the step before: h = activation(x·kernel + h·recurrent_kernel + bias).
/// Shapes: (batch, steps, inputs) → (batch, units), with `return_sequences` (batch, steps, units); with `return_state` then
/// h (batch, units). Further input: h to begin with.
/// A step that the mask leaves out changes nothing, and gives the output of the step before.
/// Weights: kernel (inputs, units), recurrent_kernel (units, units), bias (units).
/// Config: `units`, `activation`, `use_bias`, initializers, regularizers, constraints, `return_sequences`, `return_state`,
/// `go_backwards`, `stateful`, `unroll`, `dropout`, `recurrent_dropout`, `zero_output_for_mask`; `time_major` as tf.keras has it.
/// Differs from Keras: random numbers of dropout.
/// Source: keras/layers/recurrent.py (2.3.1), keras/src/layers/rnn/simple_rnn.py (3.15).
@dynamicMemberLookup
public struct SimpleRNN: RecurrentLayer {
    public static let className = "SimpleRNN"
    public var common: LayerCommon
    public var cell: SimpleRNNCell
    public var settings: RecurrentSettings
    package var innerCell: any RecurrentCell { cell }

    public init(
        _ units: Int, activation: ActivationFunction = .tanh, useBias: Bool = true,
        kernelInitializer: Initializer = .glorotUniform(), recurrentInitializer: Initializer = .orthogonal(),
        biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, recurrentRegularizer: Regularizer? = nil,
        biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil,
        recurrentConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, dropout: Double = 0,
        recurrentDropout: Double = 0, returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false,
        stateful: Bool = false, unroll: Bool = false, seed: Int? = nil, inputShape: [Int?]? = nil, name: String? = nil,
        trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        cell = SimpleRNNCell(
            units, activation: activation, useBias: useBias, kernelInitializer: kernelInitializer,
            recurrentInitializer: recurrentInitializer, biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer,
            recurrentRegularizer: recurrentRegularizer, biasRegularizer: biasRegularizer, kernelConstraint: kernelConstraint,
            recurrentConstraint: recurrentConstraint, biasConstraint: biasConstraint, dropout: dropout,
            recurrentDropout: recurrentDropout, seed: seed)
        settings = RecurrentSettings(
            returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
            unroll: unroll, activityRegularizer: activityRegularizer)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        settings = try RecurrentSettings(&config)
        cell = try SimpleRNNCell(config: &config, common: LayerCommon(dtype: common.dtype))
    }

    package func encode(into config: inout ConfigObject) {
        settings.encode(into: &config)
        cell.encode(into: &config, .layer(settings.activityRegularizer))
        // Keras 3 doesn't write a SimpleRNN's seed.
        if let seed = cell.parameters.seed { config["seed"] = .integer(seed) }
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<SimpleRNNCell, Member>) -> Member {
        get { cell[keyPath: path] }
        set { cell[keyPath: path] = newValue }
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<RecurrentSettings, Member>) -> Member {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }
}
