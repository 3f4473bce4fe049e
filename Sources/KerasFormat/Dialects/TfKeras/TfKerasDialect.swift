import KerasSpec
import OrderedCollections
import Tensors

/// tf.keras from 2.2.4-tf (TensorFlow 1.14) on, Keras 2.4 to 2.15, tf-keras.
enum TfKerasDialect: ArchitectureDialect {
    static func read(_ document: ConfigObject, _ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelSpec {
        var reader = TfKerasReader()
        let spec = try reader.model(.object(document))
        notes += reader.notes
        return spec
    }

    static func write(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        let serves = spec.provenance.map { $0.dialect == .tfKeras && KerasTarget($0).minor <= target.minor } ?? false
        var writer = TfKerasWriter(target: target, usesSources: usesSources && serves)
        let document = writer.model(Downgrade.prepared(spec, for: .tfKeras, &notes))
        guard writer.refusals.isEmpty else { throw .inexpressible(writer.refusals, in: target) }
        notes += writer.notes
        return document
    }

    /// `config.json` of a `.keras`: the model with the module of its class. Training settings are the caller's to add.
    static func archiveConfig(
        of spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        let document = try KerasWriter.document(of: spec, for: target, &notes)
        if document["module"] != nil { return document }
        let isSequential = spec.kind == .sequential
        return [
            "module": isSequential ? "keras" : "keras.src.engine.functional", "class_name": document["class_name"] ?? .null,
            "config": document["config"] ?? .null, "registered_name": isSequential ? nil : "Functional",
        ]
    }
}
