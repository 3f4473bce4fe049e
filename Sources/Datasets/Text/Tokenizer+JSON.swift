import Foundation
public import Tensors

/// The natural logarithm, of the machine's mathematics library.
func logarithm(_ x: Double) -> Double { log(x) }

extension Tokenizer {
    /// The text that Keras's `Tokenizer.to_json()` writes.
    public var json: String {
        func object(_ entries: some Sequence<(String, String)>) -> String {
            "{" + entries.map { "\(PlainJSON.quoted($0)): \($1)" }.joined(separator: ", ") + "}"
        }
        func counts(_ counts: OrderedCounts<ExactText>) -> String {
            PlainJSON.quoted(object(zip(counts.keys, counts.values).map { ($0.text, "\($1)") }))
        }
        let config: [(String, String)] = [
            ("num_words", numWords.map(String.init) ?? "null"), ("filters", PlainJSON.quoted(filters)), ("lower", lower ? "true" : "false"),
            ("split", PlainJSON.quoted(split)), ("char_level", charLevel ? "true" : "false"),
            ("oov_token", oovToken.map(PlainJSON.quoted) ?? "null"), ("document_count", "\(documentCount)"),
            ("word_counts", counts(self.counts)), ("word_docs", counts(documents)),
            ("index_docs", PlainJSON.quoted(object(zip(indexDocuments.keys, indexDocuments.values).map { ("\($0)", "\($1)") }))),
            ("index_word", PlainJSON.quoted(object(wordNumbers.map { ("\($0)", PlainJSON.quoted(wordsByNumber[$0] ?? "")) }))),
            ("word_index", counts(index)),
        ]
        return object([("class_name", "\"Tokenizer\""), ("config", object(config))])
    }

    /// The tokenizer in what `to_json()` wrote, as Keras's `tokenizer_from_json`.
    ///
    /// Throws 65 `tokenizer.json` for another text, `json.…`, 64 as the other initializer.
    public init(json source: String) throws(LocatedError) {
        let document = try PlainJSON(Array(source.utf8))
        guard let config = document["config"], case .object = config else { throw Self.broken("config", "an object", Self.shown(document["config"])) }
        func text(_ key: String) throws(LocatedError) -> String {
            guard case .string(let text)? = config[key] else { throw Self.broken(key, "a text", Self.shown(config[key])) }
            return text
        }
        func flag(_ key: String) throws(LocatedError) -> Bool {
            guard case .bool(let flag)? = config[key] else { throw Self.broken(key, "true or false", Self.shown(config[key])) }
            return flag
        }
        var numWords: Int?
        switch config["num_words"] {
        case .null?, nil: break
        case .integer(let number)?: numWords = number
        default: throw Self.broken("num_words", "a whole number", Self.shown(config["num_words"]))
        }
        var oovToken: String?
        switch config["oov_token"] {
        case .null?, nil: break
        case .string(let token)?: oovToken = token
        default: throw Self.broken("oov_token", "a text", Self.shown(config["oov_token"]))
        }
        try self.init(
            numWords: numWords, filters: text("filters"), lower: flag("lower"), split: text("split"), charLevel: flag("char_level"),
            oovToken: oovToken)
        if case .integer(let count)? = config["document_count"], count >= 0 { documentCount = count } else {
            throw Self.broken("document_count", "a whole number", Self.shown(config["document_count"]))
        }
        counts = try Self.counts(config, "word_counts") { ExactText($0) }
        documents = try Self.counts(config, "word_docs") { ExactText($0) }
        indexDocuments = try Self.counts(config, "index_docs") { Int($0) }
        index = try Self.counts(config, "word_index") { ExactText($0) }
        for entry in try Self.entries(config, "index_word") {
            guard let number = Int(entry.key), case .string(let word) = entry.value else { throw Self.broken("index_word", "a word for each number", "\"\(entry.key)\": \(entry.value.kindName)") }
            if wordsByNumber.updateValue(word, forKey: number) == nil { wordNumbers.append(number) }
        }
    }

    /// An object that stands as text in the configuration.
    private static func entries(_ config: PlainJSON, _ key: String) throws(LocatedError) -> [PlainJSON.Entry] {
        guard case .string(let text)? = config[key], case .object(let entries) = try locating(key, { () throws(LocatedError) in try PlainJSON(Array(text.utf8)) })
        else { throw broken(key, "an object written as text", shown(config[key])) }
        return entries
    }

    private static func counts<Key: Hashable & Sendable>(
        _ config: PlainJSON, _ key: String, _ make: (String) -> Key?
    ) throws(LocatedError) -> OrderedCounts<Key> {
        var counts = OrderedCounts<Key>()
        for entry in try entries(config, key) {
            guard let word = make(entry.key), case .integer(let number) = entry.value else { throw broken(key, "a whole number for each word", "\"\(entry.key)\": \(entry.value.kindName)") }
            counts[word] = number
        }
        return counts
    }

    private static func shown(_ value: PlainJSON?) -> String { value?.kindName ?? "nothing" }

    private static func broken(_ key: String, _ expected: String, _ found: String) -> LocatedError {
        LocatedError(.invalid, "tokenizer.json", "expected \(expected), got \(found)", at: [key])
    }
}
