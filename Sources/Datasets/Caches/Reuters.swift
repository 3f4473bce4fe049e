import Foundation
public import Tensors

/// Reuters: newswires on 46 topics, as lists of words' ranks by how often they occur.
///
/// Source: Reuters-21578; `keras.datasets.reuters`.
public enum Reuters {
    /// The topics' names, in the order of the labels.
    public static let labelNames = [
        "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar", "trade", "reserves",
        "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin",
        "strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem",
        "dlr", "gas", "silver", "wpi", "hog", "lead",
    ]

    /// Newswires and their topics, as `reuters.load_data()` of Keras gives them, in the same order. The last `testSplit` of them is
    /// the test part. For the other parameters and errors see `IMDB.load`; codes begin with `reuters`.
    public static func load(
        from path: String? = nil, numWords: Int? = nil, skipTop: Int = 0, maxlen: Int? = nil, testSplit: Double = 0.2, seed: UInt32 = 113,
        startChar: Int? = 1, oovChar: Int? = 2, indexFrom: Int = 3, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSequences, test: LabeledSequences) {
        let cache = KerasCache(environment: ProcessInfo.processInfo.environment, downloads: downloads)
        try TableFile.check(testSplit)
        let words = WordSequences(
            numWords: numWords, skipTop: skipTop, maxlen: maxlen, startChar: startChar, oovChar: oovChar, indexFrom: indexFrom,
            family: "reuters")
        let path = try cache.path(file, or: path)
        let archive = try NPZ(reading: path)
        return try locating(path) { () throws(LocatedError) in
            let lists = try archive.integerLists("x")
            let labels = try IMDB.labels(archive, "y", lists.count, "reuters")
            var random = NumPyRandom(seed: seed)
            let order = random.permutation(lists.count)
            let numbered = try words.numbered(order.map { lists[$0] })
            let kept = words.kept(numbered)
            let limited = try words.limited(kept.map { numbered[$0] })
            let y = labels.rows(at: kept.map { order[$0] })
            let split = Int(Double(limited.count) * (1 - testSplit))
            return (
                LabeledSequences(x: Array(limited[..<split]), y: y.rows(0..<split)),
                LabeledSequences(x: Array(limited[split...]), y: y.rows(split..<limited.count))
            )
        }
    }

    /// The rank of each word, as `reuters.get_word_index()`. Throws as `IMDB.wordIndex` does.
    public static func wordIndex(from path: String? = nil, downloads: Downloads = .automatic) throws(LocatedError) -> [String: Int] {
        let cache = KerasCache(environment: ProcessInfo.processInfo.environment, downloads: downloads)
        return try WordSequences.index(cache.path(wordFile, or: path))
    }

    static let file = KerasCache.RemoteFile(
        dataset: "Reuters", family: "reuters", name: "reuters.npz", origin: KerasCache.server + "reuters.npz",
        sum: "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916")
    static let wordFile = KerasCache.RemoteFile(
        dataset: "Reuters", family: "reuters", name: "reuters_word_index.json", origin: KerasCache.server + "reuters_word_index.json",
        sum: "4d44cc38712099c9e383dc6e5f11a921")
}
