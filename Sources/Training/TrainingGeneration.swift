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

    /// The family of optimizers whose arithmetic this is, as its last version writes it.
    package var optimizers: OptimizerGeneration {
        switch self {
        case .keras1: .keras1
        case .keras2: .keras23
        case .tfKerasLegacy: .optimizerV2
        case .tfKeras: .keras211
        case .keras3: .keras3
        }
    }

    /// The generation of a model that is compiled anew: of what wrote it, Keras 2.3 for one built in Swift.
    public init(of origin: Provenance?) {
        switch origin?.dialect {
        case .keras1: self = .keras1
        case .keras2, nil: self = .keras2
        case .tfKeras:
            let version = (origin?.kerasVersion ?? "").split(separator: ".").prefix(2).compactMap { Int($0) }
            self = version.count == 2 && version[0] == 2 && version[1] < 11 ? .tfKerasLegacy : .tfKeras
        case .keras3: self = .keras3
        }
    }

    /// Whether penalties on layers' outputs are divided by the batch's size: in tf.keras, and again from Keras 3.14 on.
    ///
    /// - Parameter version: the Keras that wrote the model; nil is the newest of the generation.
    package func averagesActivity(version: String?) -> Bool {
        switch self {
        case .keras1, .keras2: false
        case .tfKerasLegacy, .tfKeras: true
        case .keras3: version.map { KerasTarget(.keras3, version: $0).minor >= 14 } ?? true
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
