public import Tensors

/// Words to numbers by how often they occur, as Keras 2's `Tokenizer`; with its JSON, in both directions.
///
/// Words are the same when their code points are. What Python leaves open, the order of `word_docs` in the JSON of a tokenizer that
/// was fitted, is the order in which words are met here; a tokenizer that was read keeps its orders.
///
/// Source: `preprocessing/text.py` of Keras 2.3 and Keras 3's legacy.
public struct Tokenizer: Sendable {
    /// Only this many numbers are given, 0 among them, which stands for none; nil: all.
    public var numWords: Int?
    /// Characters that are taken for `split`.
    public let filters: String
    /// Whether texts are lower-cased.
    public let lower: Bool
    /// What stands between words.
    public let split: String
    /// Whether characters are words.
    public let charLevel: Bool
    /// The word in the place of words that have no number; nil: they are left out.
    public let oovToken: String?
    /// Cuts texts into words instead of `filters`, `lower` and `split` (Keras 2.4 and later); nil: these do. It isn't in the JSON,
    /// as in Keras.
    public let analyzer: (@Sendable (String) -> [String])?
    /// Texts or sequences that were counted.
    public internal(set) var documentCount = 0

    var counts = OrderedCounts<ExactText>()
    var documents = OrderedCounts<ExactText>()
    var indexDocuments = OrderedCounts<Int>()
    var index = OrderedCounts<ExactText>()
    /// The word of each number, in the order of the numbers' first words.
    var wordNumbers: [Int] = []
    var wordsByNumber: [Int: String] = [:]

    private let splitter: WordSplitter

    /// How a text becomes a row of a matrix.
    public enum Mode: String, Sendable, CaseIterable {
        /// 1 for each word that occurs.
        case binary
        /// How often it occurs.
        case count
        /// Its frequency, more for words that few texts have.
        case tfidf
        /// How often it occurs, as a share of the text.
        case freq
    }

    /// Throws 64 `text.split` when `split` is empty, `tokenizer.words` when `numWords` is negative.
    public init(
        numWords: Int? = nil, filters: String = wordFilters, lower: Bool = true, split: String = " ", charLevel: Bool = false,
        oovToken: String? = nil, analyzer: (@Sendable (String) -> [String])? = nil
    ) throws(LocatedError) {
        guard numWords ?? 0 >= 0 else {
            throw LocatedError(.usage, "tokenizer.words", "expected a number of words, got \(numWords ?? 0)")
        }
        splitter = try WordSplitter(filters: filters, lower: lower, split: split)
        self.numWords = numWords
        self.filters = filters
        self.lower = lower
        self.split = split
        self.charLevel = charLevel
        self.oovToken = oovToken
        self.analyzer = analyzer
    }

    // MARK: - What it knows

    /// How often each word occurred, in the order in which they were met.
    public var wordCounts: [(word: String, count: Int)] { zip(counts.keys, counts.values).map { ($0.text, $1) } }
    /// In how many texts each word occurred.
    public var wordDocs: [(word: String, count: Int)] { zip(documents.keys, documents.values).map { ($0.text, $1) } }
    /// The number of each word. Words that differ only in how their characters are composed are one here; `number(of:)` tells them
    /// apart.
    public var wordIndex: [String: Int] { Dictionary(zip(index.keys.map(\.text), index.values)) { $1 } }
    /// The word of each number.
    public var indexWord: [Int: String] { wordsByNumber }

    /// The number of a word, nil for one that was never met.
    public func number(of word: String) -> Int? { index[ExactText(word)] }

    private var oovNumber: Int? { oovToken.flatMap { index[ExactText($0)] } }

    // MARK: - Counting

    /// Counts the words of texts, and numbers all words anew: from 1 on, the most frequent first.
    public mutating func fitOnTexts(_ texts: [String]) { fit(texts.map(words)) }

    /// Counts words that are cut already; they are lower-cased if texts are.
    public mutating func fitOnTexts(_ texts: [[String]]) { fit(texts.map(words)) }

    /// Counts in how many sequences each number occurs.
    public mutating func fitOnSequences(_ sequences: [[Int]]) {
        documentCount += sequences.count
        for sequence in sequences {
            var seen: Set<Int> = []
            for number in sequence where seen.insert(number).inserted { indexDocuments[number] = (indexDocuments[number] ?? 0) + 1 }
        }
    }

    private mutating func fit(_ texts: [[String]]) {
        for text in texts {
            documentCount += 1
            var seen: Set<ExactText> = []
            for word in text.lazy.map(ExactText.init) {
                counts[word] = (counts[word] ?? 0) + 1
                if seen.insert(word).inserted { documents[word] = (documents[word] ?? 0) + 1 }
            }
        }
        // Words that are as frequent stay in the order in which they were met.
        let order = counts.keys.indices.sorted {
            counts.values[$0] != counts.values[$1] ? counts.values[$0] > counts.values[$1] : $0 < $1
        }
        index = OrderedCounts()
        for (place, word) in ((oovToken.map { [ExactText($0)] } ?? []) + order.map { counts.keys[$0] }).enumerated() {
            index[word] = place + 1
        }
        wordNumbers = index.values
        wordsByNumber = Dictionary(zip(index.values, index.keys.map(\.text))) { $1 }
        for (word, count) in zip(documents.keys, documents.values) {
            if let number = index[word] { indexDocuments[number] = count }
        }
    }

