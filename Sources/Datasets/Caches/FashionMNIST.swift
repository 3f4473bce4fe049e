import Foundation
public import Tensors

/// Fashion-MNIST: grey pictures of clothes.
///
/// Source: H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, 2017; `keras.datasets.fashion_mnist`.
public enum FashionMNIST {
    /// The names of the classes, in the order of the labels.
    public static let classNames = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]

    /// Training and test samples, as `fashion_mnist.load_data()` gives them: `x` uint8, shape (samples, 28, 28), `y` uint8, shape
    /// (samples,), 0 to 9.
    ///
    /// - Parameter folder: where the four files are; nil: `datasets/fashion-mnist` in Keras's cache, where absent ones are downloaded.
    ///
    /// Throws 66 `fashion_mnist.absent`, 65 `idx.…`, `fashion_mnist.shape`, `fashion_mnist.label`, `gzip.…`, 73 and 74 when downloading
    /// or reading fails.
    public static func load(
        from folder: String? = nil, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: folder, environment: ProcessInfo.processInfo.environment, downloads: downloads)
    }

    static func load(
        from folder: String?, environment: [String: String], downloads: Downloads = .never
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let cache = KerasCache(environment: environment, downloads: downloads)
        var paths: [String] = []
        for file in files { paths.append(try cache.path(file, or: folder.map { KerasCache.join($0, file.name) })) }
        return (try samples(paths[0], paths[1]), try samples(paths[2], paths[3]))
    }

    /// The original pictures have 47 million.
    private static let mostBytes = 1 << 28

    static let files = ["train-labels-idx1", "train-images-idx3", "t10k-labels-idx1", "t10k-images-idx3"].map { name in
        KerasCache.RemoteFile(
            dataset: "Fashion-MNIST", family: "fashion_mnist", name: "\(name)-ubyte.gz", subfolder: "datasets/fashion-mnist",
            origin: "\(KerasCache.server)\(name)-ubyte.gz", sum: nil)
    }

    private static func samples(_ labels: String, _ pictures: String) throws(LocatedError) -> LabeledSamples {
        let y = try IDX.read(labels, limit: mostBytes), x = try IDX.read(pictures, limit: mostBytes)
        guard y.dtype == .uint8, y.shape.rank == 1, x.dtype == .uint8, x.shape.dims == [y.count, 28, 28] else {
            throw LocatedError(
                .invalid, "fashion_mnist.shape",
                "expected uint8 pictures of shape (samples, 28, 28) and a label for each, got \(x) and \(y)", at: [pictures])
        }
        if let label = y.array(as: UInt8.self).first(where: { $0 > 9 }) {
            throw LocatedError(.invalid, "fashion_mnist.label", "expected labels from 0 to 9, got \(label)", at: [labels])
        }
        return LabeledSamples(x: x, y: y)
    }
}
