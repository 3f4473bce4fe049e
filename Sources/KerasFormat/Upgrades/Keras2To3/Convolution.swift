import KerasSpec

extension ClassRule {
    /// `keras/layers/convolutional.py`, `local.py` of 2.3.1.
    static let convolution: [ClassRule] = [
        plainConvolution("Conv1D"), plainConvolution("Conv2D"), plainConvolution("Conv3D"),
        ClassRule(
            "Conv2DTranspose",
            keras2: "filters kernel_size strides padding data_format dilation_rate " + dense + " output_padding",
            keras3: "filters kernel_size strides padding output_padding data_format dilation_rate " + dense),
        ClassRule(
            "Conv3DTranspose", keras2: "filters kernel_size strides padding data_format " + dense + " output_padding",
            keras3: "filters kernel_size strides padding output_padding data_format dilation_rate " + dense,
            added: ["dilation_rate": [1, 1, 1]]),
        separable("SeparableConv1D"), separable("SeparableConv2D"),
        ClassRule(
            "DepthwiseConv2D",
            keras2: """
                kernel_size strides padding data_format dilation_rate activation use_bias bias_initializer \
                bias_regularizer activity_regularizer bias_constraint depth_multiplier depthwise_initializer \
                depthwise_regularizer depthwise_constraint
                """,
            keras3: """
                depth_multiplier kernel_size strides padding data_format dilation_rate activation use_bias \
                depthwise_initializer bias_initializer depthwise_regularizer bias_regularizer activity_regularizer \
                depthwise_constraint bias_constraint
                """),
        // Keras 3 has no locally connected layers; they stay in their own words.
        ClassRule(
            "LocallyConnected1D", keras2: "filters kernel_size strides padding " + dense, keras3: "filters kernel_size strides padding " + dense,
            added: ["data_format": "channels_last"]),
        ClassRule("LocallyConnected2D", "filters kernel_size strides padding data_format " + dense),
    ]

    private static let dense = """
        activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer \
        activity_regularizer kernel_constraint bias_constraint
        """

    private static func plainConvolution(_ className: String) -> ClassRule {
        ClassRule(
            className, keras2: "filters kernel_size strides padding data_format dilation_rate " + dense,
            keras3: "filters kernel_size strides padding data_format dilation_rate groups " + dense, added: ["groups": 1])
    }

    private static func separable(_ className: String) -> ClassRule {
        ClassRule(
            className,
            keras2: """
                filters kernel_size strides padding data_format dilation_rate activation use_bias bias_initializer \
                bias_regularizer activity_regularizer bias_constraint depth_multiplier depthwise_initializer \
                pointwise_initializer depthwise_regularizer pointwise_regularizer depthwise_constraint \
                pointwise_constraint
                """,
            keras3: """
                depth_multiplier filters kernel_size strides padding data_format dilation_rate activation use_bias \
                depthwise_initializer pointwise_initializer bias_initializer depthwise_regularizer \
                pointwise_regularizer bias_regularizer activity_regularizer depthwise_constraint pointwise_constraint \
                bias_constraint
                """)
    }

    /// Cropping, padding and upsampling of `keras/layers/convolutional.py` of 2.3.1.
    static let reshaping: [ClassRule] = [
        ClassRule("UpSampling1D", "size"),
        ClassRule("UpSampling2D", "size data_format interpolation"),
        ClassRule("UpSampling3D", "size data_format"),
        ClassRule(
            "ZeroPadding1D", keras2: "padding", keras3: "padding data_format", added: ["data_format": "channels_last"]),
        ClassRule("ZeroPadding2D", "padding data_format"),
        ClassRule("ZeroPadding3D", "padding data_format"),
        ClassRule("Cropping1D", "cropping"),
        ClassRule("Cropping2D", "cropping data_format"),
        ClassRule("Cropping3D", "cropping data_format"),
    ]
}
