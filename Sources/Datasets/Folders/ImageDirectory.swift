import Batches
import Foundation
public import Tensors

/// Which axis of a picture holds its channels.
public enum DataFormat: Sendable {
    case channelsLast, channelsFirst
}

/// Pictures of a folder, in batches, as Keras's `image_dataset_from_directory`: `x` float32, shape (samples, height, width, channels), 0
/// to 255; uint8 with `nearest`, as TensorFlow's.
///
/// - Parameters:
///   - directory: with a subfolder of pictures for each class, or just pictures where labels are given or not wanted. Files are told by
///     their endings (`.bmp`, `.gif`, `.jpeg`, `.jpg`, `.png`), as Keras does; of a GIF the first picture is taken.
///   - classNames: some of the subfolders, in the order of the labels; nil: all, sorted.
///   - batchSize: nil: one by one.
///   - shuffle, seed: the order is that of Keras on TensorFlow for the same seed.
///   - validationSplit, subset: the last share of the files is for validation; give both or none.
///   - interpolation: TensorFlow's, which doesn't smooth when pictures shrink.
///   - followLinks: whether links to folders are gone into.
///   - cropToAspectRatio: cuts off what doesn't fit the size's shape, in the middle.
///   - padToAspectRatio: fills up with black what the picture's shape leaves, around the middle.
///
/// Throws 64 `folder.…`, `data.batch_size`, 65 `folder.empty`, `folder.deep`, `folder.many`, 66 when the folder can't be listed. Pictures are
/// read when they are wanted, with the errors of `Image`.
public func imageDatasetFromDirectory(
    _ directory: String, labels: DirectoryLabels = .inferred, labelMode: LabelMode? = .int, classNames: [String]? = nil,
    colorMode: Image.ColorMode = .rgb, batchSize: Int? = 32, imageSize: (height: Int, width: Int) = (256, 256), shuffle: Bool = true,
    seed: UInt32? = nil, validationSplit: Double? = nil, subset: DirectorySubset? = nil, interpolation: TensorFlowResizing = .bilinear,
    followLinks: Bool = false, cropToAspectRatio: Bool = false, padToAspectRatio: Bool = false, dataFormat: DataFormat = .channelsLast
) throws(LocatedError) -> BatchedDataset {
    try DirectoryIndex.check(validationSplit, subset, shuffle: shuffle, seed: seed)
    let reading = try PictureLoading(colorMode, imageSize, interpolation, crop: cropToAspectRatio, pad: padToAspectRatio, dataFormat)
    let folder = try LabeledFolder(directory, labels, labelMode, classNames, pictureEndings, batchSize, shuffle, seed, followLinks)
    return try folder.dataset(subset, validationSplit, shuffle: shuffle, reading.batch)
}

/// The pictures for training and those for validation: Keras's `subset="both"`. The latter come in their order. Parameters and errors are
/// those of `imageDatasetFromDirectory`.
public func imageDatasetsFromDirectory(
    _ directory: String, labels: DirectoryLabels = .inferred, labelMode: LabelMode? = .int, classNames: [String]? = nil,
    colorMode: Image.ColorMode = .rgb, batchSize: Int? = 32, imageSize: (height: Int, width: Int) = (256, 256), shuffle: Bool = true,
    seed: UInt32? = nil, validationSplit: Double, interpolation: TensorFlowResizing = .bilinear, followLinks: Bool = false,
    cropToAspectRatio: Bool = false, padToAspectRatio: Bool = false, dataFormat: DataFormat = .channelsLast
) throws(LocatedError) -> (training: BatchedDataset, validation: BatchedDataset) {
    try DirectoryIndex.check(validationSplit, nil, both: true, shuffle: shuffle, seed: seed)
    let reading = try PictureLoading(colorMode, imageSize, interpolation, crop: cropToAspectRatio, pad: padToAspectRatio, dataFormat)
    let folder = try LabeledFolder(directory, labels, labelMode, classNames, pictureEndings, batchSize, shuffle, seed, followLinks)
    return (
        try folder.dataset(.training, validationSplit, shuffle: shuffle, reading.batch),
        try folder.dataset(.validation, validationSplit, shuffle: false, reading.batch)
    )
}

private let pictureEndings = [".bmp", ".gif", ".jpeg", ".jpg", ".png"]

/// How picture files become arrays of one size.
struct PictureLoading: Sendable {
    private let colorMode: Image.ColorMode
    private let size: (height: Int, width: Int)
    private let interpolation: TensorFlowResizing
    private let crop: Bool
    private let pad: Bool
    private let dataFormat: DataFormat

