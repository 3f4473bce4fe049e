import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// `cifar10-notebook`, all of its cells, on a stand-in for CIFAR-10 in the data set's binary format.
@Suite("cifar10-notebook")
struct NotebookTests {
    private let folder: URL

    init() throws { folder = try Fixtures.temporaryFolder() }

    /// - Parameter pictures: of each of the six files.
    private func writeData(_ pictures: Int) throws {
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("data"), withIntermediateDirectories: true)
        for (part, name) in ((1...5).map { "data_batch_\($0)" } + ["test_batch"]).enumerated() {
            var bytes: [UInt8] = []
            for picture in 0..<pictures {
                let label = (part + picture) % 10
                bytes.append(UInt8(label))
                // A colour for each class, with an edge to turn.
                for place in 0..<3072 {
                    let (channel, column) = (place / 1024, place % 32)
                    bytes.append(UInt8((label * 25 + channel * 60 + (column > 15 ? 90 : 0) + place * picture % 7) % 256))
                }
            }
            try Data(bytes).write(to: folder.appendingPathComponent("data/\(name).bin"))
        }
    }

    private func run(_ output: String, _ more: String...) throws -> Tool.Result {
        let place = folder.appendingPathComponent(output)
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        let executable = Tool.executable.deletingLastPathComponent().appendingPathComponent("cifar10-notebook")
        return try Tool.run(
            ["--data", folder.appendingPathComponent("data").path, "--output", place.path] + more, executable: executable)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.appendingPathComponent(name)) }

    /// The pair of files is that of genuine Keras's network, and comes back from a whole model unchanged.
    private func check(_ output: String, network: String) throws {
        let (architecture, weights) = (path("\(output)/cifar10_architecture.json"), path("\(output)/cifar10_weights.h5"))
        let genuine = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("notebook/\(network)/cifar10_architecture.json")))
        #expect(try Data(contentsOf: URL(fileURLWithPath: architecture)) == genuine)
        let whole = try Tool.run("convert", architecture, path("\(output)/whole.h5"), "--weights", weights)
        #expect(whole.status == 0, "\(whole.errors)")
        let pair = try Tool.run(
            "convert", path("\(output)/whole.h5"), path("\(output)/again.json"), "--weights-out", path("\(output)/again.h5"))
        #expect(pair.status == 0, "\(pair.errors)")
        #expect(try bytes("\(output)/again.json") == genuine)
        let same = try Tool.run(
            "compare", architecture, path("\(output)/again.json"), "--weights-a", weights, "--weights-b", path("\(output)/again.h5"))
        #expect(same.status == 0, "\(same.output) \(same.errors)")
    }

    @Test("the first network's cells; the same seed writes the same bytes, another one others")
    func first() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try writeData(6)
        let result = try run("a", "--epochs", "2", "--seed", "3")
        #expect(result.status == 0, "\(result.errors)")
        for line in ["X_train shape: (30, 32, 32, 3)", "30 train samples", "6 test samples", "conv2d_1 (Conv2D)", "Epoch 2/2", "Testing...", "Test accuracy:"] {
            #expect(result.output.contains(line) || result.errors.contains(line), "\(line) in \(result.output)")
        }
        try check("a", network: "net1")
        #expect(try run("b", "--epochs", "2", "--seed", "3").status == 0 && run("c", "--epochs", "2", "--seed", "4").status == 0)
        #expect(try bytes("a/cifar10_weights.h5") == bytes("b/cifar10_weights.h5"))
        #expect(try bytes("a/cifar10_weights.h5") != bytes("c/cifar10_weights.h5"))
    }

    @Test("the deeper network on varied pictures, some of which are shown")
    func augmented() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        // Keras counts whole batches of 128.
        try writeData(26)
        let result = try run("a", "--augment", "--previews", "2", "--epochs", "1", "--seed", "3")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("Augmenting training set images...") && result.output.contains("conv2d_4 (Conv2D)"))
        // Keras 1's way of counting is told of.
        #expect((result.output + result.errors).contains("counts samples, as Keras 1 did: an epoch is 1 steps of 128"))
        try check("a", network: "net2")
        let names = try FileManager.default.contentsOfDirectory(atPath: path("a/preview"))
        #expect((1...12).contains(names.count))
        for name in names {
            #expect(name.hasPrefix("cifar_0_") && name.hasSuffix(".jpeg"))
            let picture = try Image(contentsOf: path("a/preview/\(name)"))
            #expect((picture.height, picture.width, picture.channels) == (32, 32, 3))
        }
        #expect(try run("b", "--augment", "--previews", "2", "--epochs", "1", "--seed", "3").status == 0)
        #expect(try bytes("a/cifar10_weights.h5") == bytes("b/cifar10_weights.h5"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path("b/preview")).sorted() == names.sorted())
        for name in names { #expect(try bytes("a/preview/\(name)") == bytes("b/preview/\(name)")) }
    }

    @Test("a folder without the data, and numbers out of range")
    func refusals() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try writeData(1)
        try FileManager.default.removeItem(at: folder.appendingPathComponent("data/test_batch.bin"))
        let result = try run("a")
        #expect(result.status == 65 && result.errors.contains("test_batch"), "\(result.status) \(result.errors)")
        #expect(try run("a", "--network", "3").status == 64 && run("a", "--epochs", "0").status == 64)
    }
}
