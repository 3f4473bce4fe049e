package import KerasSpec
package import Tensors

extension KerasWriter {
    /// Writes what `model.save("x.keras")` writes.
    package static func writeArchive(
        _ weights: ModelWeights, of spec: ModelSpec, training: TrainingSpec?, for target: KerasTarget, to path: String,
        _ notes: inout [UpgradeNote]
    ) throws(LocatedError) {
        throw LocatedError(.unsupported, "container.unsupported", "expected a container that is written, got \(path)")
    }

    /// Writes what `save_weights("x.weights.h5")` writes.
    package static func writeObjectWeights(
        _ weights: ModelWeights, of spec: ModelSpec, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        throw LocatedError(.unsupported, "container.unsupported", "expected a container that is written, got \(path)")
    }

    /// Writes weights that were never given a meaning.
    package static func writeObjectWeights(
        _ weights: StoredWeights, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        throw LocatedError(.unsupported, "container.unsupported", "expected a container that is written, got \(path)")
    }
}
