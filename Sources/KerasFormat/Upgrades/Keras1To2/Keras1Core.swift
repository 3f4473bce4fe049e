import KerasSpec

extension Keras1Rule {
    private typealias K = Key

    /// `keras/engine/topology.py`, `keras/layers/core.py`, `embeddings.py`, `noise.py`, `normalization.py` of 1.2.2.
    static let core: [Keras1Rule] = [
        Keras1Rule("Dense", "Dense", dense, fixed: zeroBias, input: .vector),
        Keras1Rule("TimeDistributedDense", "Dense", dense + [.kept("input_length")], fixed: zeroBias, input: .sequence),
        Keras1Rule(
            "Highway", "Highway",
            [K("init", "init", .initializer, or: "glorot_uniform"), .activation] + legacyPenalties + [K("bias", or: true), K("input_dim", or: nil as ConfigValue)],
            input: .vector),
        Keras1Rule(
            "MaxoutDense", "MaxoutDense",
            [K("output_dim"), K("init", "init", .initializer, or: "glorot_uniform"), K("nb_feature", or: 4)] + legacyPenalties
                + [K("bias", or: true), K("input_dim", or: nil as ConfigValue)],
            input: .vector),
        Keras1Rule("Activation", "Activation", [K("activation", "activation", .activation)]),
        Keras1Rule(
            "Dropout", "Dropout",
            [K("p", "rate"), K("noise_shape", or: nil as ConfigValue, isUnwritten: true), K("seed", or: nil as ConfigValue, isUnwritten: true)]),
        Keras1Rule("SpatialDropout1D", "SpatialDropout1D", [K("p", "rate")], fixed: noiseless, free: ["seed"]),
        Keras1Rule("SpatialDropout2D", "SpatialDropout2D", [K("p", "rate"), .unwrittenOrdering], fixed: noiseless, free: ["seed"]),
        Keras1Rule("SpatialDropout3D", "SpatialDropout3D", [K("p", "rate"), .unwrittenOrdering], fixed: noiseless, free: ["seed"]),
        Keras1Rule("GaussianNoise", "GaussianNoise", [K("sigma", "stddev")]),
        Keras1Rule("GaussianDropout", "GaussianDropout", [K("p", "rate")]),
        // Keras 1 flattens as the array stands, whatever its channels' axis; Keras 2.3 does so for channels_last alone.
        Keras1Rule("Flatten", "Flatten", fixed: ["data_format": "channels_last"]),
        Keras1Rule("Reshape", "Reshape", [K("target_shape")]),
        Keras1Rule("Permute", "Permute", [K("dims")]),
        Keras1Rule("RepeatVector", "RepeatVector", [K("n")]),
        Keras1Rule("Masking", "Masking", [K("mask_value", or: 0.0)]),
        Keras1Rule("ActivityRegularization", "ActivityRegularization", [K("l1", or: 0.0), K("l2", or: 0.0)]),
        Keras1Rule(
            "Embedding", "Embedding",
            [
                K("input_dim"), K("output_dim"), .initializer("init", "embeddings_initializer", or: "uniform"),
                K("input_length", or: nil as ConfigValue), K("mask_zero", or: false),
                .regularizer("activity_regularizer", "activity_regularizer"),
                .regularizer("W_regularizer", "embeddings_regularizer"),
                .constraint("W_constraint", "embeddings_constraint"), .kept("dropout", or: 0.0),
            ],
            input: .indices),
        Keras1Rule(
            "BatchNormalization", "BatchNormalization",
            [
                K("epsilon", or: 0.001), .kept("mode", or: 0), K("axis", or: -1),
                .regularizer("gamma_regularizer", "gamma_regularizer"), .regularizer("beta_regularizer", "beta_regularizer"),
                K("momentum", or: 0.99), unwritten("beta_init", "beta_initializer", "zero"),
                unwritten("gamma_init", "gamma_initializer", "one"),
            ],
            fixed: [
                "center": true, "scale": true, "moving_mean_initializer": ["class_name": "Zeros", "config": [:]],
                "moving_variance_initializer": ["class_name": "Ones", "config": [:]], "beta_constraint": nil,
                "gamma_constraint": nil,
            ]),
    ]

    /// `keras/layers/advanced_activations.py` of 1.2.2.
    static let advancedActivations: [Keras1Rule] = [
        Keras1Rule("LeakyReLU", "LeakyReLU", [K("alpha", or: 0.3)]),
        Keras1Rule("ELU", "ELU", [K("alpha", or: 1.0)]),
        Keras1Rule("ThresholdedReLU", "ThresholdedReLU", [K("theta", or: 1.0)]),
        Keras1Rule(
            "PReLU", "PReLU",
            [.initializer("init", "alpha_initializer", or: "zero"), K("shared_axes", or: nil as ConfigValue, isUnwritten: true)],
            fixed: ["alpha_regularizer": nil, "alpha_constraint": nil]),
    ]

    static let zeroBias: ConfigObject = ["bias_initializer": ["class_name": "Zeros", "config": [:]]]
    private static let noiseless: ConfigObject = ["noise_shape": nil]

    private static func unwritten(_ name: String, _ keras2: String, _ fallback: ConfigValue) -> Key {
        Key(name, keras2, .initializer, or: fallback, isUnwritten: true)
    }

    private static let penalties: [Key] = [
        .regularizer("W_regularizer", "kernel_regularizer"), .regularizer("b_regularizer", "bias_regularizer"),
        .regularizer("activity_regularizer", "activity_regularizer"), .constraint("W_constraint", "kernel_constraint"),
        .constraint("b_constraint", "bias_constraint"),
    ]

    /// Of classes that Keras 2.3 keeps in Keras 1's words.
    private static let legacyPenalties: [Key] = [
        .regularizer("W_regularizer", "W_regularizer"), .regularizer("b_regularizer", "b_regularizer"),
        .regularizer("activity_regularizer", "activity_regularizer"), .constraint("W_constraint", "W_constraint"),
        .constraint("b_constraint", "b_constraint"),
    ]

    private static let dense: [Key] =
        [K("output_dim", "units"), .initializer(), .activation] + penalties + [.bias, .kept("input_dim")]
}
