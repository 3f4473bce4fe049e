import KerasSpec

extension ClassRule {
    /// The rules of tf-keras 2.21 by name; older tf.keras leaves out some of the keys. Most classes have the keys that Keras 2.3
    /// has, in another order with the type.
    ///
    /// Source: `get_config` of `tf_keras/src/layers` 2.21, run.
    static let tfKeras: [String: ClassRule] = {
        let own =
            tfCore + tfConvolution + tfPooling + tfNormalization + tfRecurrent + tfAttention + tfPreprocessing + tfImages
        var rules = Dictionary(uniqueKeysWithValues: own.map { ($0.className, $0) })
        for (name, rule) in all where rules[name] == nil { rules[name] = rule.ofTfKeras }
        return rules
    }()

    /// Other names under which tf.keras finds a class: names of the time when it had two of each.
    static let tfKerasAliases: [String: String] = [
        "BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization",
        "LSTMV1": "LSTM", "LSTMV2": "LSTM", "UnifiedLSTM": "LSTM", "GRUV1": "GRU", "GRUV2": "GRU", "UnifiedGRU": "GRU",
        "Convolution1DTranspose": "Conv1DTranspose", "Convolution2DTranspose": "Conv2DTranspose",
        "Convolution3DTranspose": "Conv3DTranspose", "DepthwiseConvolution1D": "DepthwiseConv1D",
        "DepthwiseConvolution2D": "DepthwiseConv2D", "SyncBatchNormalization": "BatchNormalization",
    ]

    /// Classes of tf.keras whose configuration is kept as it is: base classes, Lambda, whose code is never run, and what
    /// stands for a piece of TensorFlow.
    static let tfKerasKeptClasses: Set<String> = [
        "Lambda", "Layer", "Wrapper", "AbstractRNNCell", "PreprocessingLayer", "TensorFlowOpLayer", "TFOpLambda",
        "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "AddLoss", "AddMetric", "DenseFeatures",
        "SequenceFeatures", "RandomFourierFeatures", "DeviceWrapper", "DropoutWrapper", "ResidualWrapper", "CategoryCrossing",
        "KerasLayer",
    ]

    private static let tfBase = "name trainable dtype batch_input_shape "

    /// A rule of Keras 2.3 for tf.keras, which writes the type before the shape.
    private var ofTfKeras: ClassRule {
        let base = ["name", "trainable", "batch_input_shape", "dtype"]
        let own = keras2.starts(with: base) ? Array(keras2.dropFirst(base.count)) : keras2
        let prefix = keras2.starts(with: base) ? Self.tfBase : ""
        return ClassRule(
            className, keras2: own.joined(separator: " "), keras3: "=" + keras3.joined(separator: " "), renamed: renamed,
            added: added, dropped: dropped, neutral: neutral, omitted: omitted, unwritten: unwritten, defaults: defaults, special: special,
            base: prefix, generation: .tfKeras)
    }

    private static func tf(
        _ className: String, _ tfKeras: String, _ keras3: String? = nil, renamed: [String: String] = [:],
        added: [String: ConfigValue] = [:], dropped: [String: ConfigValue] = [:], neutral: [String: ConfigValue] = [:],
        unwritten: Set<String> = [], defaults: [String: Defaults] = [:], special: Special? = nil, base: String = tfBase
    ) -> ClassRule {
        ClassRule(
            className, keras2: tfKeras, keras3: keras3 ?? tfKeras, renamed: renamed, added: added, dropped: dropped,
            neutral: neutral, unwritten: unwritten, defaults: defaults, special: special, base: base, generation: .tfKeras)
    }

    // MARK: - Core

    private static let tfCore: [ClassRule] = [
        tf(
            "InputLayer", "batch_input_shape dtype sparse ragged name optional",
            "=batch_shape dtype sparse ragged name optional", renamed: ["batch_input_shape": "batch_shape"],
            added: ["sparse": false, "ragged": false, "optional": false, "trainable": true], base: ""),
        tf("Identity", ""),
        tf(
            "EinsumDense",
            """
            output_shape equation activation bias_axes kernel_initializer bias_initializer kernel_regularizer \
            bias_regularizer activity_regularizer kernel_constraint bias_constraint
            """,
            """
            output_shape equation activation bias_axes kernel_initializer bias_initializer kernel_regularizer \
            bias_regularizer activity_regularizer kernel_constraint bias_constraint quantization_config
            """,
            added: ["quantization_config": nil]),
        tf("GaussianNoise", "stddev seed", added: ["seed": nil]),
        tf("GaussianDropout", "rate seed", added: ["seed": nil]),
        tf("AlphaDropout", "rate seed", "rate seed noise_shape", added: ["seed": nil, "noise_shape": nil]),
    ]

