import KerasSpec
import OrderedCollections
import Tensors

/// Standalone Keras 2.0 to 2.3.
enum Keras2Dialect: ArchitectureDialect {
    static func read(_ document: ConfigObject, _ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelSpec {
        var reader = Keras2Reader()
        let spec = try reader.model(.object(document))
        notes += reader.notes
        return spec
    }

    static func write(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        try Keras2Writer.model(Downgrade.prepared(spec, for: .keras2, &notes), usesSources: usesSources)
    }
}
