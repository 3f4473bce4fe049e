import KerasSpec
import OrderedCollections

extension ClassRule {
    /// `keras/layers/recurrent.py`, `convolutional_recurrent.py`, `cudnn_recurrent.py`, `wrappers.py` of 2.3.1.
    static let recurrent: [ClassRule] = [
        ClassRule(
            "SimpleRNN", keras2: sequence2 + " units activation " + simple, keras3: sequence3 + " units activation " + simple,
            added: added),
        ClassRule(
            "LSTM", keras2: sequence2 + " units activation recurrent_activation " + lstm + " implementation",
            keras3: sequence3 + " units activation recurrent_activation " + lstm + " seed",
            added: added, dropped: ["implementation": 2]),
        ClassRule(
            "GRU", keras2: sequence2 + " units activation recurrent_activation " + simple + " implementation reset_after",
            keras3: sequence3 + " units activation recurrent_activation " + simple + " reset_after seed",
            added: added, dropped: ["implementation": 2], defaults: resetAfter),
        ClassRule(
            "SimpleRNNCell", keras2: "units activation " + simpleCell, keras3: "units activation " + simpleCell + " seed",
            added: ["seed": nil]),
        ClassRule(
            "LSTMCell",
            keras2: """
                units activation recurrent_activation use_bias kernel_initializer recurrent_initializer \
                bias_initializer unit_forget_bias kernel_regularizer recurrent_regularizer bias_regularizer \
                kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout implementation
                """,
            keras3: """
                units activation recurrent_activation use_bias unit_forget_bias kernel_initializer \
                recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer \
                kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout seed
                """,
            added: ["seed": nil], dropped: ["implementation": 2]),
        ClassRule(
            "GRUCell", keras2: "units activation recurrent_activation " + simpleCell + " implementation reset_after",
            keras3: "units activation recurrent_activation " + simpleCell + " reset_after seed",
            added: ["seed": nil], dropped: ["implementation": 2], defaults: resetAfter),
        ClassRule(
            "ConvLSTM2D",
            keras2: sequence2 + " filters kernel_size strides padding data_format dilation_rate activation"
                + " recurrent_activation " + lstm,
            keras3: sequence3 + " filters kernel_size strides padding data_format dilation_rate activation"
                + " recurrent_activation " + lstm + " seed",
            added: added, defaults: hardSigmoid),
        // Keras 3 keeps this cell to itself and has no cuDNN classes; they stay in their own words.
        ClassRule(
            "ConvLSTM2DCell",
            keras2: convolutionCell, keras3: convolutionCell, defaults: hardSigmoid),
        ClassRule("CuDNNLSTM", cuDNN.replacing(" kernel_regularizer", with: " unit_forget_bias kernel_regularizer")),
        ClassRule("CuDNNGRU", cuDNN),
        ClassRule("RNN", keras2: sequence2 + " cell", keras3: sequence3 + " cell", added: zeroOutput),
        ClassRule("StackedRNNCells", "cells"),
        ClassRule("TimeDistributed", "layer"),
        ClassRule(
            "Bidirectional", keras2: "layer merge_mode num_constants", keras3: "merge_mode layer backward_layer num_constants",
            special: .bidirectional),
    ]

    private static let sequence2 = "return_sequences return_state go_backwards stateful unroll num_constants"
    private static let sequence3 =
        "return_sequences return_state go_backwards stateful unroll zero_output_for_mask num_constants"

    private static let zeroOutput: [String: ConfigValue] = ["zero_output_for_mask": false]
    private static let added: [String: ConfigValue] = ["zero_output_for_mask": false, "seed": nil]

    private static let simple = """
        use_bias kernel_initializer recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer \
        bias_regularizer activity_regularizer kernel_constraint recurrent_constraint bias_constraint dropout \
        recurrent_dropout
        """
    private static let simpleCell = simple.replacing("activity_regularizer ", with: "")
    private static let lstm = simple.replacing("bias_initializer ", with: "bias_initializer unit_forget_bias ")
    private static let convolutionCell =
        "filters kernel_size strides padding data_format dilation_rate activation recurrent_activation "
        + lstm.replacing("activity_regularizer ", with: "")
    private static let cuDNN = """
        return_sequences return_state go_backwards stateful units kernel_initializer recurrent_initializer \
        bias_initializer kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer \
        kernel_constraint recurrent_constraint bias_constraint
        """

    private static let resetAfter = ["reset_after": Defaults(keras2: false, keras3: true)]
    private static let hardSigmoid = [
        "recurrent_activation": Defaults(keras2: .string(LegacyName.hardSigmoid), keras3: "sigmoid")
    ]
}

/// CuDNNLSTM and CuDNNGRU: kernels of the graphics card's library, which compute what LSTM and GRU with `reset_after` do. Their
/// weights lie otherwise (`CuDNNWeights`).
///
/// Source: `keras/layers/cudnn_recurrent.py` of 2.3.1.
enum CuDNNUpgrade {
    /// The plain class and its settings, in Keras 2.3's words; nil for other classes.
    static func plain(_ className: String, _ config: ConfigObject) -> (className: String, config: ConfigObject)? {
        var result = config
        let name: String
        switch className {
        case "CuDNNLSTM": name = "LSTM"
        case "CuDNNGRU":
            name = "GRU"
            result["reset_after"] = true
        default: return nil
        }
        for (key, value) in settings where result[key] == nil { result[key] = value }
        return (name, result)
    }

    private static let settings: ConfigObject = [
        "activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": true, "unroll": false, "dropout": 0.0,
        "recurrent_dropout": 0.0,
    ]
}
