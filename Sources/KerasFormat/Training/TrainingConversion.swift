package import KerasSpec
package import Tensors

/// How a model is trained, from one generation's files to another's.
package enum TrainingConversion {
    /// Compile settings and optimizer state in the target's words and order.
    package static func converted(
        _ training: TrainingSpec, of spec: ModelSpec, weights: ModelWeights, to target: KerasTarget,
        notes: inout [UpgradeNote]
    ) throws(LocatedError) -> TrainingSpec {
        guard training.dialect != target.dialect else { return training }
        throw LocatedError(
            .unsupported, "dialect.training",
            "expected training settings of \(target), got those of \(training.dialect.rawValue)")
    }
}
