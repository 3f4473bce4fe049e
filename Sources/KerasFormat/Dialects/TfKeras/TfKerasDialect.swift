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
        throw .unsupported(.tfKeras)
    }
}
