internal import Tensors

/// The containers that can be written, by the endings of their names.
enum OutputKind {
    /// An architecture.
    case json
    /// A whole model, or weights.
    case hdf5

    /// Throws 69 `output.kind` for the endings of Keras 3, 64 for any other.
    init(of output: String) throws(LocatedError) {
        let name = output.lowercased()
        if name.hasSuffix(".weights.h5") || name.hasSuffix(".keras") {
            throw LocatedError(
                .unsupported, "output.kind", "expected a name that ends in .json or .h5 (files of Keras 3 follow), got \(output)")
        }
        if name.hasSuffix(".json") {
            self = .json
        } else if name.hasSuffix(".h5") || name.hasSuffix(".hdf5") {
            self = .hdf5
        } else {
            throw LocatedError(.usage, "output.kind", "expected a name that ends in .json or .h5, got \"\(output)\"")
        }
    }
}
