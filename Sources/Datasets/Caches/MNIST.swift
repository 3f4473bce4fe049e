import Foundation
public import Tensors

/// MNIST: handwritten digits, from the archive that Keras downloads.
///
/// Source: Y. LeCun, C. Cortes, C. Burges; `keras.datasets.mnist`.
public enum MNIST {
    /// Training and test samples, as Keras's `mnist.load_data()` gives them: `x` uint8, shape (samples, 28, 28), `y`
    /// uint8, shape (samples,), 0 to 9.
    ///
    /// Without `path`, the file is `$KERAS_HOME/datasets/mnist.npz` or `~/.keras/datasets/mnist.npz`. Nothing is
    /// downloaded. Throws 66 `mnist.absent`, 65 `mnist.shape`, `mnist.label`, `data.…`, `npz.…`, `npy.…`, 74 when reading
    /// fails.
    public static func load(
        from path: String? = nil
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: path, environment: ProcessInfo.processInfo.environment)
    }

    static func load(
        from path: String?, environment: [String: String]
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let path = path ?? KerasCache.join(KerasCache.datasets(environment), "mnist.npz")
        guard FileManager.default.fileExists(atPath: path) else {
            throw LocatedError(
                .notFound, "mnist.absent", "expected MNIST's archive, got no such file", at: [path],
                hint: "Get mnist.npz, which keras.datasets.mnist.load_data() downloads, and put it there.")
        }
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
