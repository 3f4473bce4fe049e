import Datasets
import Foundation
import Layers
import Tensors
@testable import SwiftKeras
import TestSupport
import Testing

/// `fixtures/models`: a model of genuine Keras 3.15.1 with a dictionary of inputs, text among them, and what its layers learn of data.
@Suite struct PreprocessingTests {
    private static let folder = Fixtures.path("models/wide_and_deep")

    private func arrays() throws -> NPZ { try NPZ(reading: "\(Self.folder)/wide_and_deep.npz") }
    private func model() throws -> Model { try Model("\(Self.folder)/wide_and_deep.keras") }

    private func expect(_ got: Tensor, _ expected: Tensor, within tolerance: Double = Tolerance.output, _ what: String) {
        let (error, note) = departure(of: got, from: expected)
        #expect(error <= tolerance, "\(what): \(error) \(note)")
    }

    private func inputs(_ arrays: NPZ) throws -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for name in ["age", "children", "city", "hours", "job", "notes"] { inputs[name] = try arrays.tensor(name) }
        return inputs
    }

    @Test func predictsByNamesAndByPlaces() throws {
        let (model, arrays) = (try model(), try arrays())
        #expect(try model.inputNames == ["age", "children", "city", "hours", "job", "notes"])
        expect(try model.predict(try inputs(arrays))[0], try arrays.tensor("y0"), "by names")
        let numbered = try (0..<6).map { try arrays.tensor("x\($0)") }
        expect(try model.predict(numbered, batchSize: 7)[0], try arrays.tensor("y0"), "in batches")
        #expect(throws: LocatedError.self) { try model.predict(["age": try arrays.tensor("age")]) }
    }

    @Test func trainsAsKerasDoes() throws {
        let (model, arrays) = (try model(), try arrays())
        let x = try model.ordered(try inputs(arrays)), y = try arrays.tensor("y")
        var losses: [Float] = []
        for step in 0..<10 {
            let rows = 8 * step..<8 * step + 8
            let history = try model.fit(x.map { $0.rows(rows) }, [y.rows(rows)], batchSize: 8, epochs: 1, verbose: 0, shuffle: false)
            losses.append(Float(try #require(history.history["loss"]?.first)))
        }
        expect(Tensor(losses), try arrays.tensor("loss"), within: 1e-5, "loss")
        expect(try model.predict(x)[0], try arrays.tensor("q0"), within: 1e-4, "prediction after training")
    }

    /// Vocabularies stay in their files, and what is written is read again.
    @Test func savesVocabularies() throws {
        let (model, arrays) = (try model(), try arrays())
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).keras").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.save(path)
        expect(try Model(path).predict(try inputs(arrays))[0], try arrays.tensor("y0"), "written and read")
    }

    @Test func refusesWhatIsNoText() throws {
        let (model, arrays) = (try model(), try arrays())
        var wrong = try inputs(arrays)
        wrong["job"] = Tensor(zeros: [80, 1])
        #expect(throws: LocatedError.self) { try model.predict(wrong) }
        wrong = try inputs(arrays)
        wrong["children"] = Tensor([Int64](repeating: 1 << 40, count: 80), shape: [80, 1])
        #expect(throws: LocatedError.self) { try model.predict(wrong) }
        wrong["children"] = try arrays.tensor("job")
        #expect(throws: LocatedError.self) { try model.predict(wrong) }
    }

    /// Text in, text out, in batches of several sizes: the strings outlive what they were made from.
    @Test func handsOutText() throws {
        let vocabulary = ["red", "green", "blue"]
        let model = try Sequential([StringLookup(vocabulary: vocabulary, inputShape: [2]), StringLookup(vocabulary: vocabulary, invert: true)])
        var text = Tensor(strings: ["red", "blue", "teal", "green", "", "red"], shape: [3, 2])
        let outputs = try [1, 2, 32].map { try model.predict(text, batchSize: $0) }
        text = Tensor(zeros: [1])
        for output in outputs { #expect(output.strings == ["red", "blue", "[UNK]", "green", "[UNK]", "red"]) }
    }

    @Test func unknownTokensAreRefusedWithoutAnIndex() throws {
        let model = try Sequential([StringLookup(numOOVIndices: 0, vocabulary: ["a", "b"], inputShape: [1])])
        #expect(try model.predict(Tensor(strings: ["b", "a"], shape: [2, 1])).asType(.int32).array(as: Int32.self) == [1, 0])
        #expect(throws: LocatedError.self) { try model.predict(Tensor(strings: ["c"], shape: [1, 1])) }
    }

    @Test func textVectorizationsLengthFollowsTheText() throws {
        let model = try Sequential([TextVectorization(vocabulary: ["the", "cat"], inputShape: [1])])
        #expect(try model.predict(Tensor(strings: ["The cat!", "the"], shape: [2, 1])).shape == [2, 2])
        #expect(try model.predict(Tensor(strings: ["a b c d", "the"], shape: [2, 1])).shape == [2, 4])
    }

    /// Vocabularies, bins and images of tf-keras 2.21.
    @Test func tfKerasModelsPredict() throws {
        let folder = Fixtures.path("models/tf_keras")
        let model = try Model("\(folder)/preprocessing.keras"), arrays = try NPZ(reading: "\(folder)/preprocessing.npz")
        expect(try model.predict(try (0..<4).map { try arrays.tensor("x\($0)") })[0], try arrays.tensor("y0"), "prediction")
    }

    // MARK: adapt

    private func learned() throws -> NPZ { try NPZ(reading: Fixtures.path("models/adapt.npz")) }

    @Test func adaptFindsKerassBins() throws {
        let arrays = try learned(), numbers = try arrays.tensor("numbers")
        for (bins, epsilon) in [(4, 0.01), (10, 0.05), (3, 0.1)] {
            var layer = Discretization(numBins: bins, epsilon: epsilon)
            try layer.adapt(numbers)
            expect(Tensor((layer.binBoundaries ?? []).map { Float($0) }), try arrays.tensor("bins\(bins)"), within: 1e-6, "\(bins) bins")
        }
        var layer = Discretization(numBins: 5, epsilon: 0.05)
        try layer.adapt([numbers.rows(0..<60), numbers.rows(60..<160)])
        expect(Tensor((layer.binBoundaries ?? []).map { Float($0) }), try arrays.tensor("bins_batches"), within: 1e-6, "batches")
    }

    @Test func adaptFindsKerassMoments() throws {
        let arrays = try learned(), numbers = try arrays.tensor("numbers")
        for (axis, suffix) in [([-1], ""), ([], "_all")] {
            var layer = Normalization(axis: axis)
            try layer.adapt(numbers)
            for key in ["mean", "variance"] {
                let value = try #require(layer.config[key])
                let found = value.array.map { $0.compactMap(\.number) } ?? [value.number ?? .nan]
                let expected = try arrays.tensor(key + suffix)
                expect(Tensor(found.map { Float($0) }, shape: expected.shape), expected, within: 1e-6, key + suffix)
            }
        }
    }

    @Test func adaptFindsKerassVocabularies() throws {
        let arrays = try learned()
        let words = try arrays.tensor("words"), notes = try arrays.tensor("notes")
        var strings = StringLookup()
        try strings.adapt(words)
        #expect(strings.vocabulary == (try arrays.tensor("strings")).strings)
        var masked = StringLookup(maxTokens: 5, numOOVIndices: 2, maskToken: "")
        try masked.adapt(words)
        #expect(masked.vocabulary == (try arrays.tensor("strings_mask")).strings)
        var whole = IntegerLookup()
        try whole.adapt(try arrays.tensor("integers"))
        #expect(whole.vocabulary == (try arrays.tensor("whole")).asType(.int64).array(as: Int64.self).map { Int($0) })
        var text = TextVectorization()
        try text.adapt(notes)
        #expect(text.vocabulary == (try arrays.tensor("text")).strings)
        var ngrams = TextVectorization(maxTokens: 9, standardize: .lower, ngrams: [1, 2])
        try ngrams.adapt(notes)
        #expect(ngrams.vocabulary == (try arrays.tensor("text_ngrams")).strings)
        var characters = TextVectorization(split: .character)
        try characters.adapt(notes)
        #expect(characters.vocabulary == (try arrays.tensor("characters")).strings)
    }

    /// Weights of words, learned and applied.
    @Test func adaptFindsKerassWordWeights() throws {
        let arrays = try learned(), notes = try arrays.tensor("notes")
        var layer = TextVectorization(outputMode: .tfIDF, inputShape: [])
        try layer.adapt(notes)
        let model = try Sequential([layer])
        let expected = try arrays.tensor("idf").floats
        // A text of every word once has every weight.
        let all = layer.vocabulary.dropFirst().joined(separator: " ")
        let got = try model.predict(Tensor(strings: [all])).floats
        expect(Tensor(Array(got.dropFirst())), Tensor(Array(expected.dropFirst())), within: 1e-6, "weights of words")
    }
}
