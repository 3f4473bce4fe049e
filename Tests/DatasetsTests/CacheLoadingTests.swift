@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Keras's loaders on stand-ins for its files: equal to genuine Keras's on the same ones.
@Suite struct CacheLoadingTests {
    static let cache = Fixtures.path("datasets/cache/datasets") + "/"
    static let environment = ["KERAS_HOME": Fixtures.path("datasets/cache")]

    private func expect(_ sets: (train: LabeledSequences, test: LabeledSequences), _ expected: GenuineCases, _ comment: Comment) {
        for (part, set) in [("train", sets.train), ("test", sets.test)] {
            #expect(set.x == expected["x_\(part)"].lists, comment)
            DatasetsTests.expect(set.y, equals: expected["y_\(part)"].tensor, comment)
        }
    }

    @Test(arguments: ["keras2.json", "keras3.json"])
    func readsReviews(_ generation: String) throws {
        let cases = try GenuineCases.load(generation)["loaders"]["imdb"].list
        #expect(cases.count == 12)
        for one in cases {
            let a = one["arguments"]
            // Keras 2.3 splits by the number of reviews before the long ones are left out: with maxlen its parts are mixed up.
            if generation == "keras2.json", a.keys.contains("maxlen") { continue }
            let sets = try IMDB.load(
                from: Self.cache + "imdb.npz", numWords: a["num_words"].int, skipTop: a["skip_top"].int ?? 0, maxlen: a["maxlen"].int,
                seed: UInt32(a["seed"].int ?? 113), startChar: a.int("start_char", 1), oovChar: a.int("oov_char", 2), indexFrom: a["index_from"].int ?? 3)
            expect(sets, one["result"], "\(a.root)")
        }
    }

    @Test(arguments: ["keras2.json", "keras3.json"])
    func readsNewswires(_ generation: String) throws {
        let cases = try GenuineCases.load(generation)["loaders"]["reuters"].list
        #expect(cases.count == 14)
        for one in cases {
            let a = one["arguments"]
            let sets = try Reuters.load(
                from: Self.cache + "reuters.npz", numWords: a["num_words"].int, skipTop: a["skip_top"].int ?? 0, maxlen: a["maxlen"].int,
                testSplit: a["test_split"].double ?? 0.2, seed: UInt32(a["seed"].int ?? 113), startChar: a.int("start_char", 1),
                oovChar: a.int("oov_char", 2), indexFrom: a["index_from"].int ?? 3)
            expect(sets, one["result"], "\(a.root)")
        }
        #expect(Reuters.labelNames.count == 46)
    }

    @Test(arguments: 0...5)
    func readsListsOfEveryProtocol(_ number: Int) throws {
        let original = try NPZ(reading: Self.cache + "imdb.npz"), other = try NPZ(reading: Fixtures.path("datasets/protocols/imdb_\(number).npz"))
        for name in ["x_train", "x_test"] { #expect(try original.integerLists(name) == other.integerLists(name)) }
    }

    @Test func refusesOtherLists() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("imdb.npz").path
        let numbers = Tensor([1, 2, 3, 4] as [Int64], shape: [2, 2]), labels = Tensor([0, 1] as [Int64])
        func refusal(_ x: Tensor, _ y: Tensor, maxlen: Int? = nil) throws -> String? {
            try NPZ.write([("x_train", x), ("y_train", y), ("x_test", x), ("y_test", y)], to: path)
            return code { () throws(LocatedError) in try IMDB.load(from: path, maxlen: maxlen) }
        }
        #expect(try refusal(numbers, labels) == nil)
        #expect(try refusal(labels, labels) == "65 npy.lists")
        #expect(try refusal(numbers.asType(.float32), labels) == "65 npy.lists")
        #expect(try refusal(numbers, numbers) == "65 imdb.labels")
        #expect(try refusal(numbers, labels.asType(.float32)) == "65 imdb.labels")
        #expect(try refusal(numbers, labels, maxlen: 1) == "65 imdb.maxlen")
        #expect(try refusal(Tensor([Int64.max, 1], shape: [2, 1]), labels) == "65 imdb.number")
        #expect(try refusal(Tensor(zeros: [0, 3], dtype: .int64), Tensor([] as [Int64])) == "65 imdb.empty")
        #expect(code { () throws(LocatedError) in try IMDB.load(from: path + "?") } == "66 imdb.absent")
    }

    @Test func readsWordIndices() throws {
        let index = try GenuineCases.load("keras3.json")["loaders"]["word_index"]
        #expect(try IMDB.wordIndex(from: Self.cache + "imdb_word_index.json") == index["imdb"].numbers)
        #expect(try Reuters.wordIndex(from: Self.cache + "reuters_word_index.json") == index["reuters"].numbers)
    }

    @Test(arguments: ["keras2.json", "keras3.json"])
    func readsHousing(_ generation: String) throws {
        for one in try GenuineCases.load(generation)["loaders"]["boston_housing"].list {
            let a = one["arguments"]
            let sets = try BostonHousing.load(
                from: Self.cache + "boston_housing.npz", testSplit: a["test_split"].double ?? 0.2, seed: UInt32(a["seed"].int ?? 113))
            for (part, set) in [("train", sets.train), ("test", sets.test)] {
                DatasetsTests.expect(set.x, equals: one["result"]["x_\(part)"].tensor)
                DatasetsTests.expect(set.y, equals: one["result"]["y_\(part)"].tensor)
            }
        }
        #expect(code { () throws(LocatedError) in try BostonHousing.load(from: Self.cache + "boston_housing.npz", testSplit: 1) } == "64 data.split")
        #expect(code { () throws(LocatedError) in try BostonHousing.load(from: Self.cache + "mnist.npz") } == "67 npz.name")
    }

