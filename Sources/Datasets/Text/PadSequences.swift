public import Tensors

/// Where sequences are filled up or cut off: Keras's `padding` and `truncating`.
public enum SequenceEnd: String, Sendable {
    /// In front.
    case pre
    /// Behind.
    case post
}

/// Sequences brought to one length: shape (sequences, length), as Keras's `pad_sequences`.
///
/// - Parameters:
///   - maxlen: the length; nil: the longest sequence's.
///   - dtype: of the elements. Whole numbers that don't fit are refused; floats are cut to whole numbers where those are wanted.
///   - value: what fills up.
///
/// Throws 64 `pad.length` (a negative length), `pad.dtype`, 65 `pad.value` for numbers that don't fit, 69 `memory.size`.
public func padSequences(
    _ sequences: [[Int]], maxlen: Int? = nil, dtype: DType = .int32, padding: SequenceEnd = .pre, truncating: SequenceEnd = .pre,
    value: Double = 0
) throws(LocatedError) -> Tensor {
    guard dtype != .string else { throw SequencePadding.wrongType(dtype, "numbers") }
    if dtype.isFloatingPoint {
        // A value that isn't whole is no element of the sequences.
        return try padSequences(
            sequences.map { $0.map(Double.init) }, maxlen: maxlen, dtype: dtype, padding: padding, truncating: truncating, value: value)
    }
    var result = try SequencePadding(sequences.map(\.count), maxlen, padding, truncating)
        .fill(as: Int.self, SequencePadding.whole(value, dtype)) { sequences[$0][$1] }
    if dtype == .int64 { return result }
    if dtype != .bool { try result.withUnsafeMutableElements(as: Int.self) { (numbers) throws(LocatedError) in try SequencePadding.check(numbers, dtype) } }
    return result.asType(dtype)
}

/// Sequences of floats brought to one length. Parameters and errors are those of whole numbers.
public func padSequences(
    _ sequences: [[Double]], maxlen: Int? = nil, dtype: DType = .float32, padding: SequenceEnd = .pre, truncating: SequenceEnd = .pre,
    value: Double = 0
) throws(LocatedError) -> Tensor {
    guard dtype != .string else { throw SequencePadding.wrongType(dtype, "numbers") }
    let result = try SequencePadding(sequences.map(\.count), maxlen, padding, truncating)
        .fill(as: Double.self, value) { sequences[$0][$1] }
    if dtype.isInteger {
        for number in result.array(as: Double.self) {
            guard let whole = Int(exactly: number.rounded(.towardZero)) else { throw SequencePadding.wrongValue("\(number)", dtype) }
            var one = [whole]
            try one.withUnsafeMutableBufferPointer { (numbers) throws(LocatedError) in try SequencePadding.check(numbers, dtype) }
        }
    }
    return result.asType(dtype)
}

/// Sequences of texts brought to one length: element type `string`, as Keras's with `dtype=object`.
public func padSequences(
    _ sequences: [[String]], maxlen: Int? = nil, padding: SequenceEnd = .pre, truncating: SequenceEnd = .pre, value: String = ""
) throws(LocatedError) -> Tensor {
    let frame = try SequencePadding(sequences.map(\.count), maxlen, padding, truncating)
    let places = try frame.places()
    return Tensor(strings: places.map { place in place.map { sequences[$0.sequence][$0.element] } ?? value }, shape: frame.shape)
}

