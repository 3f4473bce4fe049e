import Files
import Tensors

/// What Keras makes of the words' ranks in its files of text.
///
/// Source: `load_data` of Keras 3.15's `datasets/imdb.py` and `datasets/reuters.py`.
struct WordSequences {
    var numWords: Int?
    var skipTop: Int
    var maxlen: Int?
    var startChar: Int?
    var oovChar: Int?
    var indexFrom: Int
    /// What codes of errors begin with.
    var family: String

    /// Ranks to the numbers of words, after a number for the start. Throws 65 `….number` for ranks that leave `Int`.
    func numbered(_ lists: [[Int]]) throws(LocatedError) -> [[Int]] {
        var numbered: [[Int]] = []
        numbered.reserveCapacity(lists.count)
        for list in lists {
            var numbers: [Int] = []
            numbers.reserveCapacity(list.count + 1)
            if let startChar { numbers.append(startChar) }
            for rank in list {
                let (number, overflow) = rank.addingReportingOverflow(indexFrom)
                guard !overflow else { throw LocatedError(.invalid, "\(family).number", "expected the rank of a word, got \(rank)") }
                numbers.append(number)
            }
            numbered.append(numbers)
        }
        return numbered
    }

    /// Which sequences are shorter than the longest that is wanted.
    func kept(_ lists: [[Int]]) -> [Int] {
        guard let maxlen, maxlen != 0 else { return Array(lists.indices) }
        return lists.indices.filter { lists[$0].count < maxlen }
    }

    /// Puts another number in the place of the words that are not among the wanted ones, or leaves them out.
    ///
    /// Without `numWords`, the highest number that occurs is the first that isn't wanted: so it is in Keras.
    func limited(_ lists: [[Int]]) throws(LocatedError) -> [[Int]] {
        let limit: Int
        if let numWords, numWords != 0 {
            limit = numWords
        } else {
            guard !lists.isEmpty, let highest = lists.lazy.compactMap({ $0.max() }).max(), lists.allSatisfy({ !$0.isEmpty }) else {
                throw LocatedError(.invalid, "\(family).empty", "expected sequences of words, got an empty one or none")
            }
            limit = highest
        }
        return lists.map { list in
            if let oovChar { return list.map { skipTop <= $0 && $0 < limit ? $0 : oovChar } }
            return list.filter { skipTop <= $0 && $0 < limit }
        }
    }

    /// The numbers of the words in a file of JSON: an object with a whole number for each word.
    ///
    /// Throws 66 when there is no such file, 65 `json.…`, `words.index`.
    static func index(_ path: String) throws(LocatedError) -> [String: Int] {
        let bytes = try InputFile.readBytes(path, limit: 1 << 28)
        return try locating(path) { () throws(LocatedError) in
            guard case .object(let entries) = try PlainJSON(bytes) else {
                throw LocatedError(.invalid, "words.index", "expected an object with a number for each word, got another value")
            }
            var index: [String: Int] = [:]
            index.reserveCapacity(entries.count)
            for entry in entries {
                guard case .integer(let number) = entry.value else {
                    throw LocatedError(.invalid, "words.index", "expected a whole number, got another value", at: [entry.key])
                }
                index[entry.key] = number
            }
            return index
        }
    }
}
