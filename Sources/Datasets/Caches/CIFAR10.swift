import Foundation
public import Tensors

/// CIFAR-10: small colour pictures of ten kinds of things, from the data set's Python batches or binary files.
///
/// Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; `keras.datasets.cifar10`.
public enum CIFAR10 {
    /// The names of the classes, in the order of the labels.
    public static let classNames = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]

    /// Training and test samples, as Keras's `cifar10.load_data()` gives them: `x` uint8, shape (samples, 32, 32, 3), `y`
    /// uint8, shape (samples, 1), 0 to 9.
    ///
    /// Batches may hold any number of pictures. Without `path`, the batches are looked for where Keras keeps them, in
    /// `$KERAS_HOME/datasets` or `~/.keras/datasets`: in the folders `cifar-10-batches-py-target/cifar-10-batches-py` and
    /// `cifar-10-batches-py`, or in their archive, which is downloaded as Keras does when it is absent, and never unpacked to disk. A
    /// named path is the folder with the batches, the one above it, or an archive (`.tar.gz`, `.tar`, `.zip`). The binary version
    /// (`data_batch_1.bin`) is read too.
    ///
    /// Throws 66 `cifar10.absent` when there are no batches, 65 `cifar10.batch` when one is missing, 65 `cifar10.…`,
    /// `pickle.…`, `tar.…`, `gzip.…`, `zip.…` when one is broken, `download.…`, 73 and 74 when downloading or reading fails.
    public static func load(
        from path: String? = nil, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: path, environment: ProcessInfo.processInfo.environment, downloads: downloads)
    }

    static func load(
        from path: String?, environment: [String: String], downloads: Downloads = .never
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let batches = try files.read(path, KerasCache(environment: environment, downloads: downloads)) { (bytes, isBinary) throws(LocatedError) in
            try CIFARBatch(bytes, isBinary: isBinary, kind)
        }
        return (CIFARBatch.samples(batches.dropLast()), CIFARBatch.samples(batches.suffix(1)))
    }

    static let kind = CIFARKind(family: "cifar10", key: "labels", classes: 10, binaryLabels: 1, binaryLabel: 0)

    static let files = CIFARFiles(
        family: "cifar10", dataset: "CIFAR-10", names: (1...5).map { "data_batch_\($0)" } + ["test_batch"], folder: "cifar-10-batches-py",
        binaryFolder: "cifar-10-batches-bin", binaryArchive: "cifar-10-binary",
        origin: "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
        sum: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce")

    /// Whether some of the batches are in the folder, or below it where `load(from:)` looks.
    static func isIn(_ folder: String) -> Bool { files.isAt(folder) }
}
