import Batches
public import Datasets
public import Tensors

/// Batches of pictures read from files: Keras's `DirectoryIterator` and `DataFrameIterator`, which `flowFromDirectory` and
/// `flowFromDataframe` make.
public final class DirectoryIterator: ImageIterator, @unchecked Sendable {
    /// Paths relative to the folder, in the order of the samples.
    public let filenames: [String]
    /// The class of each; empty where there are no classes.
    public let classes: [Int]
    /// The numbers of the classes.
    public let classIndices: [String: Int]
    /// Names of the classes in the order of their numbers.
    public let classNames: [String]

    init(_ maker: BatchMaker, filenames: [String], classes: [Int], classNames: [String]) {
        self.filenames = filenames
        self.classes = classes
        self.classNames = classNames
        classIndices = Dictionary(classNames.enumerated().map { ($0.element, $0.offset) }) { _, last in last }
        super.init(maker)
    }
}

extension ImageDataGenerator {
    /// What targets are made of the classes.
    public enum ClassMode: String, Sendable, CaseIterable {
        /// One-hot, shape (samples, classes).
        case categorical
        /// Numbers, shape (samples,).
        case binary, sparse
        /// The pictures themselves, as they are given.
        case input
    }

    /// Batches of pictures read from a folder with a subfolder for each class: Keras's `flow_from_directory`.
    ///
    /// - Parameters:
    ///   - targetSize: in pixels.
    ///   - classes: subfolders in the order of their numbers; all of them, sorted, unless given.
    ///   - classMode: nil: no targets.
    ///   - seed: seeds the generator with `seed` plus the batches seen before each batch.
    ///   - saveToDir: a folder, which must exist, for the pictures of each batch: `{prefix}_{sample}_{number}.{format}`.
    ///   - followLinks: whether links to folders are followed.
    ///   - subset: the files of each class that `validationSplit` divides off, the first ones, or the rest.
    ///
    /// Throws 64 `augment.batch_size`, `augment.target_size`, `random.seed`, 66 `file.not_found`, 69 `augment.save_format`.
    public func flowFromDirectory(
        _ directory: String, targetSize: (height: Int, width: Int) = (256, 256), colorMode: Image.ColorMode = .rgb,
        classes: [String]? = nil, classMode: ClassMode? = .categorical, batchSize: Int = 32, shuffle: Bool = true, seed: Int? = nil,
        saveToDir: String? = nil, savePrefix: String = "", saveFormat: String = "png", followLinks: Bool = false,
        subset: Subset? = nil, interpolation: Interpolation = .nearest
    ) throws(LocatedError) -> DirectoryIterator {
        try checkFlow(batchSize: batchSize, seed: seed)
        let folder = try PictureFolder(directory, classes: classes, followLinks: followLinks, part: part(subset))
        let targets: FileSource.Targets =
            switch classMode {
            case nil: .none
            case .input: .pictures
            case .categorical: .oneHot(folder.classes, count: folder.classNames.count)
            case .binary, .sparse: .numbers(folder.classes.map { Float($0) })
            }
        let source = try FileSource(
            paths: folder.filenames.map { FolderListing.join(directory, $0) }, targetSize: targetSize, colorMode: colorMode,
            interpolation: interpolation, dataFormat: dataFormat, targets: targets)
        let saving = try saveToDir.map { directory throws(LocatedError) in
            try PictureSaving(
                directory: directory, prefix: savePrefix, format: saveFormat, largestHash: 10_000_000, dataFormat: dataFormat)
        }
        let flow = IndexFlow(count: folder.filenames.count, batchSize: batchSize, shuffle: shuffle, seed: seed)
        return DirectoryIterator(
            BatchMaker(self, source, flow, saving: saving), filenames: folder.filenames, classes: folder.classes,
            classNames: folder.classNames)
    }
}

/// Pictures in files, read when they are needed.
struct FileSource: PictureSource {
    /// What belongs to the pictures.
    enum Targets: Sendable {
        case none, pictures
        case numbers([Float])
        case oneHot([Int], count: Int)
        /// Arrays of samples, as they are.
        case arrays([Tensor])
    }

    let layout: PictureLayout
    /// Pictures are read with the channels last, whatever axes they are given.
    var memory: MemoryOrder { MemoryOrder(channelsApart: false) }
    private let paths: [String]
    private let targetSize: (height: Int, width: Int)
    private let colorMode: Image.ColorMode
    private let interpolation: Interpolation
    private let channelsFirst: Bool
    private let targets: Targets
    /// Given on only where there are targets, as Keras does.
    private let sampleWeight: Tensor?

    /// Throws 64 `augment.target_size`.
    init(
        paths: [String], targetSize: (height: Int, width: Int), colorMode: Image.ColorMode, interpolation: Interpolation,
        dataFormat: ImageDataGenerator.DataFormat, targets: Targets, sampleWeight: Tensor? = nil
    ) throws(LocatedError) {
        guard targetSize.height > 0, targetSize.width > 0, targetSize.height <= Image.mostPixels / targetSize.width else {
            throw LocatedError(
                .usage, "augment.target_size",
                "expected a height and a width of 1 or more, got \(targetSize.height) and \(targetSize.width)", at: ["target_size"])
        }
        channelsFirst = dataFormat == .channelsFirst
        let (height, width, channels) = (targetSize.height, targetSize.width, colorMode.channels)
        layout = try PictureLayout(channelsFirst ? [channels, height, width] : [height, width, channels], dataFormat)
        self.paths = paths
        self.targetSize = targetSize
        self.colorMode = colorMode
        self.interpolation = interpolation
        self.targets = targets
        self.sampleWeight = sampleWeight
    }

    func withPicture(_ sample: Int, _ body: (UnsafePointer<Float>) -> Void) throws(LocatedError) {
        let picture = try ImageFile.load(
            paths[sample], targetSize: targetSize, colorMode: colorMode, interpolation: interpolation)
        picture.withUnsafeElements(as: Float.self) { pixels in
            guard channelsFirst else { return body(pixels.baseAddress!) }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: pixels.count) { planes in
                for channel in 0..<layout.channels {
                    for pixel in 0..<layout.channel {
                        planes[channel * layout.channel + pixel] = pixels[pixel * layout.channels + channel]
                    }
                }
                body(planes.baseAddress!)
            }
        }
    }

    func batch(_ x: Tensor, samples: [Int]) throws(LocatedError) -> Batch {
        let y: [Tensor]
        switch targets {
        case .none: return Batch(x: [x])
        case .pictures: y = [x]
        case .numbers(let numbers): y = [Tensor(samples.map { numbers[$0] })]
        case .arrays(let arrays): y = arrays.map { $0.gathered(samples) }
        case .oneHot(let classes, let count):
            var rows = Tensor(zeros: [samples.count, count])
            rows.withUnsafeMutableElements(as: Float.self) { rows in
                for (row, sample) in samples.enumerated() { rows[row * count + classes[sample]] = 1 }
            }
            y = [rows]
        }
        return Batch(x: [x], y: y, sampleWeight: sampleWeight.map { [$0.gathered(samples)] })
    }
}
