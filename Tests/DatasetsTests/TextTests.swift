@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Words and sequences: equal to genuine Keras's.
@Suite struct TextTests {
    private static let generations = ["keras2.json", "keras3.json"]

    private func tokenizer(_ a: GenuineCases) throws -> Tokenizer {
        try Tokenizer(
            numWords: a["num_words"].int, filters: a["filters"].string ?? wordFilters, lower: a["lower"].bool ?? true, split: a["split"].string ?? " ",
            charLevel: a["char_level"].bool ?? false, oovToken: a["oov_token"].string)
    }

    @Test(arguments: generations)
    func tokenizesAsKeras(_ generation: String) throws {
        let cases = try GenuineCases.load(generation)["text"]
        let texts = try #require(cases["texts"].strings), new = try #require(cases["new"].strings)
        #expect(cases["tokenizers"].list.count == 12)
        for one in cases["tokenizers"].list {
            let comment = Comment(rawValue: "\(one["arguments"].root)")
            var fitted = try tokenizer(one["arguments"])
            fitted.fitOnTexts(Array(texts[..<3]))
            fitted.fitOnTexts(Array(texts[3...]))
            let genuine = try #require(one["json"].string)
            #expect(fitted.json == genuine, comment)
            for tokenizer in [fitted, try Tokenizer(json: genuine)] {
                #expect(tokenizer.json == genuine, comment)
                #expect(tokenizer.documentCount == one["document_count"].int)
                let sequences = try #require(one["sequences"].lists)
                #expect(try tokenizer.textsToSequences(texts + new) == sequences, comment)
                #expect(try tokenizer.sequencesToTexts(sequences + [[0, 1, 2, 500, 3]]) == one["texts"].strings, comment)
                for mode in Tokenizer.Mode.allCases {
                    try expect(
                        tokenizer.textsToMatrix(texts + new, mode: mode), equals: one["matrices"][mode.rawValue].tensor,
                        tolerance: mode == .tfidf ? 1e-15 : 0, comment)
                }
            }
        }
        var lists = try Tokenizer(oovToken: "?")
        lists.fitOnTexts([["The", "cat"], ["A", "cat"]])
        #expect(lists.wordIndex == cases["word_lists"]["json_index"].numbers)
        #expect(try lists.textsToSequences([["THE", "dog"]]) == cases["word_lists"]["sequences"].lists)
    }

    /// tf-keras 2.21: `Tokenizer(analyzer=lambda text: text.split("-"), oov_token="?")`.
    @Test func cutsWithAFunctionOfOnesOwn() throws {
        var tokenizer = try Tokenizer(oovToken: "?", analyzer: { $0.split(separator: "-", omittingEmptySubsequences: false).map(String.init) })
        tokenizer.fitOnTexts(["The-cat-The", "a cat-cat"])
        #expect(tokenizer.wordIndex == ["?": 1, "The": 2, "cat": 3, "a cat": 4])
        #expect(try tokenizer.textsToSequences(["cat-The-dog-the", "a cat"]) == [[3, 2, 1, 1], [4]])
        // Words that are cut already, and characters, don't ask it.
        #expect(try tokenizer.textsToSequences([["A cat", "CAT"]]) == [[4, 3]])
        #expect(!tokenizer.json.contains("analyzer"))
        #expect(try Tokenizer(json: tokenizer.json).textsToSequences(["cat-The"]) == [[3, 1]])
    }

    @Test(arguments: generations)
    func cutsAndHashesWords(_ generation: String) throws {
        for one in try GenuineCases.load(generation)["text"]["words"].list {
            let a = one["arguments"], text = try #require(one["text"].string)
            let (filters, lower, split) = (a["filters"].string ?? wordFilters, a["lower"].bool ?? true, a["split"].string ?? " ")
            #expect(try textToWordSequence(text, filters: filters, lower: lower, split: split).map { Array($0.utf8) } == one["words"].strings?.map { Array($0.utf8) })
            for (n, expected) in zip([2, 50, 1 << 31, 1 << 62 + 5], try #require(one["hashes"].lists)) {
                #expect(try hashingTrick(text, n, filters: filters, lower: lower, split: split) == expected)
            }
        }
        #expect(try hashingTrick("a b", 10) { _ in -1 } == [9, 9])
        #expect(code { () throws(LocatedError) in try hashingTrick("a", 1) } == "64 text.range")
        #expect(code { () throws(LocatedError) in try oneHot("a", 10) } == "69 text.hash")
        #expect(code { () throws(LocatedError) in try textToWordSequence("a", split: "") } == "64 text.split")
    }

