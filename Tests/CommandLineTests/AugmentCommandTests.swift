import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("augment")
struct AugmentCommandTests {
    /// The fixture `directory` of fixtures/augmentation/saved.json, by flags.
    private let genuine = [
        "augment", "augmentation/tree", "--rotation-range", "40", "--width-shift-range", "0.2", "--height-shift-range", "0.2",
        "--zoom-range", "0.2", "--horizontal-flip", "--target-size", "8,6", "--batch-size", "4", "--seed", "21", "--count", "4",
        "--save-prefix", "d", "--save-format", "jpeg",
    ]

    @Test("writes the names and pixels that genuine Keras writes, on any number of threads", arguments: [1, 2])
    func writesAsKeras(threads: Int) throws {
        let folder = try Fixtures.temporaryFolder().appendingPathComponent("preview").path
        let result = try Tool.run(genuine + ["--output", folder, "--threads", "\(threads)"])
        #expect(result.status == 0 && result.output.isEmpty, "\(result.errors)")
        let expected = Fixtures.path("augmentation/saved/directory")
        let names = try FileManager.default.contentsOfDirectory(atPath: expected).sorted()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == names)
        for name in names {
            #expect(try Image(contentsOf: folder + "/" + name) == Image(contentsOf: expected + "/" + name), "\(name)")
        }
    }

    @Test("a picture gives twenty, a folder of pictures a pass, an array as many as wanted")
    func inputs() throws {
        let folder = try Fixtures.temporaryFolder()
        func run(_ arguments: String...) throws -> Int {
            let output = folder.appendingPathComponent(UUID().uuidString).path
            let result = try Tool.run(["augment"] + arguments + ["--output", output, "--json"])
            #expect(result.status == 0, "\(result.errors)")
            let json = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
            let files = try FileManager.default.contentsOfDirectory(atPath: output).count
            #expect(json["pictures"] as? Int == files)
            return files
        }
        #expect(try run("augmentation/tree/cats/b.png", "--rotation-range", "10", "--seed", "2") == 20)
        #expect(try run("augmentation/tree/dogs", "--target-size", "8,8", "--featurewise-center", "--seed", "2") == 4)
        #expect(try run("augmentation/tree/dogs", "--target-size", "8,8", "--epochs", "2", "--seed", "2") == 8)
        #expect(try run("digits/digits.npz", "--count", "10", "--batch-size", "5", "--vertical-flip", "--seed", "2") == 10)
    }

    @Test("refuses what it can't do")
    func refusals() throws {
        let output = try Fixtures.temporaryFolder().appendingPathComponent("none").path
        for (arguments, status) in [
            (["nothing.png"], 66), (["augmentation/tree", "--zoom-range", "[1]"], 64), (["augmentation/tree", "--fill-mode", "x"], 64),
            (["augmentation/tree", "--save-format", "gif"], 69), (["augmentation/tree", "--count", "0"], 64),
            (["augmentation/cases.json"], 65), (["augmentation/tree", "--seed", "-3"], 64),
        ] as [([String], Int32)] {
            let result = try Tool.run(["augment"] + arguments + ["--output", output])
            #expect(result.status == status, "\(arguments): \(result.errors)")
        }
    }
}

@Suite("train --augment")
struct AugmentedTrainingTests {
    private func train(_ folder: URL, _ output: String, _ more: String...) throws -> (result: Tool.Result, model: Data?) {
        let path = folder.appendingPathComponent(output).path
        let result = try Tool.run(
            ["train", "digits/cnn.json", folder.appendingPathComponent("data.npz").path, "--loss", "sparse_categorical_crossentropy",
             "--rescale", "1/16", "--epochs", "2", "--batch-size", "20", "--output", path] + more)
        return (result, FileManager.default.contents(atPath: path))
    }

    /// Few digits, so that it is quick.
    private func bench() throws -> URL {
        let folder = try Fixtures.temporaryFolder()
        let archive = try NPZ(reading: Fixtures.path("digits/digits.npz"))
        try NPZ.write(
            [("x", archive.tensor("x").rows(0..<100)), ("y", archive.tensor("y").asType(.int64).rows(0..<100))],
            to: folder.appendingPathComponent("data.npz").path)
        return folder
    }

    @Test("the same seed gives the same weights on any number of threads, other options others")
    func isDeterministic() throws {
        let folder = try bench()
        let options = "rotation=20,width_shift=0.2,zoom=[0.8,1.2],samplewise_center"
        let one = try train(folder, "one.h5", "--augment", options, "--threads", "1", "--seed", "4", "--validation-split", "0.2")
        #expect(one.result.status == 0 && one.result.errors.contains("val_loss"), "\(one.result.errors)")
        let two = try train(folder, "two.h5", "--augment", options, "--threads", "2", "--seed", "4", "--validation-split", "0.2")
        #expect(one.model != nil && one.model == two.model)
        let other = try train(folder, "other.h5", "--augment", "rotation=5", "--threads", "2", "--seed", "4", "--validation-split", "0.2")
        #expect(other.model != nil && other.model != one.model)
    }

    @Test("refuses words and data that don't fit")
    func refusals() throws {
        let folder = try bench()
        #expect(try train(folder, "x.h5", "--augment", "spin=3").result.status == 64)
        #expect(try train(folder, "x.h5", "--augment", "validation_split=0.2").result.status == 64)
        #expect(try train(folder, "x.h5", "--augment", "rotation=3", "--seed", "5000000000").result.status == 64)
    }
}
