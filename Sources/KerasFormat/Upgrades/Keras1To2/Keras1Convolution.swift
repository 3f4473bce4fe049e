import KerasSpec

extension Keras1Rule {
    private typealias K = Key

    /// `keras/layers/convolutional.py`, `local.py` of 1.2.2.
    static let convolution: [Keras1Rule] = [
        Keras1Rule(
            "Convolution1D", "Conv1D", sequence(.convolution1D), fixed: oneDimensional(dilation: [1]), input: .sequence),
        Keras1Rule(
            "AtrousConvolution1D", "Conv1D", sequence(.convolution1D) + [K("atrous_rate", "dilation_rate", .single, or: 1)],
            fixed: oneDimensional(), input: .sequence),
        Keras1Rule("Convolution2D", "Conv2D", plane(.convolution), fixed: zeroBias.with("dilation_rate", [1, 1])),
        Keras1Rule(
            "AtrousConvolution2D", "Conv2D", plane(.convolution) + [K("atrous_rate", "dilation_rate", or: [1, 1])],
            fixed: zeroBias),
        Keras1Rule(
            "Deconvolution2D", "Conv2DTranspose", plane(.transposed) + [.kept("output_shape")],
            fixed: zeroBias.with("dilation_rate", [1, 1]).with("output_padding", nil)),
        Keras1Rule(
            "SeparableConvolution2D", "SeparableConv2D",
            [
                K("nb_filter", "filters"), kernel, .initializer("init", "depthwise_initializer"), .activation, .padding,
                K("subsample", "strides", or: [1, 1]), K("depth_multiplier", or: 1), .ordering,
                .regularizer("depthwise_regularizer", "depthwise_regularizer"),
                .regularizer("pointwise_regularizer", "pointwise_regularizer"),
                .regularizer("b_regularizer", "bias_regularizer"),
                .regularizer("activity_regularizer", "activity_regularizer"),
                .constraint("depthwise_constraint", "depthwise_constraint", .convolution),
                .constraint("pointwise_constraint", "pointwise_constraint", .convolution),
                .constraint("b_constraint", "bias_constraint"), .bias,
            ],
            fixed: zeroBias.with("dilation_rate", [1, 1])),
        Keras1Rule(
            "Convolution3D", "Conv3D",
            [
                K("nb_filter", "filters"), K("kernel_dim1", "kernel_size", .list(["kernel_dim2", "kernel_dim3"])), .ordering,
                .initializer(), .activation, .padding, K("subsample", "strides", or: [1, 1, 1]),
            ] + penalties(.convolution) + [.bias],
            fixed: zeroBias.with("dilation_rate", [1, 1, 1])),
        Keras1Rule(
            "LocallyConnected1D", "LocallyConnected1D", sequence(.same), fixed: zeroBias, free: ["data_format", "implementation"],
            input: .sequence),
        Keras1Rule("LocallyConnected2D", "LocallyConnected2D", plane(.same), fixed: zeroBias, free: ["implementation"]),
    ]

    /// Cropping, padding and upsampling of `keras/layers/convolutional.py` of 1.2.2, which don't write their `dim_ordering`.
    static let reshaping: [Keras1Rule] = [
        Keras1Rule("UpSampling1D", "UpSampling1D", [K("length", "size", or: 2)]),
        Keras1Rule(
            "UpSampling2D", "UpSampling2D", [K("size", or: [2, 2]), .unwrittenOrdering], fixed: ["interpolation": "nearest"]),
        Keras1Rule("UpSampling3D", "UpSampling3D", [K("size", or: [2, 2, 2]), .unwrittenOrdering]),
        Keras1Rule("ZeroPadding1D", "ZeroPadding1D", [K("padding", "padding", .padding, or: 1)]),
        Keras1Rule("ZeroPadding2D", "ZeroPadding2D", [K("padding", "padding", .padding, or: [1, 1]), .unwrittenOrdering]),
        Keras1Rule("ZeroPadding3D", "ZeroPadding3D", [K("padding", "padding", .padding, or: [1, 1, 1]), .unwrittenOrdering]),
        Keras1Rule("Cropping1D", "Cropping1D", [K("cropping", or: [1, 1])]),
        Keras1Rule("Cropping2D", "Cropping2D", [K("cropping", or: [[0, 0], [0, 0]]), .unwrittenOrdering]),
        Keras1Rule("Cropping3D", "Cropping3D", [K("cropping", or: [[1, 1], [1, 1], [1, 1]]), .unwrittenOrdering]),
    ]

    /// `keras/layers/pooling.py` of 1.2.2.
    static let pooling: [Keras1Rule] = windows("MaxPooling") + windows("AveragePooling") + wholes("GlobalMaxPooling") + wholes("GlobalAveragePooling")

    private static func windows(_ kind: String) -> [Keras1Rule] {
        let sequence: [Key] = [
            K("stride", "strides", .single, or: nil as ConfigValue), K("pool_length", "pool_size", .single, or: 2), .padding,
        ]
        return [
            Keras1Rule(kind + "1D", kind + "1D", sequence, fixed: ["data_format": "channels_last"]),
            Keras1Rule(kind + "2D", kind + "2D", window(2)), Keras1Rule(kind + "3D", kind + "3D", window(3)),
        ]
    }

    private static func wholes(_ kind: String) -> [Keras1Rule] {
        [
            Keras1Rule(kind + "1D", kind + "1D", fixed: ["data_format": "channels_last"]),
            Keras1Rule(kind + "2D", kind + "2D", [.ordering]), Keras1Rule(kind + "3D", kind + "3D", [.ordering]),
        ]
    }

    private static func window(_ rank: Int) -> [Key] {
        [
            K("pool_size", or: .integers([Int](repeating: 2, count: rank))), .padding, K("strides", or: nil as ConfigValue),
            .ordering,
        ]
    }

    private static let kernel = K("nb_row", "kernel_size", .list(["nb_col"]))

    private static func plane(_ axes: Keras1Values.Axes) -> [Key] {
        [
            K("nb_filter", "filters"), kernel, .initializer(), .activation, .padding, K("subsample", "strides", or: [1, 1]),
            .ordering,
        ] + penalties(axes) + [.bias]
    }

    private static func sequence(_ axes: Keras1Values.Axes) -> [Key] {
        [
            K("nb_filter", "filters"), K("filter_length", "kernel_size", .single), .initializer(), .activation, .padding,
            K("subsample_length", "strides", .single, or: 1),
        ] + penalties(axes) + [.bias, .kept("input_dim"), .kept("input_length")]
    }

    private static func penalties(_ axes: Keras1Values.Axes) -> [Key] {
        [
            .regularizer("W_regularizer", "kernel_regularizer"), .regularizer("b_regularizer", "bias_regularizer"),
            .regularizer("activity_regularizer", "activity_regularizer"),
            .constraint("W_constraint", "kernel_constraint", axes), .constraint("b_constraint", "bias_constraint"),
        ]
    }

    private static func oneDimensional(dilation: ConfigValue? = nil as ConfigValue?) -> ConfigObject {
        let config = zeroBias.with("data_format", "channels_last")
        return dilation.map { config.with("dilation_rate", $0) } ?? config
    }
}

extension ConfigObject {
    /// The same settings with one more.
    func with(_ key: String, _ value: ConfigValue) -> ConfigObject {
        var result = self
        result[key] = value
        return result
    }
}
