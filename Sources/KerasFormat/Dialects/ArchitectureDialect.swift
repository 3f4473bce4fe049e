import KerasSpec
import Tensors

/// How one generation of Keras describes a model: `to_json()` and `model_config`.
protocol ArchitectureDialect {
    /// A model in Keras 3's words (and `LegacyName`'s), from the generation's document. `provenance` is the caller's.
    ///
    /// - Parameters:
    ///   - document: `{"class_name": …, "config": …}`; further keys may stand beside these.
    ///   - notes: hears what was changed on the way.
    static func read(_ document: ConfigObject, _ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelSpec

    /// The document that `to_json()` of the target gives, in its order of keys.
    ///
    /// - Parameters:
    ///   - usesSources: whether layers that nobody changed since they were read from this dialect are written as they stood in
    ///     their file.
    ///   - notes: hears what was written by other means than in the spec.
    /// - Throws: 69 `architecture.inexpressible` with every layer that the target can't say.
    static func write(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject

    /// The attribute `model_config` of a whole-model `.h5`.
    static func modelConfig(
        of spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject

    /// `config.json` of a `.keras`, without training settings.
    static func archiveConfig(
        of spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject
}

extension ArchitectureDialect {
    /// The document as it is.
    static func archiveConfig(
        of spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        try KerasWriter.document(of: spec, for: target, &notes)
    }

    /// Class and configuration, as `to_json()` has them.
    static func modelConfig(
        of spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        let document = try KerasWriter.document(of: spec, for: target, &notes)
        return ["class_name": document["class_name"] ?? .null, "config": document["config"] ?? .null]
    }
}

extension Dialect {
    /// Who reads and writes it.
    var architecture: any ArchitectureDialect.Type {
        switch self {
        case .keras1: Keras1Dialect.self
        case .keras2: Keras2Dialect.self
        case .tfKeras: TfKerasDialect.self
        case .keras3: Keras3Dialect.self
        }
    }

    /// In words, for errors.
    var title: String {
        switch self {
        case .keras1: "Keras 1"
        case .keras2: "Keras 2.3"
        case .tfKeras: "tf.keras"
        case .keras3: "Keras 3"
        }
    }
}

extension KerasTarget {
    /// In words, for errors: the version where it isn't its dialect's newest.
    var title: String {
        switch dialect {
        case .keras1, .keras2: dialect.title
        case .tfKeras, .keras3: minor == KerasTarget(dialect).minor ? dialect.title : "\(dialect == .tfKeras ? "tf.keras 2" : "Keras 3").\(minor)"
        }
    }
}

extension LocatedError {
    /// What a target can't say, all layers at once.
    static func inexpressible(_ refusals: [String], in target: KerasTarget) -> LocatedError {
        LocatedError(
            .unsupported, "architecture.inexpressible",
            "expected what \(target.title) can say, got \(refusals.joined(separator: "; "))",
            hint: "Write another format or another target.")
    }

    /// What is recognised and not done yet.
    static func unsupported(_ dialect: Dialect) -> LocatedError {
        LocatedError(.unsupported, "dialect.unsupported", "recognised as an architecture of \(dialect.title), not supported yet")
    }
}
