import Foundation
public import Tensors

/// Boston's housing: 13 numbers of a district and what a house costs there, in thousands of dollars.
///
/// One of the 13 is made of the share of black inhabitants, by an assumption about prices that was never shown. Keras keeps the data
/// for compatibility and advises to use California's.
///
/// Source: D. Harrison, D. Rubinfeld, 1978; `keras.datasets.boston_housing`.
public enum BostonHousing {
    /// As `boston_housing.load_data()` gives them, in the same order: `x` float64, shape (samples, 13), `y` float64, shape (samples,).
    ///
    /// - Parameters:
    ///   - path: the file; nil: `boston_housing.npz` in Keras's cache, downloaded as Keras does when it is absent.
    ///   - testSplit: the share of the samples, the last ones, that is for testing.
    ///   - seed: of the order, NumPy's.
    ///
    /// Throws 64 `data.split`, 66 `boston_housing.absent`, 65 `boston_housing.shape`, `npz.…`, `npy.…`, `download.…`, 73 and 74 when
    /// downloading or reading fails.
    public static func load(
        from path: String? = nil, testSplit: Double = 0.2, seed: UInt32 = 113, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try TableFile(file).load(from: path, first: nil, testSplit, seed, downloads)
    }

    static let file = KerasCache.RemoteFile(
        dataset: "Boston's housing", family: "boston_housing", name: "boston_housing.npz", origin: KerasCache.server + "boston_housing.npz",
        sum: "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5")
}

/// California's housing: 8 numbers of a district and what a house costs there, in dollars.
///
/// Source: R. Pace, R. Barry, Sparse Spatial Autoregressions, 1997; `keras.datasets.california_housing`.
public enum CaliforniaHousing {
    /// All districts, or the first 600.
    public enum Version: Sendable { case large, small }

    /// As `california_housing.load_data()` gives them, in the same order: `x` of shape (samples, 8), `y` of shape (samples,). Parameters
    /// and errors are those of `BostonHousing.load`; codes begin with `california_housing`.
    public static func load(
        from path: String? = nil, version: Version = .large, testSplit: Double = 0.2, seed: UInt32 = 113, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try TableFile(file).load(from: path, first: version == .small ? 600 : nil, testSplit, seed, downloads)
    }

    static let file = KerasCache.RemoteFile(
        dataset: "California's housing", family: "california_housing", name: "california_housing.npz",
        origin: KerasCache.server + "california_housing.npz", sum: "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f")
}

/// A table `x` and what is to be told of each of its rows, `y`, mixed and split as Keras does.
struct TableFile {
    let file: KerasCache.RemoteFile

    init(_ file: KerasCache.RemoteFile) { self.file = file }

    /// Throws 64 `data.split` for what is no share.
    static func check(_ testSplit: Double) throws(LocatedError) {
        guard testSplit >= 0, testSplit < 1 else {
            throw LocatedError(.usage, "data.split", "expected a share from 0 to less than 1, got \(testSplit)")
        }
    }

    func load(
        from path: String?, first: Int?, _ testSplit: Double, _ seed: UInt32, _ downloads: Downloads
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try TableFile.check(testSplit)
        let cache = KerasCache(environment: ProcessInfo.processInfo.environment, downloads: downloads)
        let path = try cache.path(file, or: path)
        let archive = try NPZ(reading: path)
        return try locating(path) { () throws(LocatedError) in
            var x = try archive.tensor("x"), y = try archive.tensor("y")
            guard x.shape.rank == 2, y.shape.rank >= 1, x.shape[0] == y.shape[0], x.dtype != .string, y.dtype != .string else {
                throw LocatedError(.invalid, "\(file.family).shape", "expected a table x and a number for each of its rows in y, got \(x) and \(y)")
            }
            if let first, first < x.shape[0] { (x, y) = (x.rows(0..<first), y.rows(0..<first)) }
            var random = NumPyRandom(seed: seed)
            let order = random.permutation(x.shape[0])
            let split = Int(Double(order.count) * (1 - testSplit))
            func part(_ rows: ArraySlice<Int>) -> LabeledSamples {
                LabeledSamples(x: x.rows(at: Array(rows)), y: y.rows(at: Array(rows)))
            }
            return (part(order[..<split]), part(order[split...]))
        }
    }
}
