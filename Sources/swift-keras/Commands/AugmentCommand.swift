public import ArgumentParser
import Foundation
public import SwiftKeras

/// Varied pictures, written as Keras writes them.
struct AugmentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "augment", abstract: "Vary pictures at random: Keras's ImageDataGenerator.",
        discussion: """
            INPUT is a picture, an .npy or .npz array of pictures, a folder of pictures, or one with a subfolder for each class. \
            Pictures are written as PREFIX_SAMPLE_NUMBER.FORMAT, as Keras 2.3 names them: with the same seed it draws the same \
            numbers, names and pixels.
            """)

    @Argument(help: "A picture, an array or a folder.", completion: .file())
    var input: String

    @Option(name: .long, help: "The folder to write pictures to; made when it isn't there.", completion: .directory)
    var output: String

    @OptionGroup(title: "What is varied") var flags: AugmentationFlags

    @Option(name: .long, help: "Seeds each batch: flow's seed. (default: another each time)")
    var seed: Int?

    @Option(name: .long, help: "Seeds the generator once, as np.random.seed before the first batch.")
    var numpySeed: Int?

    @Option(name: .long, help: "Pictures: batches are written until there are so many. (default: --epochs decides, 20 of one picture)")
    var count: Int?

    @Option(name: .long, help: "Passes over the pictures. (default: 1)")
    var epochs: Int?

    @Option(name: .long, help: "Pictures a batch.")
    var batchSize = 32

    @Flag(name: .long, help: "Keep the pictures in their order.")
    var noShuffle = false

    @Option(name: .long, help: "What names begin with.")
    var savePrefix = ""

    @Option(name: .long, help: "png or jpeg.")
    var saveFormat = "png"

    @Option(name: .long, help: "ROWS,COLUMNS that pictures are brought to. (default: 256,256 for folders, a picture's own)")
    var targetSize: IntegerList?

    @Option(name: .long, help: "How pictures are resized: nearest, bilinear, bicubic, lanczos, box, hamming.")
    var interpolation: Interpolation = .nearest

    @Option(name: .long, help: "rgb, rgba or grayscale.")
    var colorMode: Image.ColorMode = .rgb

    @Option(name: .long, help: "training or validation, of --validation-split.")
    var subset: ImageDataGenerator.Subset?

    @Flag(name: .long, help: "Follow links to folders.")
    var followLinks = false

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let targetSize, targetSize.values.count != 2 || targetSize.values.contains(where: { $0 < 1 || $0 > 65_535 }) {
            throw ValidationError("--target-size: expected ROWS,COLUMNS")
        }
        if let count, count < 1 { throw ValidationError("--count: expected at least 1, got \(count)") }
        if let epochs, epochs < 1 { throw ValidationError("--epochs: expected at least 1, got \(epochs)") }
        if count != nil, epochs != nil { throw ValidationError("--count and --epochs: expected one of them, got both") }
    }

    func run() throws {
        let generator = try flags.options().generator(threads: threads)
        for warning in generator.warnings { common.note(warning) }
        let pictures = try Pictures(input, self)
        if generator.featurewiseCenter || generator.zcaWhitening { try generator.fit(pictures.all(generator, self)) }
        if let numpySeed { try generator.random.seed(numpySeed) }
        do {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        } catch {
            throw LocatedError(.cannotCreate, "augment.output", "expected a folder that can be made: \(error.localizedDescription)", at: [output])
        }
        let source = try pictures.flow(generator, self)
        guard source.batchesPerPass != 0 else {
            throw LocatedError(.invalid, "augment.empty", "expected pictures, got none", at: [input])
        }
        let wanted = count ?? (pictures.isOne && epochs == nil ? 20 : .max)
        var (written, passes) = (0, 0)
        while written < wanted, wanted < .max || passes < epochs ?? 1 {
            guard let batch = try source.next() else {
                passes += 1
                continue
            }
            written += batch.x[0].shape[0]
        }
        if common.json {
            Terminal.put(json: ["output": .string(output), "pictures": .integer(written)])
        } else {
            common.note("\(written) pictures in \(output)")
        }
    }
}

extension Image.ColorMode: ExpressibleByArgument {}
extension ImageDataGenerator.Subset: ExpressibleByArgument {}

/// What INPUT holds.
private enum Pictures {
    /// One picture or an array of them.
    case array(Tensor, isOne: Bool)
    /// A folder with classes, or some of a folder's subfolders.
    case folder(String, classes: [String]?)

