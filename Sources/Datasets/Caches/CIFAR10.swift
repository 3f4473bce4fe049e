import Files
import Foundation
import Pickles
public import Tensors

/// CIFAR-10: small colour pictures of ten kinds of things, from the data set's Python batches.
///
/// Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; `keras.datasets.cifar10`.
public enum CIFAR10 {
    /// The names of the classes, in the order of the labels.
    public static let classNames = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ]

    /// Training and test samples, as Keras's `cifar10.load_data()` gives them: `x` uint8, shape (samples, 32, 32, 3), `y`
    /// uint8, shape (samples, 1), 0 to 9.
    ///
    /// Batches may hold any number of pictures. Without `folder`, the batches are looked for where Keras keeps them:
    /// `cifar-10-batches-py` or `cifar-10-batches-py-target/cifar-10-batches-py` in `$KERAS_HOME/datasets`, or in
    /// `~/.keras/datasets`. A named folder is the one with the batches or the one above it. Nothing is downloaded.
    ///
    /// Throws 66 `cifar10.absent` when there are no batches, 65 `cifar10.batch` when one is missing, 65 `cifar10.…` and
    /// `pickle.…` when one is broken, 74 when reading fails.
    public static func load(
        from folder: String? = nil
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: folder, environment: ProcessInfo.processInfo.environment)
    }

    static func load(
        from folder: String?, environment: [String: String]
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let place = try find(folder, environment)
        // All are looked for before the first is read: a folder that lacks some is known at once.
        for name in trainingBatches + [testBatch] where !FileManager.default.fileExists(atPath: KerasCache.join(place, name)) {
            throw LocatedError(
                .invalid, "cifar10.batch", "expected the batches \(trainingBatches[0]) to \(trainingBatches[4]) and \(testBatch), got no \(name)",
                at: [place], hint: "Unpack \(archive) again.")
        }
        var batches: [CIFAR10Batch] = []
        for name in trainingBatches { batches.append(try CIFAR10Batch(reading: KerasCache.join(place, name))) }
        let test = try CIFAR10Batch(reading: KerasCache.join(place, testBatch))
        return (CIFAR10Batch.samples(batches), CIFAR10Batch.samples([test]))
    }

    static let trainingBatches = (1...5).map { "data_batch_\($0)" }
    static let testBatch = "test_batch"
    private static let archive = "cifar-10-python.tar.gz"
    private static let folderName = "cifar-10-batches-py"

    /// Whether some of the batches are in the folder, or below it where `load(from:)` looks.
    static func isIn(_ folder: String) -> Bool { (places(in: folder) + [folder]).contains(where: hasBatches) }

    private static func places(in folder: String) -> [String] {
        [folderName, "\(folderName)-target/\(folderName)"].map { KerasCache.join(folder, $0) }
    }

    private static func hasBatches(_ folder: String) -> Bool {
        (trainingBatches + [testBatch]).contains { FileManager.default.fileExists(atPath: KerasCache.join(folder, $0)) }
    }

    /// The folder that holds the batches.
    private static func find(_ folder: String?, _ environment: [String: String]) throws(LocatedError) -> String {
        let start = folder ?? KerasCache.datasets(environment)
        let places = places(in: start)
        let candidates = folder == nil ? places : [start] + places
        if let place = candidates.first(where: hasBatches) { return place }
        throw LocatedError(
            .notFound, "cifar10.absent", "expected CIFAR-10's batches in \(candidates.joined(separator: " or ")), got none there",
            at: [start],
            hint: """
                Get \(archive) ("CIFAR-10 python version") from the University of Toronto's page "The CIFAR-10 dataset" \
                and unpack it in \(start), so that \(KerasCache.join(places[0], trainingBatches[0])) exists.
                """)
    }
}

/// One of the files: pictures channel after channel, and their labels.
struct CIFAR10Batch {
    /// Bytes of one picture: 3 channels of 32 rows of 32 pixels.
    static let rowBytes = 3 * 32 * 32
    /// The original files have 31 MB; protocol 0 writes a byte in up to 6.
    static let largestFile = 1 << 29

    /// `labels.count * rowBytes` bytes.
    let pixels: ArraySlice<UInt8>
    /// 0 to 9 each.
    let labels: [UInt8]