    /// Throws 64 `folder.size`, `folder.aspect`.
    init(
        _ colorMode: Image.ColorMode, _ size: (height: Int, width: Int), _ interpolation: TensorFlowResizing, crop: Bool, pad: Bool,
        _ dataFormat: DataFormat
    ) throws(LocatedError) {
        guard (1...65_536).contains(size.height), (1...65_536).contains(size.width), size.height * size.width <= Image.mostPixels else {
            throw LocatedError(.usage, "folder.size", "expected a size of 1 pixel or more that fits in memory, got \(size.height), \(size.width)")
        }
        guard !crop || !pad else {
            throw LocatedError(.usage, "folder.aspect", "expected pictures to be cropped or padded to the size's shape, got both")
        }
        self.colorMode = colorMode
        self.size = size
        self.interpolation = interpolation
        self.crop = crop
        self.pad = pad
        self.dataFormat = dataFormat
    }

    /// The pictures of files, read by as many threads as there are cores.
    func batch(_ paths: [String]) throws(LocatedError) -> Tensor {
        let channels = colorMode.channels
        let dims = dataFormat == .channelsLast ? [size.height, size.width, channels] : [channels, size.height, size.width]
        let dtype: DType = interpolation == .nearest ? .uint8 : .float32
        let shape = Shape([paths.count] + dims)
        try Memory.require(shape, dtype: dtype, for: "a batch of pictures")
        var result = Tensor(uninitialized: shape, dtype: dtype)
        let failures = FirstFailure()
        result.withUnsafeMutableBytes { target in
            let width = target.count / max(paths.count, 1)
            nonisolated(unsafe) let target = target
            DispatchQueue.concurrentPerform(iterations: paths.count) { number in
                if failures.isSet { return }
                do throws(LocatedError) {
                    let picture = try self.picture(paths[number])
                    picture.withUnsafeBytes {
                        UnsafeMutableRawBufferPointer(rebasing: target[number * width..<(number + 1) * width]).copyMemory(from: $0)
                    }
                } catch { failures.set(error, number) }
            }
        }
        if let failure = failures.first { throw failure }
        return result
    }

    private func picture(_ path: String) throws(LocatedError) -> Tensor {
        let image = try TensorFlowDecoding.image(path, colorMode)
        let resized = try locating(path) { () throws(LocatedError) in
            if crop { return interpolation.resized(image.cropped(toShapeOf: size), to: size) }
            return pad ? interpolation.padded(image, to: size) : interpolation.resized(image, to: size)
        }
        return dataFormat == .channelsLast ? resized : resized.channelsFirst
    }
}

/// The failure of the first of many tasks.
private final class FirstFailure: @unchecked Sendable {
    private let lock = NSLock()
    private var failure: (number: Int, error: LocatedError)?

    var isSet: Bool { lock.withLock { failure != nil } }
    var first: LocatedError? { lock.withLock { failure?.error } }

    func set(_ error: LocatedError, _ number: Int) {
        lock.withLock { if number < failure?.number ?? .max { failure = (number, error) } }
    }
}

extension Tensor {
    /// The middle of a picture that has the shape of a size, as Keras's `smart_resize` cuts it out.
    fileprivate func cropped(toShapeOf size: (height: Int, width: Int)) -> Tensor {
        let (height, width, channels) = (shape[0], shape[1], shape[2])
        // Quotients are of single precision in a graph, where sizes aren't known.
        let cropHeight = max(min(height, Int(Float(width * size.height) / Float(size.width))), 1)
        let cropWidth = max(min(width, Int(Float(height * size.width) / Float(size.height))), 1)
        let (top, left) = (Int(Float(height - cropHeight) / 2), Int(Float(width - cropWidth) / 2))
        var result = Tensor(uninitialized: [cropHeight, cropWidth, channels], dtype: dtype)
        let rowBytes = cropWidth * channels * dtype.byteCount, sourceRow = width * channels * dtype.byteCount
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                for row in 0..<cropHeight {
                    let start = (top + row) * sourceRow + left * channels * dtype.byteCount
                    UnsafeMutableRawBufferPointer(rebasing: target[row * rowBytes..<(row + 1) * rowBytes])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<start + rowBytes]))
                }
            }
        }
        return result
    }

    /// (height, width, channels) as (channels, height, width).
    fileprivate var channelsFirst: Tensor {
        let (height, width, channels) = (shape[0], shape[1], shape[2])
        let size = dtype.byteCount
        var result = Tensor(uninitialized: [channels, height, width], dtype: dtype)
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                for pixel in 0..<height * width {
                    for channel in 0..<channels {
                        for byte in 0..<size { target[(channel * height * width + pixel) * size + byte] = source[(pixel * channels + channel) * size + byte] }
                    }
                }
            }
        }
        return result
    }
}