    /// Shape, type and a sum of numbers weighed by their places.
    private func expect(_ got: Tensor, digest: GenuineCases) {
        #expect(got.dtype.rawValue == digest["dtype"].string && got.shape.dims == digest["shape"].ints)
        let sum = got.asType(.float64).array(as: Double.self).enumerated().reduce(0.0) { $0 + $1.element * Double(($1.offset + 1) % 9973) }
        #expect(sum == digest["sum"].double)
    }

    private func expect(_ sets: (train: LabeledSamples, test: LabeledSamples), digests: GenuineCases) {
        for (part, set) in [("train", sets.train), ("test", sets.test)] {
            expect(set.x, digest: digests["x_\(part)"])
            DatasetsTests.expect(set.y, equals: digests["y_\(part)"].tensor)
        }
    }

    @Test func readsPictures() throws {
        for generation in ["keras2.json", "keras3.json"] {
            let loaders = try GenuineCases.load(generation)["loaders"]
            expect(try MNIST.load(from: nil, environment: Self.environment), digests: loaders["mnist"].list[0]["result"])
            expect(try FashionMNIST.load(from: nil, environment: Self.environment), digests: loaders["fashion_mnist"].list[0]["result"])
        }
        let loaders = try GenuineCases.load("keras3.json")["loaders"]
        for one in loaders["california_housing"].list {
            let a = one["arguments"]
            let sets = try CaliforniaHousing.load(
                from: Self.cache + "california_housing.npz", version: a["version"].string == "small" ? .small : .large,
                testSplit: a["test_split"].double ?? 0.2, seed: UInt32(a["seed"].int ?? 113))
            expect(sets, digests: one["result"])
        }
    }

    /// From Keras's cache, where the archive stays packed, and from archives and binary files of every kind.
    @Test(arguments: [nil, "archives/cifar-100-python.tar", "archives/cifar-100-binary.tar.gz", "archives/cifar-100-binary.zip"])
    func readsCIFAR100(_ archive: String?) throws {
        for one in try GenuineCases.load("keras3.json")["loaders"]["cifar100"].list {
            let mode = try #require(one["arguments"]["label_mode"].string.flatMap(CIFAR100.LabelMode.init))
            let sets = try CIFAR100.load(from: archive.map { Fixtures.path("datasets/\($0)") }, mode, environment: Self.environment)
            expect(sets, digests: one["result"])
        }
        #expect(CIFAR100.fineNames.count == 100 && CIFAR100.fineNames == CIFAR100.fineNames.sorted() && CIFAR100.coarseNames.count == 20)
    }

    @Test func refusesBrokenClothes() throws {
        let folder = try Fixtures.temporaryFolder().path
        for file in FashionMNIST.files {
            try FileManager.default.copyItem(atPath: Self.cache + "fashion-mnist/" + file.name, toPath: folder + "/" + file.name)
        }
        #expect(code { () throws(LocatedError) in try FashionMNIST.load(from: folder) } == nil)
        let labels = URL(fileURLWithPath: folder + "/train-labels-idx1-ubyte.gz"), whole = try Data(contentsOf: labels)
        func refusal(_ bytes: some Collection<UInt8>) throws -> String? {
            try Data(bytes).write(to: labels)
            return code { () throws(LocatedError) in try FashionMNIST.load(from: folder) }
        }
        #expect(try refusal(whole.dropLast(1)) == "65 gzip.truncated")
        #expect(try refusal(whole.prefix(whole.count / 2)) == "65 gzip.truncated")
        var damaged = whole
        damaged[whole.count - 6] ^= 1
        #expect(try refusal(damaged) == "65 gzip.data")
        #expect(try refusal([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3] as [UInt8]) == nil)
        #expect(try refusal([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 10] as [UInt8]) == "65 fashion_mnist.label")
        #expect(try refusal([0, 0, 8, 1, 0, 0, 0, 2, 1, 2] as [UInt8]) == "65 fashion_mnist.shape")
        #expect(try refusal([0, 0, 8, 1, 0, 0, 0, 4, 1, 2] as [UInt8]) == "65 idx.size")
        #expect(try refusal([0, 0, 7, 1, 0, 0, 0, 2, 1, 2] as [UInt8]) == "65 idx.kind")
        #expect(try refusal([0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] as [UInt8]) == "65 idx.size")
        #expect(try refusal([0, 0, 8, 200] as [UInt8]) == "65 idx.size")
        #expect(try refusal([1, 0, 8, 1] as [UInt8]) == "65 idx.magic")
        #expect(try refusal([] as [UInt8]) == "65 idx.magic")
        try FileManager.default.removeItem(at: labels)
        #expect(code { () throws(LocatedError) in try FashionMNIST.load(from: folder) } == "66 fashion_mnist.absent")
        // 32-bit numbers, the high byte first.
        #expect(try IDX.decode([0, 0, 12, 1, 0, 0, 0, 2, 0, 0, 1, 2, 255, 255, 255, 255]) == Tensor([258, -1] as [Int32]))
    }
}
