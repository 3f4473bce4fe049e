public import Tensors

/// What Keras takes for no part of words: its default `filters`.
public let wordFilters = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n"

/// The words of a text, as Keras's `text_to_word_sequence`.
///
/// - Parameters:
///   - filters: characters (code points) that are taken for `split`.
///   - lower: whether the text is lower-cased first, as Python does.
///   - split: what stands between words.
///
/// Throws 64 `text.split` when `split` is empty.
public func textToWordSequence(
    _ text: String, filters: String = wordFilters, lower: Bool = true, split: String = " "
) throws(LocatedError) -> [String] {
    try WordSplitter(filters: filters, lower: lower, split: split).words(text)
}

/// The words of a text as numbers from 1 to `n` - 1, by their MD5: Keras's `hashing_trick(hash_function="md5")`. Several words may have
/// one number.
///
/// Throws 64 `text.split`, `text.range` when `n` is below 2.
public func hashingTrick(
    _ text: String, _ n: Int, filters: String = wordFilters, lower: Bool = true, split: String = " "
) throws(LocatedError) -> [Int] {
    try hashingTrick(text, n, filters: filters, lower: lower, split: split) { word in
        let modulus = UInt64(n - 1)
        // The sum as one number of 128 bits, of which the rest is taken byte by byte.
        return Int(
            Digest.of(Array(word.utf8), .md5).reduce(UInt64(0)) { rest, byte in
                let (high, low) = rest.multipliedFullWidth(by: 256)
                let (sum, carry) = low.addingReportingOverflow(UInt64(byte))
                return modulus.dividingFullWidth((high + (carry ? 1 : 0), sum)).remainder
            })
    }
}

/// The words of a text as numbers from 1 to `n` - 1, by a function of one's own, as Keras's `hashing_trick`.
///
/// Throws 64 `text.split`, `text.range` when `n` is below 2.
public func hashingTrick(
    _ text: String, _ n: Int, filters: String = wordFilters, lower: Bool = true, split: String = " ", hashFunction: (String) -> Int
) throws(LocatedError) -> [Int] {
    guard n >= 2 else { throw LocatedError(.usage, "text.range", "expected a range of 2 numbers or more, got \(n)") }
    return try textToWordSequence(text, filters: filters, lower: lower, split: split).map { word in
        let rest = hashFunction(word) % (n - 1)
        // Python's remainders are never negative.
        return (rest < 0 ? rest + n - 1 : rest) + 1
    }
}

/// Keras's `one_hot` can't be repeated: it takes Python's `hash`, which is another one in every run.
///
/// Throws 69 `text.hash`, always.
public func oneHot(_ text: String, _ n: Int) throws(LocatedError) -> [Int] {
    throw LocatedError(
        .unsupported, "text.hash",
        "expected a hash that is the same in every run, got Python's, which Keras's one_hot takes and which each run of Python seeds anew",
        hint: "Use hashingTrick, which takes MD5.")
}

/// Cuts texts into words.
struct WordSplitter: Sendable {
    private let lower: Bool
    private let split: [UInt8]
    private let filtered: Set<Unicode.Scalar>

    init(filters: String, lower: Bool, split: String) throws(LocatedError) {
        guard !split.isEmpty else { throw LocatedError(.usage, "text.split", "expected something between words, got an empty text") }
        self.lower = lower
        self.split = Array(split.utf8)
        filtered = Set(filters.unicodeScalars)
    }

    func words(_ text: String) -> [String] {
        let text = lower ? PythonText.lowercased(text) : text
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if filtered.contains(scalar) {
                bytes += split
            } else if let encoded = Unicode.UTF8.encode(scalar) {
                bytes.append(contentsOf: encoded)
            }
        }
        var words: [String] = []
        var start = 0, position = 0
        func close(_ end: Int) {
            if end > start { words.append(String(decoding: bytes[start..<end], as: UTF8.self)) }
        }
        while position + split.count <= bytes.count {
            if bytes[position] == split[0], bytes[position..<(position + split.count)].elementsEqual(split) {
                close(position)
                position += split.count
                start = position
            } else {
                position += 1
            }
        }
        close(bytes.count)
        return words
    }
}
