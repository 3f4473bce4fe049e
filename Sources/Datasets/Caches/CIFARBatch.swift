import Files
import Pickles
import Tensors

/// What the files of CIFAR-10 and CIFAR-100 hold, in which their kinds differ.
struct CIFARKind: Sendable {
    /// What codes of errors begin with: `cifar10`.
    var family: String
    /// The labels' name in the Python files.
    var key: String
    /// Labels are below this.
    var classes: Int
    /// Bytes before the pixels of the binary files, and which of them is the label.
    var binaryLabels: Int
    var binaryLabel: Int
}

/// One of the files: pictures channel after channel, and their labels.
struct CIFARBatch {
    /// Bytes of one picture: 3 channels of 32 rows of 32 pixels.
    static let rowBytes = 3 * 32 * 32

    /// `labels.count * rowBytes` bytes.
    let pixels: ArraySlice<UInt8>
    /// 0 to 9 each.
    let labels: [UInt8]

    /// The file of the Python version or, when its name ends in `.bin`, of the binary one.
    init(_ bytes: [UInt8], isBinary: Bool, _ kind: CIFARKind) throws(LocatedError) {
        self = isBinary ? try CIFARBatch(binary: bytes, kind) : try CIFARBatch(Unpickler.read(bytes), kind)
    }

    /// Labels and pixels in turn.
    init(binary bytes: [UInt8], _ kind: CIFARKind) throws(LocatedError) {
        let row = kind.binaryLabels + CIFARBatch.rowBytes
        guard !bytes.isEmpty, bytes.count.isMultiple(of: row) else {
            throw LocatedError(.invalid, "\(kind.family).size", "expected rows of \(row) bytes, got \(bytes.count) bytes")
        }
        var labels: [UInt8] = []
        var pixels: [UInt8] = []
        pixels.reserveCapacity(bytes.count)
        for start in stride(from: 0, to: bytes.count, by: row) {
            let label = bytes[start + kind.binaryLabel]
            guard Int(label) < kind.classes else { throw CIFARBatch.wrongLabel("\(label)", start / row, kind) }
            labels.append(label)
            pixels += bytes[(start + kind.binaryLabels)..<(start + row)]
        }
        self.labels = labels
        self.pixels = pixels[...]
    }

    init(_ pickle: Pickle, _ kind: CIFARKind) throws(LocatedError) {
        let family = kind.family
        guard case .dictionary(let index) = pickle.root else {
            throw LocatedError(.invalid, "\(family).batch", "expected a dict with data and \(kind.key), got \(pickle.root.kind)")
        }
        let entries = pickle.dictionaries[index]
        guard let data = entries["data"], let labels = entries[kind.key] else {
            let keys = entries.keys.sorted().prefix(8).map { PickleReader.shown($0.utf8) }
            throw LocatedError(
                .invalid, "\(family).batch", "expected the keys data and \(kind.key), got \(keys.isEmpty ? "none" : keys.joined(separator: ", "))")
        }
        guard case .array(let number) = data, let array = pickle.arrays[number], array.dtype == .uint8 else {
            throw LocatedError(.invalid, "\(family).data", "expected an array of uint8, got \(data.kind)", at: ["data"])
        }
        guard array.shape.rank == 2, array.shape[1] == CIFARBatch.rowBytes else {
            throw LocatedError(
                .invalid, "\(family).width", "expected rows of \(CIFARBatch.rowBytes) bytes, got an array of shape \(array.shape)", at: ["data"])
        }
        self.pixels = array.bytes
        self.labels = try locating(kind.key) { () throws(LocatedError) in try CIFARBatch.labels(labels, pickle, kind) }
        guard self.labels.count == array.shape[0] else {
            throw LocatedError(
                .invalid, "\(family).count", "expected a label for each of \(array.shape[0]) pictures, got \(self.labels.count)", at: [kind.key])
        }
    }

    /// A list of numbers, as in the original, or an array of them.
    private static func labels(_ value: Pickle.Value, _ pickle: Pickle, _ kind: CIFARKind) throws(LocatedError) -> [UInt8] {
        let family = kind.family
        let numbers: [Int?]
        switch value {
        case .list(let index): numbers = pickle.lists[index].map(\.integer)
        case .array(let index):
            guard let array = pickle.arrays[index], array.shape.rank == 1 else {
                throw LocatedError(.invalid, "\(family).label", "expected labels in a list or a vector, got another array")
            }
            numbers = array.integers
        default: throw LocatedError(.invalid, "\(family).label", "expected a list of labels, got \(value.kind)")
        }
        var labels: [UInt8] = []
        labels.reserveCapacity(numbers.count)
        for (position, number) in numbers.enumerated() {
            guard let number, (0..<kind.classes).contains(number) else {
                throw wrongLabel(number.map(String.init) ?? "something else", position, kind)
            }
            labels.append(UInt8(number))
        }
        return labels
    }

    private static func wrongLabel(_ got: String, _ position: Int, _ kind: CIFARKind) -> LocatedError {
        LocatedError(
            .invalid, "\(kind.family).label", "expected a label from 0 to \(kind.classes - 1), got \(got)", at: ["\(position)"])
    }

    /// The pictures of all batches, channels last, and their labels.
    static func samples(_ batches: ArraySlice<CIFARBatch>) -> LabeledSamples {
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