    @Test func tellsWordsApartByCodePoints() throws {
        var tokenizer = try Tokenizer()
        tokenizer.fitOnTexts(["caf\u{e9} cafe\u{301} cafe\u{301}"])
        #expect(tokenizer.wordCounts.map(\.count) == [1, 2])
        #expect(tokenizer.number(of: "caf\u{e9}") == 2 && tokenizer.number(of: "cafe\u{301}") == 1)
    }

    @Test func refusesOtherTokenizers() throws {
        var tokenizer = try Tokenizer(oovToken: "?")
        #expect(code { () throws(LocatedError) in try tokenizer.textsToSequences(["a"]) } == "64 tokenizer.unfitted")
        #expect(code { () throws(LocatedError) in try tokenizer.sequencesToMatrix([[1]]) } == "64 tokenizer.unfitted")
        #expect(code { () throws(LocatedError) in try Tokenizer(numWords: 3).sequencesToMatrix([[1]], mode: .tfidf) } == "64 tokenizer.unfitted")
        #expect(code { () throws(LocatedError) in try Tokenizer(numWords: 3).sequencesToMatrix([[-1]]) } == "65 tokenizer.number")
        #expect(code { () throws(LocatedError) in try Tokenizer(numWords: 1 << 60).sequencesToMatrix([[1]]) } == "69 memory.size")
        #expect(code { () throws(LocatedError) in try Tokenizer(numWords: -1) } == "64 tokenizer.words")
        tokenizer.fitOnTexts(["a b"])
        tokenizer.fitOnSequences([[1, 1, 2], [7]])
        let json = tokenizer.json
        #expect(try Tokenizer(json: json).json == json)
        func refusal(_ old: String, _ new: String) -> String? {
            code { () throws(LocatedError) in try Tokenizer(json: json.replacingOccurrences(of: old, with: new)) }
        }
        #expect(refusal("\"config\"", "\"conf\"") == "65 tokenizer.json")
        #expect(refusal("\"document_count\": 3", "\"document_count\": null") == "65 tokenizer.json")
        #expect(refusal("\"lower\": true", "\"lower\": 1") == "65 tokenizer.json")
        #expect(refusal("\\\"a\\\": 1", "\\\"a\\\": 1.5") == "65 tokenizer.json")
        #expect(refusal("\\\"1\\\"", "\\\"one\\\"") == "65 tokenizer.json")
        #expect(refusal("}\"", "\"") == "65 json.syntax")
        for text in ["", "{", "[1,]", "{\"a\" 1}", "01", "1.", "\"\\ud800\"", "\"\\q\"", "nul", "{\"a\":1}x", "\"a\n\"", "\"\u{1}\""] {
            #expect(code { () throws(LocatedError) in try PlainJSON(Array(text.utf8)) } == "65 json.syntax", Comment(rawValue: text))
        }
        #expect(code { () throws(LocatedError) in try PlainJSON([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)) } == "65 json.depth")
        #expect(code { () throws(LocatedError) in try PlainJSON([0x22, 0xff, 0x22]) } == "65 json.syntax")
    }

    @Test(arguments: generations)
    func padsAsKeras(_ generation: String) throws {
        let cases = try GenuineCases.load(generation)["text"]
        #expect(cases["pads"].list.count == 21)
        for one in cases["pads"].list {
            let a = one["arguments"], sequences = try #require(one["sequences"].lists)
            try expect(
                padSequences(
                    sequences, maxlen: a["maxlen"].int, dtype: a["dtype"].string.flatMap(DType.init) ?? .int32,
                    padding: a["padding"].string.flatMap(SequenceEnd.init) ?? .pre, truncating: a["truncating"].string.flatMap(SequenceEnd.init) ?? .pre,
                    value: a["value"].double ?? 0), equals: one["result"].tensor, Comment(rawValue: "\(a.root)"))
        }
        let floats = [[1.5, -2.5], [3.25]]
        try expect(padSequences(floats, value: 0.5), equals: cases["float_pad"].tensor)
        try expect(padSequences(floats, dtype: .int32), equals: cases["float_to_int_pad"].tensor)
        let deep = [Tensor([1, 2, 3, 4, 5, 6] as [Int64], shape: [3, 2]), Tensor([] as [Int64], shape: [0]), Tensor([7, 8] as [Int64], shape: [1, 2])]
        try expect(padSequences(deep, maxlen: 2, value: 9), equals: cases["deep_pad"].tensor)
        #expect(try padSequences([["a", "b", "c"], ["d"]], maxlen: 2, value: "-").strings == ["b", "c", "-", "d"])
        #expect(code { () throws(LocatedError) in try padSequences([[1]], maxlen: -1) } == "64 pad.length")
        #expect(code { () throws(LocatedError) in try padSequences([[1 << 40]]) } == "65 pad.value")
        #expect(code { () throws(LocatedError) in try padSequences([[1]], maxlen: 2, dtype: .uint8, value: -1) } == "65 pad.value")
        #expect(code { () throws(LocatedError) in try padSequences([[Double.nan]], dtype: .int32) } == "65 pad.value")
        #expect(code { () throws(LocatedError) in try padSequences([[1]], dtype: .string) } == "64 pad.dtype")
        #expect(code { () throws(LocatedError) in try padSequences([[1]], maxlen: 1 << 61) } == "69 memory.size")
        #expect(code { () throws(LocatedError) in try padSequences([Tensor(zeros: [2, 3]), Tensor(zeros: [2, 4])]) } == "67 pad.shape")
    }

