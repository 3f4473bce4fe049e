public import KerasSpec

/// Whose arithmetic training follows: losses and optimizers have changed from one generation of Keras to the next.
public enum TrainingGeneration: String, Hashable, Sendable, CaseIterable {
    /// Keras 1, and Keras 2 before 2.3 in what losses do.
    case keras1
    /// Standalone Keras 2.3.
    case keras2
    /// tf.keras to 2.10, and `optimizers.legacy` later: OptimizerV2.
    case tfKerasLegacy
    /// tf.keras from 2.11 on, tf-keras.
    case tfKeras
    case keras3

    /// The generation that wrote a file.
    ///
    /// - Parameter settings: the file's compile settings, which tell OptimizerV2 from its successor.
    public init(_ dialect: Dialect, settings: ConfigObject? = nil) {
        switch dialect {
        case .keras1: self = .keras1
        case .keras2: self = .keras2
        case .tfKeras:
            let optimizer = settings?["optimizer_config"] ?? settings?["optimizer"]
            let isLegacy = optimizer?.object?["config"]?.object?["is_legacy_optimizer"]?.bool
            // Where the key is absent OptimizerV2 was the only one, but for a plain name (`compile("adam")` in a `.keras` file),
            // which only later versions write.
            self = isLegacy == false || optimizer?.string != nil ? .tfKeras : .tfKerasLegacy
        case .keras3: self = .keras3
        }
    }

    /// The generation whose arithmetic a family of optimizers has.
    public init(_ generation: OptimizerGeneration) {
        switch generation {
        case .keras1: self = .keras1
        case .keras22, .keras23: self = .keras2
        case .optimizerV2: self = .tfKerasLegacy
        case .keras211: self = .tfKeras
        case .keras3: self = .keras3
        }
    }

    /// Whose files say it.
    public var dialect: Dialect {
        switch self {
        case .keras1: .keras1
        case .keras2: .keras2
        case .tfKerasLegacy, .tfKeras: .tfKeras
        case .keras3: .keras3
        }
    }

    /// Standalone Keras before TensorFlow took it in.
    var isStandalone: Bool { self == .keras1 || self == .keras2 }
    /// OptimizerV2's arithmetic or older: √v + ε, and `decay`.
    var isBefore211: Bool { isStandalone || self == .tfKerasLegacy }
}
