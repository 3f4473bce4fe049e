internal import Files
package import Tensors

/// Where a model is written.
package enum ModelDestination: Sendable {
    /// Architecture, weights and training state in one `.h5`.
    case whole(String)
    /// What `to_json()` and `save_weights()` make.
    case pair(architecture: String, weights: String)

    /// Told by the ending of `output`. Throws 64 `output.weights` when weights have no place there or none is told.
    package init(output: String, weightsOutput: String?) throws(LocatedError) {
        switch (try OutputKind(of: output), weightsOutput) {
        case (.json, let weights?): self = .pair(architecture: output, weights: weights)
        case (.json, nil):
            throw LocatedError(
                .usage, "output.weights", "expected --weights-out beside an OUT that ends in .json, got \(output) alone")
        case (.hdf5, .some):
            throw LocatedError(
                .usage, "output.weights", "expected --weights-out only beside an OUT that ends in .json, got \(output)")
        case (.hdf5, nil): self = .whole(output)
        }
    }

    /// Throws 73 when the files can't be written there, so that long work isn't begun in vain.
    ///
    /// - Parameter companion: another file that will be written with the model.
    package func requireWritable(with companion: String? = nil) throws(LocatedError) {
        let paths =
            switch self {
            case .whole(let path): [path]
            case .pair(let architecture, let weights): [architecture, weights]
            }
        for path in paths + (companion.map { [$0] } ?? []) { try AtomicFile.requireWritable(path) }
    }
}
