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
        #expect(try run("augmentation/tree/cats/b.png", "--rotation-range", "10") == 20)
        #expect(try run("augmentation/tree/dogs", "--target-size", "8,8", "--featurewise-center") == 4)
        #expect(try run("augmentation/tree/dogs", "--target-size", "8,8", "--epochs", "2") == 8)
        #expect(try run("digits/digits.npz", "--count", "10", "--batch-size", "5", "--vertical-flip") == 10)
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
