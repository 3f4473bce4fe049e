import Files
import Foundation
package import Tensors

/// Samples and labels to train or evaluate with, as DATA on the command line names them.
package struct LabeledData: Sendable {
    /// One array for each input and each output of a model, all with the same number of samples.
    package struct Part: Sendable {
        package var x: [Tensor]
        package var y: [Tensor]

        /// Samples.
        package var count: Int { x[0].shape[0] }

        /// Throws 65 `data.count` when the arrays differ in their number of samples, `data.empty` when that is 0.
        package init(x: [(name: String, tensor: Tensor)], y: [(name: String, tensor: Tensor)]) throws(LocatedError) {
            let all = x + y
            for (name, tensor) in all where tensor.shape.rank == 0 {
                throw LocatedError(.invalid, "data.count", "expected an array with an axis for the samples, got a single number", at: [name])
            }
            guard !x.isEmpty, !y.isEmpty, let first = all.first, first.tensor.shape[0] > 0 else {
                throw LocatedError(.invalid, "data.empty", "expected samples, got none")
            }
            for (name, tensor) in all where tensor.shape[0] != first.tensor.shape[0] {
                throw LocatedError(
                    .invalid, "data.count",
                    "expected \(first.tensor.shape[0]) samples, as \(first.name) has, got \(tensor.shape[0])", at: [name])
            }
            self.x = x.map(\.tensor)
            self.y = y.map(\.tensor)
        }

        init(_ samples: LabeledSamples) throws(LocatedError) {
            try self.init(x: [("x", samples.x)], y: [("y", samples.y)])
        }
    }

    /// How pictures in folders become arrays.
    package struct PictureReading: Sendable {
        /// In pixels; nil takes the pictures as they are, which must then be of one size.
        package var targetSize: (height: Int, width: Int)?
        package var colorMode: Image.ColorMode
        package var interpolation: Interpolation

        package init(
            targetSize: (height: Int, width: Int)? = nil, colorMode: Image.ColorMode = .rgb, interpolation: Interpolation = .nearest
        ) {
            self.targetSize = targetSize
            self.colorMode = colorMode
            self.interpolation = interpolation
        }
    }

    /// What to train on.
    package var training: Part
    /// What the data set keeps for testing; nil when it has only one part.
    package var test: Part?
    /// What to multiply the inputs by unless the user says otherwise: 1/255 for pictures, nil for arrays.
    package var rescale: Double?
    /// Names of the classes in the order of the labels, when the data tell.
    package var classNames: [String]?

    /// What to evaluate on: the test part, or all there is.
    package var evaluation: Part { test ?? training }

    package init(training: Part, test: Part? = nil, rescale: Double? = nil, classNames: [String]? = nil) {
        self.training = training
        self.test = test
        self.rescale = rescale
        self.classNames = classNames
    }

    /// How reviews and newswires become arrays.
    package struct WordReading: Sendable {
        package enum Form: Sendable {
            /// int32, shape (samples, length): the last words of each; nil: as many as the longest has.
            case sequences(length: Int?)
            /// float64, shape (samples, words): 1 for each word that occurs.
            case rows
        }

        package var form: Form
        /// Numbers of words are below this; nil: all.
        package var words: Int?

        package init(_ form: Form = .sequences(length: nil), words: Int? = nil) {
            self.form = form
            self.words = words
        }
    }

    /// Names of data sets that stand in Keras's cache.
    package static let names = ["mnist", "fashion_mnist", "cifar10", "cifar100", "imdb", "reuters", "boston_housing", "california_housing"]

    /// The data that `name` stands for: one of `names`, from Keras's cache, where absent files are downloaded if they may be; an `.npz`
    /// file with `x` and `y` (or `x0`, `x1`…, `y0`…; or `x_train`, `y_train`, `x_test`, `y_test`); a folder with CIFAR's files or an
    /// archive of them; or a folder with a subfolder of pictures for each class.
    ///
    /// Throws 66 when there is no such data, 65 `data.…` and the codes of `NPZ`, `Image` and the data sets for broken ones, 73 and 74
    /// when downloading or reading fails.
    package static func load(
        _ name: String, pictures: PictureReading = PictureReading(), words: WordReading = WordReading(), downloads: Downloads = .automatic
    ) throws(LocatedError) -> LabeledData {
        if let known = try known(name, words, downloads) { return known }
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) else {
            throw LocatedError(
                .notFound, "data.absent", "expected \(names.joined(separator: ", ")), an .npz file or a folder, got none of that name", at: [name],
                hint: NearestName.hint(for: name, in: names))
        }
        if !isFolder.boolValue {
            guard PackedFiles.isTar(name) else { return try arrays(name) }
            do throws(LocatedError) { return try cifar10(CIFAR10.load(from: name)) } catch {
                guard error.code == "cifar10.batch", let other = try? cifar100(CIFAR100.load(from: name)) else { throw error }
                return other
            }
        }
        if CIFAR10.files.isAt(name) { return try cifar10(CIFAR10.load(from: name)) }
        if CIFAR100.files.isAt(name) { return try cifar100(CIFAR100.load(from: name)) }
        return try folder(name, pictures)
    }

    private static func known(_ name: String, _ words: WordReading, _ downloads: Downloads) throws(LocatedError) -> LabeledData? {
        switch name {
        case "cifar10": return try cifar10(CIFAR10.load(downloads: downloads))
        case "cifar100": return try cifar100(CIFAR100.load(downloads: downloads))
        case "mnist": return try data(MNIST.load(downloads: downloads), rescale: 1 / 255, (0...9).map(String.init))
        case "fashion_mnist": return try data(FashionMNIST.load(downloads: downloads), rescale: 1 / 255, FashionMNIST.classNames)
        case "imdb":
            let (train, test) = try IMDB.load(numWords: words.words, downloads: downloads)
            return try data((words.samples(train), words.samples(test)), rescale: nil, ["negative", "positive"])
        case "reuters":
            let (train, test) = try Reuters.load(numWords: words.words, downloads: downloads)
            return try data((words.samples(train), words.samples(test)), rescale: nil, Reuters.labelNames)
        case "boston_housing": return try data(BostonHousing.load(downloads: downloads), rescale: nil, nil)
        case "california_housing": return try data(CaliforniaHousing.load(downloads: downloads), rescale: nil, nil)
        default: return nil
        }
    }

    private static func data(
        _ sets: (train: LabeledSamples, test: LabeledSamples), rescale: Double?, _ classNames: [String]?
    ) throws(LocatedError) -> LabeledData {
        LabeledData(training: try Part(sets.train), test: try Part(sets.test), rescale: rescale, classNames: classNames)
    }

    private static func cifar100(_ sets: (train: LabeledSamples, test: LabeledSamples)) throws(LocatedError) -> LabeledData {
        try data(sets, rescale: 1 / 255, CIFAR100.fineNames)
    }

    private static func cifar10(_ sets: (train: LabeledSamples, test: LabeledSamples)) throws(LocatedError) -> LabeledData {
        LabeledData(
            training: try Part(sets.train), test: try Part(sets.test), rescale: 1 / 255, classNames: CIFAR10.classNames)
    }
}

