internal import KerasSpec
internal import Tensors

/// What is written, told by the ending of a name.
enum OutputKind: Hashable {
    /// `.json`: an architecture.
    case architecture
    /// `.h5`, `.hdf5`: a whole model, or weights.
    case hdf5
    /// `.weights.h5`: weights; their layout follows the target.
    case weights
    /// `.weights.json`: weights of Keras 3 in several files, and their map.
    case shards
    /// `.keras`: a whole model in an archive.
    case archive

    /// Throws 64 `output.kind` for any other ending.
    init(of output: String) throws(LocatedError) {
        let name = output.lowercased()
        if name.hasSuffix(".weights.h5") {
            self = .weights
        } else if name.hasSuffix(".weights.json") {
            self = .shards
        } else if name.hasSuffix(".json") {
            self = .architecture
        } else if name.hasSuffix(".h5") || name.hasSuffix(".hdf5") {
            self = .hdf5
        } else if name.hasSuffix(".keras") {
            self = .archive
        } else {
            throw LocatedError(
                .usage, "output.kind", "expected a name that ends in .json, .h5, .weights.h5, .weights.json or .keras, got \"\(output)\"")
        }
    }

    /// Whether the whole of a model goes into one file of this kind.
    var isWhole: Bool { self == .hdf5 || self == .archive }

    /// Refuses a kind that the target's Keras doesn't read.
    func require(_ target: KerasTarget, for path: String) throws(LocatedError) {
        guard self == .archive, target.dialect == .keras1 || target.dialect == .keras2 else { return }
        throw LocatedError(
            .usage, "output.kind", "expected a file that the target reads, got a .keras file for \(target)", at: [path],
            hint: "Write .h5, or .json with --weights-out.")
    }
}
