import Batches
import Tensors

/// The files of a folder with their labels, and what is asked of their batches, whatever the files hold.
struct LabeledFolder {
    private let directory: String
    private let endings: [String]
    private let index: DirectoryIndex
    private let mode: LabelMode?
    private let batchSize: Int?
    private let seed: UInt32

    /// Throws 64 `folder.…`, `data.batch_size`, 65 `folder.empty`, `folder.deep`, `folder.many`, 66 when the folder can't be listed.
    ///
    /// - Parameters:
    ///   - endings: of the files that are meant.
    ///   - seed: nil: any.
    init(
        _ directory: String, _ labels: DirectoryLabels, _ mode: LabelMode?, _ classNames: [String]?, _ endings: [String], _ batchSize: Int?,
        _ shuffle: Bool, _ seed: UInt32?, _ followLinks: Bool
    ) throws(LocatedError) {
        try BatchedDataset.check(batchSize)
        self.directory = directory
        self.endings = endings
        self.mode = mode
        self.batchSize = batchSize
        self.seed = seed ?? UInt32.random(in: 0..<1_000_000)
        index = try DirectoryIndex(
            directory, mode == nil ? .none : labels, classNames: classNames, endings: endings, followLinks: followLinks,
            seed: shuffle ? self.seed : nil)
        try index.check(mode)
    }

    /// Batches of a part of the files.
    ///
    /// - Parameter load: gives the array of some files.
    func dataset(
        _ subset: DirectorySubset?, _ share: Double?, shuffle: Bool, _ load: @escaping @Sendable ([String]) throws(LocatedError) -> Tensor
    ) throws(LocatedError) -> BatchedDataset {
        let (part, mode) = (try index.part(subset, share, directory, endings), mode)
        return BatchedDataset(
            count: part.paths.count, batchSize: batchSize ?? 1, shuffle: shuffle ? TensorFlowShuffle(batchSize: batchSize, seed: Int(seed)) : nil,
            classNames: part.classNames, filePaths: part.paths
        ) { (numbers) throws(LocatedError) in
            Batch(x: [try load(numbers.map { part.paths[$0] })], y: try part.targets(numbers, mode))
        }
    }
}
