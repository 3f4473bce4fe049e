import KerasSpec

extension ClassRule {
    /// `keras/layers/pooling.py` of 2.3.1.
    static let pooling: [ClassRule] =
        ["MaxPooling", "AveragePooling"].flatMap { kind in
            [
                ClassRule(
                    kind + "1D", keras2: "strides pool_size padding data_format",
                    keras3: "pool_size padding strides data_format"),
                ClassRule(kind + "2D", "pool_size padding strides data_format"),
                ClassRule(kind + "3D", "pool_size padding strides data_format"),
            ]
        }
        + ["GlobalMaxPooling", "GlobalAveragePooling"].flatMap { kind in
            ["1D", "2D", "3D"].map { rank in
                ClassRule(
                    kind + rank, keras2: "data_format", keras3: "data_format keepdims", added: ["keepdims": false])
            }
        }
}
