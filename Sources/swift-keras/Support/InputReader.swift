public import ArgumentParser
public import SwiftKeras
import Foundation

extension Interpolation: ExpressibleByArgument {}

/// How pictures become arrays.
struct PictureOptions: ParsableArguments {
    @Option(name: .long, help: "Multiply the input by this: 1/255 for pictures unless given; arrays are not scaled unless given.")
    var rescale: Fraction?

    @Option(name: .long, help: "ROWS,COLUMNS of pictures; the model's input unless given.")
    var targetSize: IntegerList?

    @Option(name: .long, help: "How pictures are resized: nearest (as Keras's load_img), bilinear, bicubic, lanczos, box, hamming.")
    var interpolation: Interpolation = .nearest

    func validate() throws {
        if let rescale, !rescale.value.isFinite { throw ValidationError("--rescale: expected a finite number, got \(rescale.value)") }
        if let targetSize, targetSize.values.count != 2 || targetSize.values.contains(where: { $0 < 1 || $0 > 65_535 }) {
            throw ValidationError("--target-size: expected ROWS,COLUMNS from 1 to 65535, got \(targetSize.values.map(String.init).joined(separator: ","))")
        }
    }
}

/// Reads what the command line names into one array for each input of a model.
struct InputReader {
    let model: Model
    let pictures: PictureOptions
    /// Instead of rescaling.
    var preprocessing: ImageNet.Preprocessing?

    struct Samples {
        /// One for each of the model's inputs.
        var tensors: [Tensor]
        /// What to call each sample: a file's name, or its number.
        var names: [String]
    }

    func read(_ paths: [String]) throws(LocatedError) -> Samples {
        var arrays: [Tensor] = []
        var images: [String] = []
        for path in paths {
            switch try InputKind(path) {
            case .npy: arrays.append(try NPY.read(path))
            case .npz: arrays += try read(npz: path)
            case .csv: arrays.append(try CSV.read(path).values)
            case .image: images.append(path)
            case .folder: images += try ImageFile.list(path)
            }
        }
        guard arrays.isEmpty || images.isEmpty else {
            throw LocatedError(
                .usage, "predict.inputs", "expected arrays or pictures, got both: \(paths.joined(separator: ", "))")
        }
        if !images.isEmpty { return try read(images: images) }
        guard !arrays.isEmpty else {
            throw LocatedError(.notFound, "predict.images", "expected pictures, got none", at: paths)
        }
        if let preprocessing {
            let isFirst = (try? model.pictureInput().channelsFirst) ?? false
            var prepared: [Tensor] = []
            for array in arrays {
                prepared.append(try ImageNet.preprocessInput(array, preprocessing, channelsFirst: isFirst))
            }
            arrays = prepared
        }
        if let rescale = pictures.rescale { arrays = arrays.map { $0.rescaled(by: rescale.value) } }
        let count = arrays.first.map { $0.shape.rank > 0 ? $0.shape[0] : 1 } ?? 0
        return Samples(tensors: arrays, names: (0..<count).map(String.init))
    }

    /// `x0`, `x1`…, or arrays by the model's input names; for a model with one input also `x`, as DATA of train and evaluate has it, or
    /// the only array there is.
    private func read(npz path: String) throws(LocatedError) -> [Tensor] {
        let file = try NPZ(reading: path)
        let inputs = try model.inputNames
        let numbered = inputs.indices.map { "x\($0)" }
        for names in [numbered, inputs] where names.allSatisfy(file.names.contains) {
            var tensors: [Tensor] = []
            for name in names { tensors.append(try file.tensor(name)) }
            return tensors
        }
        if inputs.count == 1, let name = file.names.contains("x") ? "x" : file.names.count == 1 ? file.names[0] : nil {
            return [try file.tensor(name)]
        }
        throw LocatedError(
            .mismatch, "predict.npz",
            "expected arrays named \(numbered.joined(separator: ", ")) or \(inputs.joined(separator: ", ")), got \(file.names.prefix(8).joined(separator: ", "))",
            at: [path])
    }

    private func read(images: [String]) throws(LocatedError) -> Samples {
        let input = try model.pictureInput()
        let size: (Int, Int)
        switch (pictures.targetSize?.values, input.rows, input.columns) {
        case (let target?, _, _): size = (target[0], target[1])
        case (nil, let rows?, let columns?): size = (rows, columns)
        default:
            throw LocatedError(
                .usage, "predict.targetSize", "expected a size for the pictures, got a model that takes any",
                hint: "Give --target-size ROWS,COLUMNS.")
        }
        let mode: Image.ColorMode
        switch input.channels {
        case 1: mode = .grayscale
        case 3: mode = .rgb
        case 4: mode = .rgba
        default:
            throw LocatedError(
                .mismatch, "predict.channels", "expected a model for pictures of 1, 3 or 4 channels, got \(input.channels)")
        }
        let scale = pictures.rescale?.value ?? (preprocessing == nil ? 1 / 255 : 1)
        let shape = Shape([images.count, size.0, size.1, input.channels])
        try Memory.require(shape, for: "the pictures")
        var batch = Tensor(uninitialized: shape)
        let pixels = size.0 * size.1 * input.channels
        for (index, path) in images.enumerated() {
            let image = try ImageFile.load(
                path, targetSize: size, colorMode: mode, interpolation: pictures.interpolation
            ).rescaled(by: scale)
            batch.withUnsafeMutableElements(as: Float.self) { target in
                image.withUnsafeElements(as: Float.self) { source in
                    for offset in 0..<pixels { target[index * pixels + offset] = source[offset] }
                }
            }
        }
        if let preprocessing { batch = try ImageNet.preprocessInput(batch, preprocessing) }
        return Samples(tensors: [input.channelsFirst ? batch.channelsFirst : batch], names: images)
    }
}

/// What an input file is, by its first bytes; by its name for text.
private enum InputKind {
    case npy, npz, csv, image, folder

    init(_ path: String) throws(LocatedError) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw LocatedError(.notFound, "file.absent", "no such file or folder", at: [path])
        }
        if isFolder.boolValue {
            self = .folder
            return
        }
        let head = [UInt8]((try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)).read(upToCount: 8)) ?? Data())
        if head.starts(with: [0x93] + Array("NUMPY".utf8)) {
            self = .npy
        } else if head.starts(with: [0x50, 0x4b, 3, 4]) || head.starts(with: [0x50, 0x4b, 5, 6]) {
            self = .npz
        } else if head.starts(with: [0xff, 0xd8]) || head.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
            self = .image
        } else if path.lowercased().hasSuffix(".csv") {
            self = .csv
        } else {
            throw LocatedError(
                .invalid, "predict.kind", "expected .npy, .npz, .csv, PNG or JPEG, got something else", at: [path])
        }
    }
}

extension Tensor {
    /// (samples, rows, columns, channels) → (samples, channels, rows, columns).
    fileprivate var channelsFirst: Tensor {
        let (n, h, w, c) = (shape[0], shape[1], shape[2], shape[3])
        let source = floats
        var result = Tensor(uninitialized: [n, c, h, w])
        result.withUnsafeMutableElements(as: Float.self) { target in
            var index = 0
            for sample in 0..<n {
                for channel in 0..<c {
                    for cell in 0..<h * w {
                        target[index] = source[(sample * h * w + cell) * c + channel]
                        index += 1
                    }
                }
            }
        }
        return result
    }
}
