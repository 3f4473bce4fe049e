import Foundation
public import Tensors

/// IMDB: reviews of films, good or bad, as lists of words' ranks by how often they occur.
///
/// Source: A. Maas et al., Learning Word Vectors for Sentiment Analysis, ACL 2011; `keras.datasets.imdb`.
public enum IMDB {
    /// Reviews and whether each is good (1) or bad (0), as `imdb.load_data()` of Keras 3 gives them, in the same order.
    ///
    /// - Parameters:
    ///   - path: the file; nil: `imdb.npz` in Keras's cache, downloaded as Keras does when it is absent.
    ///   - numWords: only this many of the words that occur most often are kept.
    ///   - skipTop: so many of the words that occur most often are left out.
    ///   - maxlen: reviews of so many words or more are left out.
    ///   - seed: of the order, NumPy's.
    ///   - startChar: the number every review begins with; nil: none.
    ///   - oovChar: the number in the place of words that are left out; nil: nothing.
    ///   - indexFrom: what is added to the ranks.
    ///
    /// Throws 66 `imdb.absent`, 65 `imdb.…`, `npz.…`, `npy.…`, `pickle.…`, `download.…`, 73 and 74 when downloading or reading fails.
    public static func load(
        from path: String? = nil, numWords: Int? = nil, skipTop: Int = 0, maxlen: Int? = nil, seed: UInt32 = 113, startChar: Int? = 1,
        oovChar: Int? = 2, indexFrom: Int = 3, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSequences, test: LabeledSequences) {
        let cache = KerasCache(environment: ProcessInfo.processInfo.environment, downloads: downloads)
        return try load(
            from: cache.path(file, or: path),
            WordSequences(
                numWords: numWords, skipTop: skipTop, maxlen: maxlen, startChar: startChar, oovChar: oovChar, indexFrom: indexFrom,
                family: "imdb"), seed: seed)
    }

    /// The rank of each word, as `imdb.get_word_index()`. Words that differ only in how their characters are composed are one.
    ///
    /// Throws 66 `imdb.absent`, 65 `json.…`, `words.index`, `download.…`, 73 and 74 when downloading or reading fails.
    public static func wordIndex(from path: String? = nil, downloads: Downloads = .automatic) throws(LocatedError) -> [String: Int] {
        let cache = KerasCache(environment: ProcessInfo.processInfo.environment, downloads: downloads)
        return try WordSequences.index(cache.path(wordFile, or: path))
    }

    static let file = KerasCache.RemoteFile(
        dataset: "IMDB", family: "imdb", name: "imdb.npz", origin: KerasCache.server + "imdb.npz",
        sum: "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
    static let wordFile = KerasCache.RemoteFile(
        dataset: "IMDB", family: "imdb", name: "imdb_word_index.json", origin: KerasCache.server + "imdb_word_index.json",
        sum: "bfafd718b763782e994055a2d397834f")

    private static func load(
        from path: String, _ words: WordSequences, seed: UInt32
    ) throws(LocatedError) -> (train: LabeledSequences, test: LabeledSequences) {
        let archive = try NPZ(reading: path)
        return try locating(path) { () throws(LocatedError) in
            var random = NumPyRandom(seed: seed)
            func part(_ name: String) throws(LocatedError) -> LabeledSequences {
                let lists = try archive.integerLists("x_\(name)")
                let labels = try IMDB.labels(archive, "y_\(name)", lists.count, "imdb")
                let order = random.permutation(lists.count)
                let numbered = try words.numbered(order.map { lists[$0] })
                let kept = words.kept(numbered)
                return LabeledSequences(x: kept.map { numbered[$0] }, y: labels.rows(at: kept.map { order[$0] }))
            }
            let train = try part("train"), test = try part("test")
            guard words.maxlen ?? 0 == 0 || (!train.x.isEmpty && !test.x.isEmpty) else {
                throw LocatedError(
                    .invalid, "imdb.maxlen", "expected sequences shorter than \(words.maxlen ?? 0), got none", at: ["maxlen"],
                    hint: "Raise maxlen.")
            }
            let limited = try words.limited(train.x + test.x)
            return (
                LabeledSequences(x: Array(limited[..<train.x.count]), y: train.y),
                LabeledSequences(x: Array(limited[train.x.count...]), y: test.y)
            )
        }
    }

    /// A whole number for each sequence.
    static func labels(_ archive: NPZ, _ name: String, _ count: Int, _ family: String) throws(LocatedError) -> Tensor {
        let labels = try archive.tensor(name)
        guard labels.shape.dims == [count], labels.dtype.isInteger else {
            throw LocatedError(.invalid, "\(family).labels", "expected a whole number for each of \(count) sequences, got \(labels)", at: [name])
        }
        return labels
    }
}