    init(reading path: String) throws(LocatedError) {
        let bytes = try InputFile.readBytes(path, limit: CIFAR10Batch.largestFile)
        self = try locating(path) { () throws(LocatedError) in try CIFAR10Batch(Unpickler.read(bytes)) }
    }

    init(_ pickle: Pickle) throws(LocatedError) {
        guard case .dictionary(let index) = pickle.root else {
            throw LocatedError(.invalid, "cifar10.batch", "expected a dict with data and labels, got \(pickle.root.kind)")
        }
        let entries = pickle.dictionaries[index]
        guard let data = entries["data"], let labels = entries["labels"] else {
            let keys = entries.keys.sorted().prefix(8).map { PickleReader.shown($0.utf8) }
            throw LocatedError(
                .invalid, "cifar10.batch", "expected the keys data and labels, got \(keys.isEmpty ? "none" : keys.joined(separator: ", "))")
        }
        guard case .array(let number) = data, let array = pickle.arrays[number], array.dtype == .uint8 else {
            throw LocatedError(.invalid, "cifar10.data", "expected an array of uint8, got \(data.kind)", at: ["data"])
        }
        guard array.shape.rank == 2, array.shape[1] == CIFAR10Batch.rowBytes else {
            throw LocatedError(
                .invalid, "cifar10.width", "expected rows of \(CIFAR10Batch.rowBytes) bytes, got an array of shape \(array.shape)", at: ["data"])
        }
        self.pixels = array.bytes
        self.labels = try locating("labels") { () throws(LocatedError) in try CIFAR10Batch.labels(labels, pickle) }
        guard self.labels.count == array.shape[0] else {
            throw LocatedError(
                .invalid, "cifar10.count", "expected a label for each of \(array.shape[0]) pictures, got \(self.labels.count)", at: ["labels"])
        }
    }

    /// A list of numbers, as in the original, or an array of them.
    private static func labels(_ value: Pickle.Value, _ pickle: Pickle) throws(LocatedError) -> [UInt8] {
        let numbers: [Int?]
        switch value {
        case .list(let index): numbers = pickle.lists[index].map(\.integer)
        case .array(let index):
            guard let array = pickle.arrays[index], array.shape.rank == 1 else {
                throw LocatedError(.invalid, "cifar10.label", "expected labels in a list or a vector, got another array")
            }
            numbers = array.integers
        default: throw LocatedError(.invalid, "cifar10.label", "expected a list of labels, got \(value.kind)")
        }
        var labels: [UInt8] = []
        labels.reserveCapacity(numbers.count)
        for (position, number) in numbers.enumerated() {
            guard let number, (0..<CIFAR10.classNames.count).contains(number) else {
                throw LocatedError(
                    .invalid, "cifar10.label", "expected a label from 0 to 9, got \(number.map(String.init) ?? "something else")",
                    at: ["\(position)"])
            }
            labels.append(UInt8(number))
        }
        return labels
    }

    /// The pictures of all batches, channels last, and their labels.
    static func samples(_ batches: [CIFAR10Batch]) -> LabeledSamples {
        let labels = batches.flatMap(\.labels)
        var x = Tensor(uninitialized: [labels.count, 32, 32, 3], dtype: .uint8)
        x.withUnsafeMutableElements(as: UInt8.self) { target in
            var start = 0
            for batch in batches {
                batch.pixels.withUnsafeBufferPointer { source in
                    for row in stride(from: 0, to: source.count, by: rowBytes) {
                        for pixel in 0..<1024 {
                            target[start + pixel * 3] = source[row + pixel]
                            target[start + pixel * 3 + 1] = source[row + 1024 + pixel]
                            target[start + pixel * 3 + 2] = source[row + 2048 + pixel]
                        }
                        start += rowBytes
                    }
                }
            }
        }
        return LabeledSamples(x: x, y: Tensor(labels, shape: [labels.count, 1]))
    }
}

extension Pickle.Array {
    /// The elements of an array of integers; nil for one that leaves `Int`.
    fileprivate var integers: [Int?] {
        let width = dtype.byteCount
        let isSigned = [.int8, .int16, .int32, .int64].contains(dtype)
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: width).map { start in
            let word = bytes[start..<start + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            if !isSigned { return Int(exactly: word) }
            let unused = UInt64(64 - width * 8)
            return Int(Int64(bitPattern: word << unused) >> Int64(unused))
        }
    }
}
