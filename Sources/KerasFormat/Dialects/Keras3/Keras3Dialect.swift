import KerasSpec
import Tensors

/// Keras 3.0 to 3.15.
enum Keras3Dialect: ArchitectureDialect {
    static func read(_ document: ConfigObject, _ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelSpec {
        var reader = Keras3Reader()
        let spec = try reader.model(.object(document))
        notes += reader.notes
        return spec
    }

    static func write(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        try Keras3Writer.document(spec, for: target, usesSources: usesSources, &notes)
    }
}
