/// What becomes of masks in the Keras that a model comes from, where Keras 3.15 has other ways.
///
/// How masks meet where layers of Keras 1 and 2 merge is `LegacyName.maskRule`.
/// Source: `supports_masking` and `compute_mask` of Keras 2.3.1 (`rnn` of the backends of 1.2.2, 2.2.4 and 2.3.1), tf.keras 2.4.0, 2.6.0, 2.8.0, 2.9.0, 2.10.0 and 2.15.0, Keras 3.0.5,
/// 3.1.1, 3.2.1, 3.3.3, 3.4.1, 3.5.0, 3.8.0, 3.10.0, 3.12.0, 3.13.2 and 3.14.0, run or read.
package struct MaskTradition: Hashable, Sendable {
    /// Whether masks also go to recurrent layers that are given states.
    package var reachesGivenStates = false
    /// Whether a recurrent layer gives the state that it begins with, not zeros, for steps that are masked before any counts.
    package var beginsWithState = false
    /// Whether a Bidirectional that returns sequences gives zeros where steps are masked, whatever its layers say.
    package var zeroesSequences = true
    /// Whether softmax gives zeros for what a mask leaves out where it leaves nothing in.
    package var softmaxZeroes = true
    /// Classes that take no mask and hand none on, where those of Keras 3 do.
    package var blind: Set<String> = []
    /// Classes that take masks and hand none on, where those of Keras 3.15 do.
    package var swallowing: Set<String> = []

    /// - Parameter origin: nil for a model that was built here.
    package init(_ origin: Provenance?) {
        guard let origin else { return }
        let minor = KerasTarget(origin).minor
        softmaxZeroes = origin.dialect == .keras3 && minor >= Self.zeroingSoftmax
        switch origin.dialect {
        case .keras3:
            // Until then it looks for masks at the first argument, and a list has none.
            if minor < Self.readsLists {
                blind = Self.merging
                swallowing = ["AdditiveAttention", "Attention"]
            }
            return
        case .keras1, .keras2:
            reachesGivenStates = true
            zeroesSequences = false
            // On Theano, and since 2.3, steps before the first give zeros.
            beginsWithState = origin.backend != "theano" && (origin.dialect == .keras1 || minor < 3)
            return
        case .tfKeras: reachesGivenStates = true
        }
        blind = Self.alwaysBlind
        // Between 2.4 and 2.6 ReLU was given its word; between 2.9 and 2.10 attention learned to look for masks itself.
        if minor < 5 { blind.insert("ReLU") }
        if minor < Self.attentionSees { blind.insert("MultiHeadAttention") }
    }

    /// From which 2.N on attention of tf.keras takes masks that it isn't told, and can be told to be causal.
    package static let attentionSees = 10

    /// From which 3.N on layers that are called with a list hand masks on.
    package static let readsLists = 4
    private static let merging: Set<String> = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]
    /// From which 3.N on softmax gives zeros.
    private static let zeroingSoftmax = 13

    /// In every tf.keras that has them.
    private static let alwaysBlind: Set<String> = ["Identity", "Normalization", "Rescaling"]
}
