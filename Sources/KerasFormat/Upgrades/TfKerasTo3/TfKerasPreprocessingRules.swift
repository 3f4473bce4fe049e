import KerasSpec

extension ClassRule {
    private static func tf(
        _ className: String, _ tfKeras: String, _ keras3: String? = nil, added: [String: ConfigValue] = [:],
        neutral: [String: ConfigValue] = [:]
    ) -> ClassRule {
        ClassRule(
            className, keras2: tfKeras, keras3: keras3 ?? tfKeras, added: added, neutral: neutral,
            base: "name trainable dtype batch_input_shape ", generation: .tfKeras)
    }

    /// `tf_keras/src/layers/preprocessing` of 2.21.
    static let tfPreprocessing: [ClassRule] = [
        tf("Normalization", "axis invert mean variance", added: ["invert": false, "mean": nil, "variance": nil]),
        tf("CategoryEncoding", "num_tokens output_mode sparse", "num_tokens output_mode", neutral: ["sparse": false]),
        tf(
            "Discretization", "bin_boundaries num_bins epsilon output_mode sparse",
            "=bin_boundaries num_bins epsilon output_mode sparse name dtype", neutral: ["trainable": true]),
        tf("Hashing", "num_bins salt mask_value output_mode sparse"),
        tf(
            "HashedCrossing", "num_bins output_mode sparse", "=num_bins output_mode sparse name dtype",
            neutral: ["trainable": true]),
        tf(
            "IntegerLookup",
            """
            invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens vocabulary_dtype \
            idf_weights vocabulary vocabulary_size
            """,
            """
            invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens vocabulary_dtype \
            idf_weights vocabulary vocabulary_size oov_method salt
            """,
            added: ["oov_method": "floormod", "salt": nil], neutral: ["has_input_vocabulary": true]),
        tf(
            "StringLookup",
            """
            invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens idf_weights \
            vocabulary vocabulary_size encoding
            """,
            """
            invert max_tokens num_oov_indices oov_token mask_token output_mode sparse pad_to_max_tokens idf_weights \
            vocabulary vocabulary_size oov_method salt encoding
            """,
            added: ["oov_method": "floormod", "salt": nil], neutral: ["has_input_vocabulary": true]),
        tf(
            "TextVectorization",
            """
            max_tokens standardize split ngrams output_mode output_sequence_length pad_to_max_tokens sparse ragged \
            vocabulary idf_weights encoding vocabulary_size
            """),
        tf("Rescaling", "scale offset"),
    ]

    /// `tf_keras/src/layers/preprocessing/image_preprocessing.py` of 2.21. Keras 3 says where the channels stand; tf.keras knows
    /// one place.
    static let tfImages: [ClassRule] = [
        image(
            "Resizing", "height width interpolation crop_to_aspect_ratio",
            "height width interpolation crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value antialias",
            added: [
                "crop_to_aspect_ratio": false, "pad_to_aspect_ratio": false, "fill_mode": "constant", "fill_value": 0.0,
                "antialias": false,
            ]),
        image("CenterCrop", "height width"),
        random("RandomBrightness", "factor value_range seed"),
        random("RandomContrast", "factor seed", "factor value_range seed"),
        random("RandomCrop", "height width seed"),
        random("RandomFlip", "mode seed", "seed mode"),
        random("RandomRotation", "factor fill_mode fill_value interpolation seed"),
        random(
            "RandomTranslation", "height_factor width_factor fill_mode fill_value interpolation seed",
            "height_factor width_factor fill_mode interpolation seed fill_value"),
        random(
            "RandomZoom", "height_factor width_factor fill_mode fill_value interpolation seed",
            "height_factor width_factor fill_mode interpolation seed fill_value"),
        tf("RandomHeight", "rng_type factor interpolation seed", "factor interpolation seed", neutral: ["rng_type": "stateful"]),
        tf("RandomWidth", "rng_type factor interpolation seed", "factor interpolation seed", neutral: ["rng_type": "stateful"]),
    ]

    private static func image(
        _ className: String, _ tfKeras: String, _ keras3: String? = nil, added: [String: ConfigValue] = [:],
        neutral: [String: ConfigValue] = [:]
    ) -> ClassRule {
        tf(
            className, tfKeras, "data_format " + (keras3 ?? tfKeras),
            added: added.merging(["data_format": "channels_last"]) { own, _ in own }, neutral: neutral)
    }

    /// A layer that does something to its input in training only.
    private static func random(_ className: String, _ tfKeras: String, _ keras3: String? = nil) -> ClassRule {
        image(
            className, "rng_type " + tfKeras, keras3 ?? tfKeras,
            added: className == "RandomContrast" ? ["value_range": [0, 255]] : [:], neutral: ["rng_type": "stateful"])
    }
}
