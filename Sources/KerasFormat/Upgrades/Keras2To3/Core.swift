import KerasSpec

extension ClassRule {
    /// `keras/engine/input_layer.py`, `keras/layers/core.py`, `embeddings.py` of 2.3.1.
    static let core: [ClassRule] = [
        ClassRule(
            "InputLayer", keras2: "batch_input_shape dtype sparse name",
            keras3: "=batch_shape dtype sparse ragged name optional", renamed: ["batch_input_shape": "batch_shape"],
            added: ["ragged": false, "optional": false, "trainable": true], base: ""),
        ClassRule(
            "Dense",
            keras2: """
                units activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer \
                activity_regularizer kernel_constraint bias_constraint
                """,
            keras3: """
                =name trainable dtype activity_regularizer units activation use_bias kernel_initializer bias_initializer \
                kernel_regularizer bias_regularizer kernel_constraint bias_constraint quantization_config
                """,
            added: ["quantization_config": nil], omitted: ["activity_regularizer"]),
        ClassRule("Activation", "activation"),
        ClassRule("Dropout", keras2: "rate noise_shape seed", keras3: "rate seed noise_shape"),
        ClassRule(
            "SpatialDropout1D", keras2: "rate noise_shape seed", keras3: "=rate seed name dtype",
            dropped: ["trainable": true, "noise_shape": nil]),
        ClassRule(
            "SpatialDropout2D", keras2: "rate noise_shape seed", keras3: "=rate seed name dtype data_format",
            added: ["data_format": "channels_last"], dropped: ["trainable": true, "noise_shape": nil],
            unwritten: ["data_format"]),
        ClassRule(
            "SpatialDropout3D", keras2: "rate noise_shape seed", keras3: "=rate seed name dtype data_format",
            added: ["data_format": "channels_last"], dropped: ["trainable": true, "noise_shape": nil],
            unwritten: ["data_format"]),
        ClassRule("Flatten", "data_format"),
        ClassRule("Reshape", "target_shape"),
        ClassRule("Permute", "dims"),
        ClassRule("RepeatVector", "n"),
        ClassRule("ActivityRegularization", "l1 l2"),
        ClassRule("Masking", "mask_value"),
        ClassRule(
            "Embedding",
            keras2: """
                input_dim output_dim embeddings_initializer embeddings_regularizer activity_regularizer \
                embeddings_constraint mask_zero input_length
                """,
            keras3: """
                input_dim output_dim embeddings_initializer embeddings_regularizer activity_regularizer \
                embeddings_constraint mask_zero quantization_config
                """,
            added: ["quantization_config": nil], dropped: ["input_length": nil], special: .embedding),
    ]

    /// `keras/layers/noise.py` of 2.3.1.
    static let noise: [ClassRule] = [
        ClassRule("GaussianNoise", keras2: "stddev", keras3: "stddev seed", added: ["seed": nil]),
        ClassRule("GaussianDropout", keras2: "rate", keras3: "rate seed", added: ["seed": nil]),
        ClassRule(
            "AlphaDropout", keras2: "rate", keras3: "rate seed noise_shape", added: ["seed": nil, "noise_shape": nil]),
    ]

    /// `keras/layers/advanced_activations.py` of 2.3.1.
    static let advancedActivations: [ClassRule] = [
        ClassRule("LeakyReLU", keras2: "alpha", keras3: "negative_slope", renamed: ["alpha": "negative_slope"]),
        ClassRule("PReLU", "alpha_initializer alpha_regularizer alpha_constraint shared_axes"),
        ClassRule("ELU", keras2: "alpha", keras3: "=name alpha trainable dtype"),
        ClassRule("ThresholdedReLU", "theta"),
        ClassRule("Softmax", "axis"),
        ClassRule("ReLU", "max_value negative_slope threshold"),
    ]
}
