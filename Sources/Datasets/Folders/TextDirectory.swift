import Batches
import Files
public import Tensors

/// Texts of a folder, in batches, as Keras's `text_dataset_from_directory`: `x` of element type `string`, shape (samples,).
///
/// - Parameters:
///   - directory: with a subfolder of `.txt` files for each class, or just files where labels are given or not wanted.
///   - classNames: some of the subfolders, in the order of the labels; nil: all, sorted.
///   - batchSize: nil: one by one.
///   - maxLength: more bytes of a text are cut off.
///   - shuffle, seed: the order is that of Keras on TensorFlow for the same seed.
///   - validationSplit, subset: the last share of the files is for validation; give both or none.
///   - followLinks: whether links to folders are gone into.
///
/// Throws 64 `folder.…`, `data.batch_size`, 65 `folder.empty`, `folder.deep`, `folder.many`, 66 when the folder can't be listed. Files are
/// read when they are wanted.
public func textDatasetFromDirectory(
    _ directory: String, labels: DirectoryLabels = .inferred, labelMode: LabelMode? = .int, classNames: [String]? = nil, batchSize: Int? = 32,
    maxLength: Int? = nil, shuffle: Bool = true, seed: UInt32? = nil, validationSplit: Double? = nil, subset: DirectorySubset? = nil,
    followLinks: Bool = false
) throws(LocatedError) -> BatchedDataset {
    try DirectoryIndex.check(validationSplit, subset, shuffle: shuffle, seed: seed)
    let request = try TextDirectory(directory, labels, labelMode, classNames, batchSize, maxLength, shuffle, seed, followLinks)
    return try request.dataset(subset, validationSplit, shuffle: shuffle)
}

/// The texts for training and those for validation: Keras's `subset="both"`. The latter come in their order. Parameters and errors are
/// those of `textDatasetFromDirectory`.
public func textDatasetsFromDirectory(
    _ directory: String, labels: DirectoryLabels = .inferred, labelMode: LabelMode? = .int, classNames: [String]? = nil, batchSize: Int? = 32,
    maxLength: Int? = nil, shuffle: Bool = true, seed: UInt32? = nil, validationSplit: Double, followLinks: Bool = false
) throws(LocatedError) -> (training: BatchedDataset, validation: BatchedDataset) {
    try DirectoryIndex.check(validationSplit, nil, both: true, shuffle: shuffle, seed: seed)
    let request = try TextDirectory(directory, labels, labelMode, classNames, batchSize, maxLength, shuffle, seed, followLinks)
    return (
        try request.dataset(.training, validationSplit, shuffle: shuffle), try request.dataset(.validation, validationSplit, shuffle: false)
    )
}

private struct TextDirectory {
    private let directory: String
    private let index: DirectoryIndex
    private let mode: LabelMode?
    private let batchSize: Int?
    private let maxLength: Int?
    private let seed: UInt32

    private static let endings = [".txt"]
    /// Longer files are refused.
    private static let mostBytes = 1 << 30

    init(
        _ directory: String, _ labels: DirectoryLabels, _ mode: LabelMode?, _ classNames: [String]?, _ batchSize: Int?, _ maxLength: Int?,
        _ shuffle: Bool, _ seed: UInt32?, _ followLinks: Bool
    ) throws(LocatedError) {
        try BatchedDataset.check(batchSize)
        guard maxLength ?? 0 >= 0 else { throw LocatedError(.usage, "folder.length", "expected a length of 0 or more, got \(maxLength ?? 0)") }
        self.directory = directory
        self.mode = mode
        self.batchSize = batchSize
        self.maxLength = maxLength
        self.seed = seed ?? UInt32.random(in: 0..<1_000_000)
        index = try DirectoryIndex(
            directory, mode == nil ? .none : labels, classNames: classNames, endings: Self.endings, followLinks: followLinks,
            seed: shuffle ? self.seed : nil)
        try index.check(mode)
    }

    func dataset(_ subset: DirectorySubset?, _ share: Double?, shuffle: Bool) throws(LocatedError) -> BatchedDataset {
        let (part, mode, maxLength) = (try index.part(subset, share, directory, Self.endings), mode, maxLength)
        return BatchedDataset(
            count: part.paths.count, batchSize: batchSize ?? 1, shuffle: shuffle ? TensorFlowShuffle(batchSize: batchSize, seed: Int(seed)) : nil,
            classNames: part.classNames, filePaths: part.paths
        ) { (numbers) throws(LocatedError) in
            var texts: [[UInt8]] = []
            for number in numbers {
                let text = try InputFile.readBytes(part.paths[number], limit: Self.mostBytes)
                texts.append(maxLength.map { Array(text.prefix($0)) } ?? text)
            }
            return Batch(x: [Tensor(byteStrings: texts, shape: [texts.count])], y: try part.targets(numbers, mode))
        }
    }
}