    // MARK: - Convolution

    private static let tfDense = """
        activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer \
        activity_regularizer kernel_constraint bias_constraint
        """

    private static let tfConvolution: [ClassRule] =
        ["Conv1D", "Conv2D", "Conv3D"].map { name in
            tf(
                name, "filters kernel_size strides padding data_format dilation_rate groups " + tfDense, added: ["groups": 1])
        }
        + ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"].map { name in
            // In three dimensions tf.keras has no dilation.
            let isFlat = name != "Conv3DTranspose"
            let dilation = isFlat ? "dilation_rate " : ""
            return tf(
                name, "filters kernel_size strides padding data_format \(dilation)groups " + tfDense + " output_padding",
                "filters kernel_size strides padding output_padding data_format dilation_rate " + tfDense,
                added: isFlat ? ["output_padding": nil] : ["output_padding": nil, "dilation_rate": [1, 1, 1]],
                dropped: ["groups": 1])
        }
        + ["DepthwiseConv1D", "DepthwiseConv2D"].map { name in
            tf(
                name,
                """
                kernel_size strides padding data_format dilation_rate groups activation use_bias bias_initializer \
                bias_regularizer activity_regularizer bias_constraint depth_multiplier depthwise_initializer \
                depthwise_regularizer depthwise_constraint
                """,
                """
                depth_multiplier kernel_size strides padding data_format dilation_rate activation use_bias \
                depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer activity_regularizer \
                depthwise_constraint bias_constraint
                """,
                dropped: ["groups": 1])
        }
        + ["SeparableConv1D", "SeparableConv2D"].map { name in
            tf(
                name,
                """
                filters kernel_size strides padding data_format dilation_rate groups activation use_bias \
                kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer \
                kernel_constraint bias_constraint depth_multiplier depthwise_initializer pointwise_initializer \
                depthwise_regularizer pointwise_regularizer depthwise_constraint pointwise_constraint
                """,
                """
                depth_multiplier filters kernel_size strides padding data_format dilation_rate activation use_bias \
                depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer \
                pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint \
                bias_constraint
                """,
                // A separable convolution never looks at the settings of the kernel that it doesn't have.
                dropped: ["groups": 1, "kernel_initializer": glorot, "kernel_regularizer": nil, "kernel_constraint": nil])
        }
        + [
            // The implementation decides the kernel's shape: any but the first is passed on, so that nobody takes it for the first.
            tf(
                "LocallyConnected1D", "filters kernel_size strides padding data_format " + tfDense + " implementation",
                "filters kernel_size strides padding data_format " + tfDense, neutral: ["implementation": 1]),
            tf(
                "LocallyConnected2D", "filters kernel_size strides padding data_format " + tfDense + " implementation",
                "filters kernel_size strides padding data_format " + tfDense, neutral: ["implementation": 1]),
        ]

    private static let glorot: ConfigValue = Serialized.keras3("keras.initializers", "GlorotUniform", ["seed": nil])

    // MARK: - Pooling

    private static let tfPooling: [ClassRule] = ["GlobalMaxPooling", "GlobalAveragePooling"].flatMap { kind in
        ["1D", "2D", "3D"].map { tf(kind + $0, "data_format keepdims", added: ["keepdims": false]) }
    }

    // MARK: - Normalization

    private static let tfNormalization: [ClassRule] = [
        tf(
            "BatchNormalization",
            """
            axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer \
            moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint renorm \
            renorm_clipping renorm_momentum
            """,
            """
            axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer \
            moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint synchronized \
            renorm renorm_clipping renorm_momentum
            """,
            added: ["synchronized": false, "renorm": false, "renorm_clipping": nil, "renorm_momentum": 0.99],
            neutral: ["fused": nil, "virtual_batch_size": nil, "adjustment": nil], special: .batchNormalization),
        tf(
            "LayerNormalization",
            """
            axis epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer \
            beta_constraint gamma_constraint
            """,
            """
            axis epsilon center scale rms_scaling beta_initializer gamma_initializer beta_regularizer gamma_regularizer \
            beta_constraint gamma_constraint
            """,
            added: ["rms_scaling": false]),
        tf(
            "GroupNormalization",
            """
            groups axis epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer \
            beta_constraint gamma_constraint
            """),
        tf("UnitNormalization", "axis"),
        tf("SpectralNormalization", "layer power_iterations"),
    ]

    // MARK: - Attention

    private static let tfAttention: [ClassRule] = [
        tf(
            "MultiHeadAttention",
            """
            num_heads key_dim value_dim dropout use_bias output_shape attention_axes kernel_initializer bias_initializer \
            kernel_regularizer bias_regularizer activity_regularizer kernel_constraint bias_constraint query_shape \
            key_shape value_shape softmax_robust_masking
            """,
            """
            num_heads key_dim value_dim dropout use_bias use_gate output_shape attention_axes sliding_window \
            kernel_initializer bias_initializer kernel_regularizer bias_regularizer activity_regularizer \
            kernel_constraint bias_constraint seed
            """,
            added: ["use_gate": false, "sliding_window": nil, "seed": nil, "flash_attention": nil],
            dropped: ["query_shape": nil, "key_shape": nil, "value_shape": nil], neutral: ["softmax_robust_masking": false]),
        tf(
            "Attention", "dropout use_scale score_mode", "use_scale score_mode dropout seed",
            added: ["score_mode": "dot", "dropout": 0.0, "seed": nil], neutral: ["causal": false]),
        tf(
            "AdditiveAttention", "dropout use_scale", "use_scale dropout seed", added: ["dropout": 0.0, "seed": nil],
            neutral: ["causal": false]),
    ]

    // MARK: - Recurrent

    private static let sequence = "return_sequences return_state go_backwards stateful unroll time_major num_constants"
    private static let sequence3 =
        "return_sequences return_state go_backwards stateful unroll zero_output_for_mask num_constants"
    private static let simpleCell = """
        use_bias kernel_initializer recurrent_initializer bias_initializer kernel_regularizer recurrent_regularizer \
        bias_regularizer kernel_constraint recurrent_constraint bias_constraint dropout recurrent_dropout
        """
    private static let simple = simpleCell.replacing("bias_regularizer ", with: "bias_regularizer activity_regularizer ")
    private static let lstm = simple.replacing("bias_initializer ", with: "bias_initializer unit_forget_bias ")
    private static let lstmCell = simpleCell.replacing("bias_initializer ", with: "bias_initializer unit_forget_bias ")
    private static let convolutional =
        " filters kernel_size strides padding data_format dilation_rate activation recurrent_activation " + lstm
    private static let tfAdded: [String: ConfigValue] = ["zero_output_for_mask": false, "seed": nil]
    private static let timeMajor: [String: ConfigValue] = ["time_major": false]

    /// Written only where it is true.
    private static let zeroOutput: Set<String> = ["zero_output_for_mask"]

    private static let tfRecurrent: [ClassRule] =
        [
            tf(
                "SimpleRNN", sequence + " units activation " + simple, sequence3 + " units activation " + simple,
                added: tfAdded, neutral: timeMajor, unwritten: zeroOutput),
            tf(
                "LSTM", sequence + " units activation recurrent_activation " + lstm + " implementation",
                sequence3 + " units activation recurrent_activation " + lstm + " seed", added: tfAdded,
                dropped: ["implementation": 2], neutral: timeMajor, unwritten: zeroOutput),
            tf(
                "GRU", sequence + " units activation recurrent_activation " + simple + " implementation reset_after",
                sequence3 + " units activation recurrent_activation " + simple + " reset_after seed", added: tfAdded,
                dropped: ["implementation": 2], neutral: timeMajor, unwritten: zeroOutput),
            tf("SimpleRNNCell", "units activation " + simpleCell, "units activation " + simpleCell + " seed", added: ["seed": nil]),
            tf(
                "LSTMCell", "units activation recurrent_activation " + lstmCell + " implementation",
                "units activation recurrent_activation use_bias unit_forget_bias "
                    + simpleCell.replacing("use_bias ", with: "") + " seed",
                added: ["seed": nil], dropped: ["implementation": 2]),
            tf(
                "GRUCell", "units activation recurrent_activation " + simpleCell + " implementation reset_after",
                "units activation recurrent_activation " + simpleCell + " reset_after seed", added: ["seed": nil],
                dropped: ["implementation": 2]),
            tf("RNN", sequence + " cell", sequence3 + " cell", added: ["zero_output_for_mask": false], neutral: timeMajor,
                unwritten: zeroOutput),
            tf(
                "Bidirectional", "layer merge_mode num_constants backward_layer",
                "merge_mode layer backward_layer num_constants", special: .bidirectional),
        ]
        + ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"].map { name in
            tf(
                name, sequence + convolutional, sequence3 + convolutional + " seed", added: tfAdded, neutral: timeMajor, unwritten: zeroOutput,
                defaults: [
                    "recurrent_activation": Defaults(keras2: .string(LegacyName.hardSigmoid), keras3: "sigmoid")
                ])
        }
}