extension LabeledData.WordReading {
    fileprivate func samples(_ sequences: LabeledSequences) throws(LocatedError) -> LabeledSamples {
        switch form {
        case .sequences(let length): return LabeledSamples(x: try padSequences(sequences.x, maxlen: length), y: sequences.y)
        case .rows:
            let columns = words ?? (sequences.x.lazy.compactMap { $0.max() }.max() ?? 0) + 1
            return LabeledSamples(x: try Tokenizer(numWords: columns).sequencesToMatrix(sequences.x), y: sequences.y)
        }
    }
}

// MARK: - Archives

extension LabeledData {
    private static func arrays(_ path: String) throws(LocatedError) -> LabeledData {
        let start = try InputFile(path)
        let signature = try start.bytes(at: 0, count: min(2, start.size))
        guard signature == Array("PK".utf8) else {
            throw LocatedError(
                .invalid, "data.kind", "expected an .npz archive or a folder, got a file of another kind", at: [path])
        }
        let archive = try NPZ(reading: path)
        return try locating(path) { () throws(LocatedError) in
            if let training = try part(archive, "") { return LabeledData(training: training) }
            if let training = try part(archive, "_train") {
                return LabeledData(training: training, test: try part(archive, "_test"))
            }
            let got = archive.names.prefix(8).joined(separator: ", ") + (archive.names.count > 8 ? ", …" : "")
            throw LocatedError(
                .invalid, "data.arrays", "expected arrays x and y (or x0, x1…, y0…), got \(got.isEmpty ? "none" : got)")
        }
    }

