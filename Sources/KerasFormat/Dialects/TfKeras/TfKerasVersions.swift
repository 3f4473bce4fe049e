import KerasSpec

/// Which of tf-keras 2.21's words an older tf.keras lacks.
///
/// Keys whose value says nothing are left out for every target, so that as many versions as possible open a file: those of
/// TensorFlow 2.4 and 2.13 to 2.15 were asked. Between 2.4 and 2.13 words count as lacking that 2.4 lacks.
///
/// Source: the constructors of tf.keras 2.4.0, 2.13.1 and 2.15.0, tf-keras 2.21.0.
enum TfKerasVersions {
    /// From which version on `.keras` files are read.
    static let archives = 13
    /// From which version on the layers of a `.keras` are in `layers`, each counted once; before, in a container that has a
    /// layer with weights twice.
    static let countsOnce = 15
    /// From which version on `.keras` files with an optimizer of `tf.keras.optimizers.legacy` are read; before, not even its own.
    static let oldOptimizersInArchives = 15
    /// From which version on optimizers are those of `optimizer_experimental`; before, OptimizerV2.
    static let optimizers = 11

    private static let always: [String: [String: LateKey]] = [
        "InputLayer": ["optional": LateKey(minor: 16, neutral: [false])],
        "MultiHeadAttention": ["softmax_robust_masking": LateKey(minor: 16, neutral: [false])],
        "Softmax": ["robust_masking": LateKey(minor: 16, neutral: [false])],
        "Attention": ["score_mode": LateKey(minor: 13, neutral: ["dot"])],
        "BatchNormalization": ["synchronized": LateKey(minor: 13, neutral: [false])],
        "Embedding": ["sparse": LateKey(minor: 13, neutral: [false])],
        "GaussianDropout": ["seed": LateKey(minor: 13, neutral: [nil])],
        "GaussianNoise": ["seed": LateKey(minor: 13, neutral: [nil])],
        "AlphaDropout": ["seed": LateKey(minor: 13, neutral: [nil])],
    ]

    /// Attention whose configuration said that it is causal, before calls did.
    static let causal: Set<String> = ["Attention", "AdditiveAttention"]

    static func countsTwice(_ target: KerasTarget) -> Bool { target.dialect == .tfKeras && target.minor < countsOnce }

    static func key(_ name: String, of className: String) -> LateKey? {
        if className.hasPrefix("Global"), name == "keepdims" { return LateKey(minor: 13, neutral: [false]) }
        return always[className]?[name]
    }

    /// Classes that `tf.keras.layers` lacks in 2.4.
    static let classes: Set<String> = [
        "CategoryEncoding", "CenterCrop", "ConvLSTM1D", "ConvLSTM3D", "DepthwiseConv1D", "Discretization", "EinsumDense",
        "GroupNormalization", "HashedCrossing", "Hashing", "Identity", "IntegerLookup", "Normalization", "RandomBrightness",
        "RandomContrast", "RandomCrop", "RandomFlip", "RandomHeight", "RandomRotation", "RandomTranslation", "RandomWidth",
        "RandomZoom", "Rescaling", "Resizing", "SpectralNormalization", "StringLookup", "TextVectorization", "UnitNormalization",
    ]
    /// The first version with all words but `always`' last.
    static let complete = 13

    /// What attention's configuration needs from 2.13 on.
    static let attentionShapes = ["query_shape", "key_shape", "value_shape"]

    /// Whether a layer stands as tf.keras wrote it before attention told its shapes: genuine tf-keras refuses its own older words.
    static func lacksShapes(_ layer: LayerSpec) -> Bool {
        guard layer.className == "MultiHeadAttention", layer.source?.dialect == .tfKeras,
            let config = layer.source?.json.object?["config"]?.object
        else { return false }
        return attentionShapes.contains { config[$0] == nil }
    }
}