    @Test(arguments: generations)
    func drawsSkipgramsAsKeras(_ generation: String) throws {
        let cases = try GenuineCases.load(generation)["text"]
        try expect(makeSamplingTable(12), equals: cases["sampling_table"].list[0].tensor, tolerance: 1e-15)
        try expect(makeSamplingTable(5, samplingFactor: 1e-2), equals: cases["sampling_table"].list[1].tensor, tolerance: 1e-15)
        let words = try #require(cases["words_for_skipgrams"].ints)
        #expect(cases["skipgrams"].list.count == 14)
        for one in cases["skipgrams"].list {
            let a = one["arguments"]
            var random = PythonRandom(seed: 42)
            let result = try skipgrams(
                words, vocabularySize: 12, windowSize: a["window_size"].int ?? 4, negativeSamples: a["negative_samples"].double ?? 1,
                shuffle: a["shuffle"].bool ?? true, samplingTable: one["table"].bool == true ? makeSamplingTable(12, samplingFactor: 1e-2) : nil,
                seed: a["seed"].int, random: &random)
            #expect(result.couples.map { [$0.0, $0.1] } == one["couples"].lists, Comment(rawValue: "\(a.root)"))
            if a["categorical"].bool == true {
                #expect(result.categoricalLabels == one["labels"].lists)
            } else {
                #expect(result.labels == one["labels"].ints)
            }
            #expect(random.random() == one["after"].double)
        }
        var random = PythonRandom(seed: 1)
        #expect(code { () throws(LocatedError) in try skipgrams([1, 2], vocabularySize: 1, random: &random) } == "64 skipgrams.vocabulary")
        #expect(code { () throws(LocatedError) in try skipgrams([1, 2], vocabularySize: 5, negativeSamples: 1e300, random: &random) } == "64 skipgrams.samples")
        #expect(code { () throws(LocatedError) in try skipgrams([1, 12], vocabularySize: 5, samplingTable: makeSamplingTable(12), random: &random) } == "65 skipgrams.word")
        #expect(code { () throws(LocatedError) in try makeSamplingTable(0) } == "64 skipgrams.size")
        #expect(try skipgrams([1, 2], vocabularySize: 5, windowSize: .max, random: &random).labels.count == 4)
    }

    @Test func hashes() {
        func sum(_ text: String, _ algorithm: Digest.Algorithm) -> String { Digest.hexadecimal(Digest.of(Array(text.utf8), algorithm)) }
        // RFC 1321's and FIPS 180-4's examples.
        #expect(sum("", .md5) == "d41d8cd98f00b204e9800998ecf8427e" && sum("message digest", .md5) == "f96b697d7cb7938d525a2f31aaf161d0")
        #expect(sum("12345678901234567890123456789012345678901234567890123456789012345678901234567890", .md5) == "57edf4a22be3c955ac49da2e2107b67a")
        #expect(sum("", .sha256) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(sum("abc", .sha256) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(sum("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", .sha256) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        // Pieces of any size give the sum of the whole.
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for size in [1, 63, 64, 65, 333] {
            var digest = Digest(.sha256)
            for start in stride(from: 0, to: 1000, by: size) { Array(bytes[start..<min(start + size, 1000)]).withUnsafeBytes { digest.update($0) } }
            #expect(digest.finish() == Digest.of(bytes, .sha256))
        }
    }

    @Test func normalizesAsKeras() throws {
        let x = Tensor((-5..<7).map(Double.init), shape: [3, 4])
        for one in try GenuineCases.load("keras2.json")["normalize"].list {
            try expect(
                normalize(x, axis: one["axis"].int ?? 0, order: one["order"].double ?? 0), equals: one["result"].tensor, tolerance: 1e-15)
        }
        #expect(try normalize(Tensor([0, 0] as [Float])) == Tensor([0, 0] as [Float]))
        #expect(try normalize(Tensor([3, -4] as [Int32]), order: .infinity) == Tensor([0.75, -1] as [Double]))
        #expect(code { () throws(LocatedError) in try normalize(x, axis: 2) } == "64 normalize.axis")
        #expect(code { () throws(LocatedError) in try normalize(x, order: 0) } == "64 normalize.order")
    }
}