    /// `x` and `y` with the suffix, or, when there is none of these, numbered from 0; nil when the inputs or the outputs
    /// are missing.
    private static func part(_ archive: NPZ, _ suffix: String) throws(LocatedError) -> Part? {
        func names(_ letter: String) -> [String] {
            if archive.names.contains(letter + suffix) { return [letter + suffix] }
            guard suffix.isEmpty else { return [] }
            let known = Set(archive.names)
            return Array((0..<archive.names.count).lazy.map { "\(letter)\($0)" }.prefix { known.contains($0) })
        }
        func tensors(_ names: [String]) throws(LocatedError) -> [(name: String, tensor: Tensor)] {
            var tensors: [(name: String, tensor: Tensor)] = []
            for name in names { tensors.append((name, try archive.tensor(name))) }
            return tensors
        }
        let inputs = names("x"), outputs = names("y")
        if inputs.isEmpty || outputs.isEmpty { return nil }
        return try Part(x: tensors(inputs), y: tensors(outputs))
    }
}

// MARK: - Folders of pictures

extension LabeledData {
    /// A class for each subfolder, in the order of their names by code points, as Keras's `flow_from_directory` counts them.
    /// Labels are int64, shape (samples,).
    private static func folder(_ path: String, _ reading: PictureReading) throws(LocatedError) -> LabeledData {
        let classes = try FolderListing.subfolders(path)
        guard !classes.isEmpty else {
            throw LocatedError(
                .invalid, "data.classes", "expected a subfolder of pictures for each class, got no subfolders", at: [path])
        }
        var files: [String] = []
        var labels: [Int64] = []
        for (label, name) in classes.enumerated() {
            let pictures = try ImageFile.list(KerasCache.join(path, name))
            files += pictures
            labels += pictures.map { _ in Int64(label) }
        }
        guard !files.isEmpty else {
            throw LocatedError(.invalid, "data.empty", "expected PNG or JPEG files in the subfolders, got none", at: [path])
        }
        let x = try pictures(files, reading)
        return LabeledData(
            training: try Part(x: [("x", x)], y: [("y", Tensor(labels))]), rescale: 1 / 255, classNames: classes)
    }

    /// float32, shape (samples, height, width, channels), 0 to 255.
    private static func pictures(_ files: [String], _ reading: PictureReading) throws(LocatedError) -> Tensor {
        func load(_ path: String) throws(LocatedError) -> Tensor {
            try ImageFile.load(
                path, targetSize: reading.targetSize, colorMode: reading.colorMode, interpolation: reading.interpolation)
        }
        let first = try load(files[0])
        let shape = Shape([files.count] + first.shape.dims)
        guard Memory.holds(shape) else {
            throw LocatedError(
                .invalid, "data.too_large", "expected pictures that fit into memory, got \(files.count) of shape \(first.shape)")
        }
        var result = Tensor(uninitialized: shape)
        for (index, file) in files.enumerated() {
            let picture = index == 0 ? first : try load(file)
            guard picture.shape == first.shape else {
                throw LocatedError(
                    .invalid, "data.size", "expected a picture of shape \(first.shape), as \(files[0]) has, got \(picture.shape)",
                    at: [file], hint: "Give a size that all pictures are brought to.")
            }
            result.withUnsafeMutableBytes { target in
                picture.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[(index * $0.count)...]).copyMemory(from: $0)
                }
            }
        }
        return result
    }
}
