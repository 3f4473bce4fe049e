import KerasSpec

extension ClassRule {
    /// `keras/layers/normalization.py` of 2.3.1.
    static let normalization: [ClassRule] = [
        ClassRule(
            "BatchNormalization",
            keras2: """
                axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer \
                moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint
                """,
            keras3: """
                axis momentum epsilon center scale beta_initializer gamma_initializer moving_mean_initializer \
                moving_variance_initializer beta_regularizer gamma_regularizer beta_constraint gamma_constraint \
                synchronized renorm renorm_clipping renorm_momentum
                """,
            added: ["synchronized": false, "renorm": false, "renorm_clipping": nil, "renorm_momentum": 0.99],
            special: .batchNormalization)
    ]
}
