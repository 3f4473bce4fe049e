import KerasSpec

extension Keras1Rule {
    private typealias K = Key

    /// `keras/layers/recurrent.py`, `convolutional_recurrent.py` of 1.2.2.
    static let recurrent: [Keras1Rule] = [
        Keras1Rule(
            "SimpleRNN", "SimpleRNN",
            sequence(.kept("consume_less", or: "cpu")) + [K("output_dim", "units")] + initializers + [tanh] + penalties,
            fixed: fixed, input: .sequence),
        Keras1Rule(
            "LSTM", "LSTM",
            sequence(consumption) + [K("output_dim", "units")] + initializers + [forgetBias, tanh, gates] + penalties,
            fixed: fixed, input: .sequence),
        Keras1Rule(
            "GRU", "GRU",
            sequence(consumption) + [K("output_dim", "units")] + initializers + [tanh, gates] + penalties,
            fixed: fixed.with("reset_after", false), input: .sequence),
        Keras1Rule(
            "ConvLSTM2D", "ConvLSTM2D",
            [
                K("return_sequences", or: false), K("go_backwards", or: false), K("stateful", or: false),
                K("nb_filter", "filters"), K("nb_row", "kernel_size", .list(["nb_col"])),
            ] + initializers + [
                forgetBias, tanh, .ordering, .padding, gates,
                K("subsample", "strides", or: [1, 1], isUnwritten: true),
            ] + penalties.map { K($0.name, $0.keras2, $0.kind, or: $0.fallback, isUnwritten: true) },
            fixed: fixed.with("dilation_rate", [1, 1]).with("unroll", false)),
    ]

    private static func sequence(_ consumption: Key) -> [Key] {
        [
            K("return_sequences", or: false), K("go_backwards", or: false), K("stateful", or: false), K("unroll", or: false),
            consumption, .kept("input_dim"), .kept("input_length"),
        ]
    }

    private static let consumption = K("consume_less", "implementation", .consumption, or: "cpu")
    private static let forgetBias = K("forget_bias_init", "unit_forget_bias", .forgetBias, or: "one")
    private static let tanh = K("activation", "activation", .activation, or: "tanh")
    private static let gates = K("inner_activation", "recurrent_activation", .activation, or: "hard_sigmoid")
    private static let initializers: [Key] = [
        .initializer(), .initializer("inner_init", "recurrent_initializer", or: "orthogonal"),
    ]

    private static let penalties: [Key] = [
        .regularizer("W_regularizer", "kernel_regularizer"), .regularizer("U_regularizer", "recurrent_regularizer"),
        .regularizer("b_regularizer", "bias_regularizer"), K("dropout_W", "dropout", or: 0.0),
        K("dropout_U", "recurrent_dropout", or: 0.0),
    ]

    /// What Keras 1's recurrent layers can't be told.
    private static let fixed: ConfigObject = zeroBias.with("return_state", false).with("use_bias", true)
        .with("activity_regularizer", nil).with("kernel_constraint", nil).with("recurrent_constraint", nil)
        .with("bias_constraint", nil)
}