/// Sequences of arrays brought to one length: each of shape (steps, …), of which all but the steps are the same in all.
///
/// Throws 67 `pad.shape` for a sequence whose elements have another shape, and as for whole numbers.
public func padSequences(
    _ sequences: [Tensor], maxlen: Int? = nil, dtype: DType = .int32, padding: SequenceEnd = .pre, truncating: SequenceEnd = .pre,
    value: Double = 0
) throws(LocatedError) -> Tensor {
    let shape = sequences.first { $0.shape.rank > 0 && $0.shape[0] > 0 }?.shape.dims.dropFirst() ?? []
    for (number, sequence) in sequences.enumerated() where sequence.shape.rank == 0 || (sequence.shape[0] > 0 && sequence.shape.dims.dropFirst() != shape) {
        throw LocatedError(
            .mismatch, "pad.shape", "expected elements of shape \(Shape(Array(shape))), got an array of shape \(sequence.shape)", at: ["sequence \(number)"])
    }
    guard let width = Shape(Array(shape)).checkedCount else {
        throw LocatedError(.unsupported, "memory.size", "expected sequences that fit in this machine's memory, got elements of shape \(Shape(Array(shape)))")
    }
    let frame = try SequencePadding(sequences.map { $0.shape[0] }, maxlen, padding, truncating)
    let rows = sequences.map { $0.asType(.float64).array(as: Double.self) }
    // Each element's numbers are a sequence of their own.
    let places = try frame.places()
    let total = Shape(frame.shape.dims + shape)
    try Memory.require(total, dtype: .float64, for: "the sequences")
    var numbers: [Double] = []
    numbers.reserveCapacity(total.count)
    for place in places {
        if let place {
            numbers += rows[place.sequence][place.element * width..<(place.element + 1) * width]
        } else {
            numbers += [Double](repeating: value, count: width)
        }
    }
    if dtype.isInteger {
        return try padSequences([numbers], dtype: dtype).reshaped(to: total)
    }
    guard dtype != .string else { throw SequencePadding.wrongType(dtype, "numbers") }
    return Tensor(numbers, shape: total).asType(dtype)
}

/// Which elements of sequences stand where.
private struct SequencePadding {
    let shape: Shape
    private let lengths: [Int]
    private let padding: SequenceEnd
    private let truncating: SequenceEnd

    init(_ lengths: [Int], _ maxlen: Int?, _ padding: SequenceEnd, _ truncating: SequenceEnd) throws(LocatedError) {
        let length = maxlen ?? lengths.max() ?? 0
        guard length >= 0 else { throw LocatedError(.usage, "pad.length", "expected a length of 0 or more, got \(length)") }
        shape = Shape([lengths.count, length])
        try Memory.require(shape, dtype: .float64, for: "the sequences")
        self.lengths = lengths
        self.padding = padding
        self.truncating = truncating
    }

    /// For each place of the result, row by row, what stands there; nil: what fills up.
    func places() throws(LocatedError) -> [(sequence: Int, element: Int)?] {
        let length = shape[1]
        var places = [(sequence: Int, element: Int)?](repeating: nil, count: shape.count)
        for (row, count) in lengths.enumerated() {
            let kept = min(count, length)
            let first = truncating == .pre ? count - kept : 0
            let start = row * length + (padding == .pre ? length - kept : 0)
            for step in 0..<kept { places[start + step] = (row, first + step) }
        }
        return places
    }

    func fill<Element: TensorElement>(as type: Element.Type, _ value: Element, _ element: (Int, Int) -> Element) throws(LocatedError) -> Tensor {
        let length = shape[1]
        var result = Tensor(uninitialized: shape, dtype: Element.dtype)
        result.withUnsafeMutableElements(as: Element.self) { elements in
            elements.update(repeating: value)
            for (row, count) in lengths.enumerated() {
                let kept = min(count, length)
                let first = truncating == .pre ? count - kept : 0
                let start = row * length + (padding == .pre ? length - kept : 0)
                for step in 0..<kept { elements[start + step] = element(row, first + step) }
            }
        }
        return result
    }

    static func whole(_ value: Double, _ dtype: DType) throws(LocatedError) -> Int {
        guard let whole = Int(exactly: value.rounded(.towardZero)) else { throw wrongValue("\(value)", dtype) }
        return whole
    }

    static func check(_ numbers: UnsafeMutableBufferPointer<Int>, _ dtype: DType) throws(LocatedError) {
        let range: ClosedRange<Int> =
            switch dtype {
            case .uint8: 0...255
            case .int8: -128...127
            case .uint16: 0...65_535
            case .int16: -32_768...32_767
            case .uint32: 0...4_294_967_295
            case .int32: Int(Int32.min)...Int(Int32.max)
            case .uint64: 0...Int.max
            default: Int.min...Int.max
            }
        if let number = numbers.first(where: { !range.contains($0) }) { throw wrongValue("\(number)", dtype) }
    }

    static func wrongValue(_ got: String, _ dtype: DType) -> LocatedError {
        LocatedError(.invalid, "pad.value", "expected numbers that \(dtype.rawValue) holds, got \(got)")
    }

    static func wrongType(_ dtype: DType, _ what: String) -> LocatedError {
        LocatedError(.usage, "pad.dtype", "expected an element type for \(what), got \(dtype.rawValue)")
    }
}
