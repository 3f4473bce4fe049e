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
    let reading = try TextLoading(maxLength: maxLength)
    let folder = try LabeledFolder(directory, labels, labelMode, classNames, TextLoading.endings, batchSize, shuffle, seed, followLinks)
    return try folder.dataset(subset, validationSplit, shuffle: shuffle, reading.batch)
}

/// The texts for training and those for validation: Keras's `subset="both"`. The latter come in their order. Parameters and errors are
/// those of `textDatasetFromDirectory`.
public func textDatasetsFromDirectory(
    _ directory: String, labels: DirectoryLabels = .inferred, labelMode: LabelMode? = .int, classNames: [String]? = nil, batchSize: Int? = 32,
    maxLength: Int? = nil, shuffle: Bool = true, seed: UInt32? = nil, validationSplit: Double, followLinks: Bool = false
) throws(LocatedError) -> (training: BatchedDataset, validation: BatchedDataset) {
    try DirectoryIndex.check(validationSplit, nil, both: true, shuffle: shuffle, seed: seed)
    let reading = try TextLoading(maxLength: maxLength)
    let folder = try LabeledFolder(directory, labels, labelMode, classNames, TextLoading.endings, batchSize, shuffle, seed, followLinks)
    return (
        try folder.dataset(.training, validationSplit, shuffle: shuffle, reading.batch),
        try folder.dataset(.validation, validationSplit, shuffle: false, reading.batch)
    )
}

/// How text files become strings.
private struct TextLoading: Sendable {
    private let maxLength: Int?

    static let endings = [".txt"]
    /// Longer files are refused.
    private static let mostBytes = 1 << 30

    init(maxLength: Int?) throws(LocatedError) {
        guard maxLength ?? 0 >= 0 else { throw LocatedError(.usage, "folder.length", "expected a length of 0 or more, got \(maxLength ?? 0)") }
        self.maxLength = maxLength
    }

    func batch(_ paths: [String]) throws(LocatedError) -> Tensor {
        var texts: [[UInt8]] = []
        for path in paths {
            let text = try InputFile.readBytes(path, limit: Self.mostBytes)
            texts.append(maxLength.map { Array(text.prefix($0)) } ?? text)
        }
        return Tensor(byteStrings: texts, shape: [texts.count])
    }
}