    var isOne: Bool { if case .array(_, let isOne) = self { isOne } else { false } }

    init(_ path: String, _ command: AugmentCommand) throws(LocatedError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw LocatedError(.notFound, "file.absent", "expected a file or folder, got none", at: [path])
        }
        if isFolder.boolValue {
            self = try Pictures(folder: path)
            return
        }
        let head = [UInt8]((try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 8)) ?? Data())
        if head.starts(with: [0x93] + Array("NUMPY".utf8)) {
            self = .array(try NPY.read(path), isOne: false)
        } else if head.starts(with: [0x50, 0x4b]) {
            let archive = try NPZ(reading: path)
            guard let name = ["x", "x0", "x_train"].first(where: archive.names.contains) ?? (archive.names.count == 1 ? archive.names[0] : nil)
            else {
                throw LocatedError(
                    .invalid, "augment.arrays", "expected an array named x, got \(archive.names.prefix(8).joined(separator: ", "))", at: [path])
            }
            self = .array(try archive.tensor(name), isOne: false)
        } else {
            let size = command.targetSize.map { ($0.values[0], $0.values[1]) }
            let picture = try ImageFile.load(
                path, targetSize: size, colorMode: command.colorMode, interpolation: command.interpolation)
            self = .array(picture.reshaped(to: Shape([1] + picture.shape.dims)), isOne: true)
        }
    }

    /// Pictures that lie in the folder itself are of one class, the folder.
    private init(folder path: String) throws(LocatedError) {
        guard try !ImageFile.list(path).isEmpty else {
            self = .folder(path, classes: nil)
            return
        }
        let url = URL(fileURLWithPath: path).standardizedFileURL
        self = .folder(url.deletingLastPathComponent().path, classes: [url.lastPathComponent])
    }

    func flow(_ generator: ImageDataGenerator, _ command: AugmentCommand) throws(LocatedError) -> any BatchSource {
        switch self {
        case .array(let x, _):
            return try generator.flow(
                inFormat(x, generator), batchSize: command.batchSize, shuffle: !command.noShuffle, seed: command.seed,
                saveToDir: command.output, savePrefix: command.savePrefix, saveFormat: command.saveFormat, subset: command.subset)
        case .folder(let path, let classes):
            return try generator.flowFromDirectory(
                path, targetSize: command.targetSize.map { ($0.values[0], $0.values[1]) } ?? (256, 256),
                colorMode: command.colorMode, classes: classes, classMode: nil, batchSize: command.batchSize,
                shuffle: !command.noShuffle, seed: command.seed, saveToDir: command.output, savePrefix: command.savePrefix,
                saveFormat: command.saveFormat, followLinks: command.followLinks, subset: command.subset,
                interpolation: command.interpolation)
        }
    }

    /// A picture read from a file has its channels last.
    private func inFormat(_ x: Tensor, _ generator: ImageDataGenerator) throws(LocatedError) -> Tensor {
        guard isOne, generator.dataFormat == .channelsFirst else { return x }
        throw LocatedError(
            .usage, "augment.data_format", "expected an array or a folder with --data-format channels_first, got a picture",
            at: ["--data-format"])
    }

    /// Every picture as it is, to fit on.
    func all(_ generator: ImageDataGenerator, _ command: AugmentCommand) throws(LocatedError) -> Tensor {
        switch self {
        case .array(let x, _): return x
        case .folder(let path, let classes):
            let plain = try ImageDataGenerator(dataFormat: generator.dataFormat)
            let source = try plain.flowFromDirectory(
                path, targetSize: command.targetSize.map { ($0.values[0], $0.values[1]) } ?? (256, 256),
                colorMode: command.colorMode, classes: classes, classMode: nil, shuffle: false, followLinks: command.followLinks,
                interpolation: command.interpolation)
            var all = Tensor(zeros: [0])
            var end = 0
            while let batch = try source.next()?.x[0] {
                if end == 0 {
                    let shape = Shape([source.n] + batch.shape.dims.dropFirst())
                    try Memory.require(shape, for: "the pictures to fit on")
                    all = Tensor(uninitialized: shape)
                }
                all.withUnsafeMutableBytes { target in
                    batch.withUnsafeBytes {
                        UnsafeMutableRawBufferPointer(rebasing: target[end..<end + $0.count]).copyMemory(from: $0)
                    }
                }
                end += batch.byteCount
            }
            return all.shape.rank == 4 ? all : Tensor(zeros: [0, 1, 1, 1])
        }
    }
}
