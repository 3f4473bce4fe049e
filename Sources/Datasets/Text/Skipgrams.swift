public import Tensors

/// Pairs of words and whether they stand near each other.
public struct Skipgrams: Sendable {
    public var couples: [(Int, Int)]
    /// 1 for words near each other, 0 for words that were drawn.
    public var labels: [Int]

    /// The labels as Keras's `categorical=True` gives them: [0, 1] for words near each other, else [1, 0].
    public var categoricalLabels: [[Int]] { labels.map { $0 == 1 ? [0, 1] : [1, 0] } }
}

/// How likely each word is to be kept, by its rank: float64, shape (size,), as Keras's `make_sampling_table`.
///
/// Throws 64 `skipgrams.size` for an empty table.
public func makeSamplingTable(_ size: Int, samplingFactor: Double = 1e-5) throws(LocatedError) -> Tensor {
    guard size > 0 else { throw LocatedError(.usage, "skipgrams.size", "expected a table of 1 word or more, got \(size)") }
    try Memory.require([size], dtype: .float64, for: "the table")
    return Tensor(
        (0..<size).map { number -> Double in
            let rank = Double(max(number, 1))
            let inverse = rank * (logarithm(rank) + 0.577) + 0.5 - 1 / (12 * rank)
            let f = samplingFactor * inverse
            return min(1, f / f.squareRoot())
        })
}

/// Pairs of words of a sequence, and pairs with words that are drawn, as Keras's `skipgrams`.
///
/// - Parameters:
///   - sequence: numbers of words; 0 is none.
///   - vocabularySize: numbers are below this.
///   - windowSize: words at most so far apart are near each other.
///   - negativeSamples: drawn pairs for each pair of the sequence.
///   - samplingTable: how likely each word is to be kept.
///   - seed: of the final order alone, as in Keras; nil: drawn.
///   - random: Python's state, which words are kept and drawn by; it goes on where Keras leaves it.
///
/// Throws 64 `skipgrams.vocabulary`, `skipgrams.samples`, 65 `skipgrams.word` for a word that the table doesn't have.
public func skipgrams(
    _ sequence: [Int], vocabularySize: Int, windowSize: Int = 4, negativeSamples: Double = 1, shuffle: Bool = true, samplingTable: Tensor? = nil,
    seed: Int? = nil, random: inout PythonRandom
) throws(LocatedError) -> Skipgrams {
    guard windowSize >= 0, negativeSamples <= 0 || vocabularySize > 1 else {
        throw LocatedError(
            .usage, "skipgrams.vocabulary", "expected a window of 0 or more and a vocabulary of 2 or more, got \(windowSize) and \(vocabularySize)")
    }
    let table = samplingTable?.asType(.float64).array(as: Double.self)
    var couples: [(Int, Int)] = []
    var labels: [Int] = []
    for (place, word) in sequence.enumerated() where word != 0 {
        if let table {
            guard table.indices.contains(word) else {
                throw LocatedError(.invalid, "skipgrams.word", "expected words below \(table.count), got \(word)", at: ["\(place)"])
            }
            if table[word] < random.random() { continue }
        }
        let window = max(0, place - min(windowSize, place))..<(sequence.count - place > windowSize ? place + windowSize + 1 : sequence.count)
        for other in window where other != place && sequence[other] != 0 {
            couples.append((word, sequence[other]))
            labels.append(1)
        }
    }
    if negativeSamples > 0 {
        guard let drawn = Int(exactly: (Double(labels.count) * negativeSamples).rounded(.towardZero)), drawn <= 1 << 32 else {
            throw LocatedError(.usage, "skipgrams.samples", "expected pairs that fit in memory, got \(negativeSamples) for each pair")
        }
        var words = couples.map(\.0)
        random.shuffle(&words)
        for number in 0..<drawn { couples.append((words[number % words.count], random.randint(1, vocabularySize - 1))) }
        labels += [Int](repeating: 0, count: drawn)
    }
    if shuffle {
        let seed = seed ?? random.randint(0, 10_000_000)
        random = PythonRandom(seed: seed)
        random.shuffle(&couples)
        random = PythonRandom(seed: seed)
        random.shuffle(&labels)
    }
    return Skipgrams(couples: couples, labels: labels)
}