    private func words(_ text: String) -> [String] {
        guard charLevel else { return analyzer.map { $0(text) } ?? splitter.words(text) }
        return (lower ? PythonText.lowercased(text) : text).unicodeScalars.map { String($0) }
    }

    private func words(_ text: [String]) -> [String] { lower ? text.map(PythonText.lowercased) : text }

    // MARK: - Numbers

    /// The numbers of each text's words. Throws 64 `tokenizer.unfitted` when a word is to stand for others and no text was counted.
    public func textsToSequences(_ texts: [String]) throws(LocatedError) -> [[Int]] { try sequences(texts.map(words)) }

    /// The numbers of words that are cut already. Throws as for texts.
    public func textsToSequences(_ texts: [[String]]) throws(LocatedError) -> [[Int]] { try sequences(texts.map(words)) }

    private func sequences(_ texts: [[String]]) throws(LocatedError) -> [[Int]] {
        let oov = oovNumber
        guard oovToken == nil || oov != nil else {
            throw LocatedError(.usage, "tokenizer.unfitted", "expected texts to be counted before words are numbered, got none")
        }
        let limit = numWords ?? 0
        return texts.map { text in
            text.compactMap { word in
                guard let number = index[ExactText(word)] else { return oov }
                return limit > 0 && number >= limit ? oov : number
            }
        }
    }

    /// Texts of the numbers' words, spaces between them. Throws as `textsToSequences` does.
    public func sequencesToTexts(_ sequences: [[Int]]) throws(LocatedError) -> [String] {
        let oov = oovNumber.flatMap { wordsByNumber[$0] }
        guard oovToken == nil || oov != nil else {
            throw LocatedError(.usage, "tokenizer.unfitted", "expected texts to be counted before numbers are named, got none")
        }
        let limit = numWords ?? 0
        return sequences.map { sequence in
            sequence.compactMap { number in
                guard let word = wordsByNumber[number] else { return oov }
                return limit > 0 && number >= limit ? oov : word
            }.joined(separator: " ")
        }
    }

    /// A row for each text, a column for each number: float64. Throws as `sequencesToMatrix` does.
    public func textsToMatrix(_ texts: [String], mode: Mode = .binary) throws(LocatedError) -> Tensor {
        try sequencesToMatrix(try textsToSequences(texts), mode: mode)
    }

    /// A row for each sequence, a column for each number below `numWords` (or for all words): float64.
    ///
    /// Throws 64 `tokenizer.unfitted` without `numWords` and words, and for `tfidf` without texts; 65 `tokenizer.number` for a negative
    /// number; 69 `memory.size`.
    public func sequencesToMatrix(_ sequences: [[Int]], mode: Mode = .binary) throws(LocatedError) -> Tensor {
        let columns = numWords ?? 0 > 0 ? numWords ?? 0 : index.count + 1
        guard numWords ?? 0 > 0 || !index.isEmpty else {
            throw LocatedError(.usage, "tokenizer.unfitted", "expected a number of words, or texts that were counted, got neither")
        }
        guard mode != .tfidf || documentCount > 0 else {
            throw LocatedError(.usage, "tokenizer.unfitted", "expected texts to be counted before tfidf, got none")
        }
        let shape = Shape([sequences.count, columns])
        try Memory.require(shape, dtype: .float64, for: "the matrix")
        var result = Tensor(zeros: shape, dtype: .float64)
        try result.withUnsafeMutableElements(as: Double.self) { (rows) throws(LocatedError) in
            for (row, sequence) in sequences.enumerated() {
                var counts = OrderedCounts<Int>()
                for number in sequence where number < columns {
                    guard number >= 0 else {
                        throw LocatedError(.invalid, "tokenizer.number", "expected numbers of 0 or more, got \(number)", at: ["sequence \(row)"])
                    }
                    counts[number] = (counts[number] ?? 0) + 1
                }
                for (number, count) in zip(counts.keys, counts.values) {
                    rows[row * columns + number] =
                        switch mode {
                        case .binary: 1
                        case .count: Double(count)
                        case .freq: Double(count) / Double(sequence.count)
                        case .tfidf: inverseFrequency(of: number) * (1 + logarithm(Double(count)))
                        }
                }
            }
        }
        return result
    }

    private func inverseFrequency(of number: Int) -> Double {
        logarithm(1 + Double(documentCount) / Double(1 + (indexDocuments[number] ?? 0)))
    }
}
