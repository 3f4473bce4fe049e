import Foundation
public import Tensors

/// MNIST: handwritten digits, from the archive that Keras downloads.
///
/// Source: Y. LeCun, C. Cortes, C. Burges; `keras.datasets.mnist`.
public enum MNIST {
    /// Training and test samples, as Keras's `mnist.load_data()` gives them: `x` uint8, shape (samples, 28, 28), `y`
    /// uint8, shape (samples,), 0 to 9.
    ///
    /// Without `path`, the file is `$KERAS_HOME/datasets/mnist.npz` or `~/.keras/datasets/mnist.npz`, which is downloaded as
    /// Keras does when it is absent. Throws 66 `mnist.absent`, 65 `mnist.shape`, `mnist.label`, `data.…`, `npz.…`, `npy.…`,
    /// `download.…`, 73 and 74 when downloading or reading fails.
    public static func load(
        from path: String? = nil, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: path, environment: ProcessInfo.processInfo.environment, downloads: downloads)
    }

    static let file = KerasCache.RemoteFile(
        dataset: "MNIST", family: "mnist", name: "mnist.npz", origin: KerasCache.server + "mnist.npz",
        sum: "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1")

    static func load(
        from path: String?, environment: [String: String], downloads: Downloads = .never
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let path = try KerasCache(environment: environment, downloads: downloads).path(file, or: path)
        let archive = try NPZ(reading: path)
        return try locating(path) { () throws(LocatedError) in
            (try samples(archive, "train"), try samples(archive, "test"))
        }
    }

    private static func samples(_ archive: NPZ, _ part: String) throws(LocatedError) -> LabeledSamples {
        guard archive.names.contains("x_\(part)"), archive.names.contains("y_\(part)") else {
            throw LocatedError(.invalid, "data.arrays", "expected arrays x_\(part) and y_\(part), got none of these names")
        }
        let samples = LabeledSamples(x: try archive.tensor("x_\(part)"), y: try archive.tensor("y_\(part)"))
        guard samples.x.dtype == .uint8, samples.x.shape.rank == 3, samples.x.shape.dims[1...] == [28, 28],
            samples.y.dtype == .uint8, samples.y.shape.rank == 1, samples.y.count == samples.x.shape[0]
        else {
            throw LocatedError(
                .invalid, "mnist.shape",
                "expected uint8 pictures of shape (samples, 28, 28) and a label for each, got \(samples.x) and \(samples.y)", at: [part])
        }
        if let label = samples.y.array(as: UInt8.self).first(where: { $0 > 9 }) {
            throw LocatedError(.invalid, "mnist.label", "expected labels from 0 to 9, got \(label)", at: ["y_\(part)"])
        }
        return samples
    }
}
