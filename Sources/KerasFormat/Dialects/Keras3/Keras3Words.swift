import KerasSpec
import OrderedCollections

/// Which of Keras 3.15's words an older Keras 3 lacks, and which of older generations' Keras 3 lacks altogether.
///
/// Source: the constructors of `keras/src/layers` at each version's tag.
enum Keras3Words {
    /// A constructor's key that came with a version, and the values that say nothing an older version doesn't do anyway.
    struct Key: Sendable {
        let minor: Int
        let neutral: [ConfigValue]
    }

    /// Keys of single classes.
    private static let keys: [String: [String: Key]] = [
        "Resizing": [
            "pad_to_aspect_ratio": Key(minor: 3, neutral: [false]), "fill_mode": Key(minor: 3, neutral: ["constant"]),
            "fill_value": Key(minor: 3, neutral: [0.0, 0]), "antialias": Key(minor: 9, neutral: [false]),
        ],
        "MultiHeadAttention": [
            "seed": Key(minor: 4, neutral: [nil]), "use_gate": Key(minor: 14, neutral: [false]),
            "sliding_window": Key(minor: 15, neutral: [nil]), "flash_attention": Key(minor: 7, neutral: [nil]),
        ],
        "GroupQueryAttention": [
            "seed": Key(minor: 7, neutral: [nil]), "use_gate": Key(minor: 14, neutral: [false]),
            "sliding_window": Key(minor: 15, neutral: [nil]), "flash_attention": Key(minor: 7, neutral: [nil]),
        ],
        "CategoryEncoding": ["sparse": Key(minor: 2, neutral: [false])],
        "Embedding": ["weights": Key(minor: 3, neutral: [nil])],
        "EinsumDense": ["gptq_unpacked_column_size": Key(minor: 12, neutral: [nil])],
        "LSTM": ["use_cudnn": Key(minor: 2, neutral: ["auto", true, false])],
        "GRU": ["use_cudnn": Key(minor: 2, neutral: ["auto", true, false])],
        "IntegerLookup": ["oov_method": Key(minor: 14, neutral: ["floormod"]), "salt": Key(minor: 14, neutral: [nil])],
        "StringLookup": ["salt": Key(minor: 14, neutral: [nil])],
        "TextVectorization": ["salt": Key(minor: 14, neutral: [nil])],
        "InputLayer": ["optional": Key(minor: 4, neutral: [false]), "ragged": Key(minor: 9, neutral: [false])],
        "ZeroPadding1D": ["data_format": Key(minor: 5, neutral: ["channels_last", nil])],
        "RandomFlip": ["data_format": Key(minor: 6, neutral: ["channels_last", nil])],
        "RandomContrast": [
            "data_format": Key(minor: 6, neutral: ["channels_last", nil]),
            "value_range": Key(minor: 8, neutral: [[0, 255]]),
        ],
        "RandomBrightness": ["data_format": Key(minor: 6, neutral: ["channels_last", nil])],
        "BatchNormalization": [
            "renorm": Key(minor: 14, neutral: [false]), "renorm_clipping": Key(minor: 14, neutral: [nil]),
            "renorm_momentum": Key(minor: 14, neutral: [0.99]),
        ],
    ]

    /// The key of a class, where some Keras 3 lacks it.
    static func key(_ name: String, of className: String) -> Key? {
        if name == "quantization_config" { return Key(minor: 13, neutral: [nil]) }
        if name == "input_axes" || name == "output_axes" { return Key(minor: 15, neutral: [nil]) }
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
