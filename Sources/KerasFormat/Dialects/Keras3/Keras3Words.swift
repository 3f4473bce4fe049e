import KerasSpec
import OrderedCollections

/// Which of Keras 3.15's words an older Keras 3 lacks, and which of older generations' Keras 3 lacks altogether.
///
/// Source: the constructors of `keras/src/layers` at each version's tag.
enum Keras3Words {
    /// Keys of single classes.
    private static let keys: [String: [String: LateKey]] = [
        "Resizing": [
            "pad_to_aspect_ratio": LateKey(minor: 3, neutral: [false]), "fill_mode": LateKey(minor: 3, neutral: ["constant"]),
            "fill_value": LateKey(minor: 3, neutral: [0.0, 0]), "antialias": LateKey(minor: 9, neutral: [false]),
        ],
        "MultiHeadAttention": [
            "seed": LateKey(minor: 4, neutral: [nil]), "use_gate": LateKey(minor: 14, neutral: [false]),
            "sliding_window": LateKey(minor: 15, neutral: [nil]), "flash_attention": LateKey(minor: 7, neutral: [nil]),
        ],
        "GroupQueryAttention": [
            "seed": LateKey(minor: 7, neutral: [nil]), "use_gate": LateKey(minor: 14, neutral: [false]),
            "sliding_window": LateKey(minor: 15, neutral: [nil]), "flash_attention": LateKey(minor: 7, neutral: [nil]),
        ],
        "CategoryEncoding": ["sparse": LateKey(minor: 2, neutral: [false])],
        "Embedding": ["weights": LateKey(minor: 3, neutral: [nil])],
        "EinsumDense": ["gptq_unpacked_column_size": LateKey(minor: 12, neutral: [nil])],
        "LSTM": ["use_cudnn": LateKey(minor: 2, neutral: ["auto", true, false])],
        "GRU": ["use_cudnn": LateKey(minor: 2, neutral: ["auto", true, false])],
        "IntegerLookup": ["oov_method": LateKey(minor: 14, neutral: ["floormod"]), "salt": LateKey(minor: 14, neutral: [nil])],
        "StringLookup": ["salt": LateKey(minor: 14, neutral: [nil])],
        "TextVectorization": ["salt": LateKey(minor: 14, neutral: [nil])],
        "InputLayer": ["optional": LateKey(minor: 4, neutral: [false]), "ragged": LateKey(minor: 9, neutral: [false])],
        "ZeroPadding1D": ["data_format": LateKey(minor: 5, neutral: ["channels_last", nil])],
        "RandomFlip": ["data_format": LateKey(minor: 6, neutral: ["channels_last", nil])],
        "RandomContrast": [
            "data_format": LateKey(minor: 6, neutral: ["channels_last", nil]),
            "value_range": LateKey(minor: 8, neutral: [[0, 255]]),
        ],
        "RandomBrightness": ["data_format": LateKey(minor: 6, neutral: ["channels_last", nil])],
        "BatchNormalization": [
            "renorm": LateKey(minor: 14, neutral: [false]), "renorm_clipping": LateKey(minor: 14, neutral: [nil]),
            "renorm_momentum": LateKey(minor: 14, neutral: [0.99]),
        ],
    ]

    /// The key of a class, where some Keras 3 lacks it.
    static func key(_ name: String, of className: String) -> LateKey? {
        if name == "quantization_config" { return LateKey(minor: 13, neutral: [nil]) }
        if name == "input_axes" || name == "output_axes" { return LateKey(minor: 15, neutral: [nil]) }
        return keys[className]?[name]
    }

    /// Classes of older generations for which Keras 3 has none.
    static let gone: Set<String> = [
        "LocallyConnected1D", "LocallyConnected2D", "Highway", "MaxoutDense", "SReLU", "ParametricSoftplus", "Merge",
        "Recurrent", "ConvRecurrent2D", "CuDNNLSTM", "CuDNNGRU", "RandomHeight", "RandomWidth",
    ]

    /// Classes that came with a version after 3.0.
    static let classes: [String: Int] = [
        "AdaptiveAveragePooling1D": 13, "AdaptiveAveragePooling2D": 13, "AdaptiveAveragePooling3D": 13,
        "AdaptiveMaxPooling1D": 13, "AdaptiveMaxPooling2D": 13, "AdaptiveMaxPooling3D": 13, "AugMix": 9, "AutoContrast": 6,
        "ContrastLimitedAdaptiveHistogramEqualization": 14, "CutMix": 9, "Equalization": 8, "MaxNumBoundingBoxes": 7, "MelSpectrogram": 1, "MixUp": 8, "Pipeline": 6,
        "RMSNormalization": 9, "RandAugment": 8, "RandomColorDegeneration": 8, "RandomColorJitter": 8,
        "RandomElasticTransform": 10, "RandomErasing": 9, "RandomGaussianBlur": 9, "RandomGrayscale": 8, "RandomHue": 8,
        "RandomInvert": 9, "RandomPerspective": 9, "RandomPosterization": 8, "RandomSaturation": 8, "RandomSharpness": 8,
        "RandomShear": 8, "ReversibleEmbedding": 12, "STFTSpectrogram": 7, "Solarization": 6,
    ]

    /// Activations that came with a version after 3.0.
    static let activations: [String: Int] = [
        "celu": 7, "glu": 7, "hard_shrink": 7, "hard_tanh": 7, "log_sigmoid": 7, "soft_shrink": 7, "squareplus": 7,
        "tanh_shrink": 7, "sparse_plus": 8, "sparsemax": 8, "threshold": 8, "sparse_sigmoid": 10,
    ]
}
