import Files
import Foundation
import KerasSpec
import Tensors
import TestSupport
import Testing
import ZipFiles

@testable import KerasFormat

/// `inspect --tree`: what HDF5 and folders hold, whatever it means.
@Suite struct RawTreeTests {
    private func tree(_ fixture: String) throws -> RawTree { try RawTree(of: Fixtures.path(fixture)) }

    @Test func groupsAttributesAndDatasetsAreTold() throws {
        let tree = try tree("samples/keras-2.3.1_tf1.15/mini1/whole.h5")
        #expect(tree.format == "HDF5" && !tree.isCut)
        let root = try #require(tree.entries.first)
        #expect(root.attributes.map(\.name) == ["backend", "keras_version", "model_config", "training_config"])
        #expect(root.attributes[1] == RawTree.Attribute(name: "keras_version", kind: "variable ASCII", value: "\"2.3.1\""))
        #expect(root.attributes[2].value.contains("bytes)"))
        let kernel = try #require(tree.entries.first { $0.path == "model_weights/conv2d_1/conv2d_1/kernel:0" })
        #expect(kernel.kind == "dataset" && kernel.detail == "float32 (3, 3, 3, 4), contiguous, 432 bytes")
        #expect(tree.entries.allSatisfy { $0.problem == nil })
        #expect(tree.text.contains("kernel:0  dataset  float32 (3, 3, 3, 4), contiguous"))
    }

    @Test func filtersAreTold() throws {
        let entries = try tree("odd/gzip_shuffle_fletcher32.h5").entries
        #expect(entries.contains { $0.detail.contains("chunks (16, 16), shuffle, gzip 4, fletcher32") })
    }

    @Test func foldersShowTheirHDF5() throws {
        let tree = try tree("formats/tfjs/words")
        #expect(tree.format == "folder")
        let paths = tree.entries.map(\.path)
        #expect(paths.contains("whole.h5") && paths.contains("plain/model.json"))
        #expect(paths.contains("whole.h5/model_weights/out/out/kernel:0"))
        #expect(try #require(paths.firstIndex(of: "plain")) + 1 == paths.firstIndex(of: "plain/group1-shard1of1.bin"))
    }

    /// Cycles end, links are named and not followed, what is broken is told where it is.
    @Test(arguments: ["cycle", "links", "deep", "external_storage", "virtual", "string_nowhere", "sizes", "chunks", "kinds"])
    func hostileFilesEnd(_ name: String) throws {
        let tree = try tree("hdf5/\(name).h5")
        #expect(!tree.entries.isEmpty && !tree.isCut)
        _ = tree.text
        switch name {
        case "links":
            let linked = tree.entries.filter { $0.kind == "softLink" || $0.kind == "externalLink" }
            #expect(!linked.isEmpty && linked.allSatisfy { $0.detail == "not followed" })
        case "cycle": #expect(tree.entries.contains { $0.detail == "linked before" || $0.problem != nil })
        case "external_storage", "virtual": #expect(tree.entries.contains { $0.problem != nil })
        default: break
        }
    }

    // MARK: - Archives, shards

    private static let archive = "formats/containers/keras-3.15/sequential.keras"

    @Test func archivesShowTheirMembersAndTheHDF5InThem() throws {
        let tree = try tree(Self.archive)
        #expect(tree.format == "zip" && !tree.isCut)
        let members = tree.entries.filter { $0.kind == "member" }
        #expect(members.map(\.path) == ["metadata.json", "config.json", "model.weights.h5"])
        #expect(members.map(\.detail) == ["64 bytes, stored", "7003 bytes, stored", "38668 bytes, stored"])
        let kernel = try #require(tree.entries.first { $0.path == "model.weights.h5/layers/conv2d/vars/0" })
        #expect(kernel.detail == "float32 (3, 3, 2, 3), contiguous, 216 bytes")
        #expect(tree.entries.allSatisfy { $0.problem == nil })
        #expect(tree.text.contains("\n  model.weights.h5  member  38668 bytes, stored\n    layers/\n"))
    }

    /// A member's path is its name: folders within it are told by nobody else.
    @Test func compressedMembersAndAnyNameAreTold() throws {
        let archive = try ZipArchive(reading: Fixtures.path(Self.archive), rules: .keras)
        let weights = try archive.bytes(of: try #require(archive.member("model.weights.h5")), limit: 1 << 20)
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.zip").path
        try ZipWriter.write(
            [
                ZipWriter.Member("assets/layers/words/vocabulary.txt", [.bytes(Array("a\nb".utf8))]),
                ZipWriter.Member("../w.h5", [.bytes(weights)]), ZipWriter.Member("cut.h5", [.bytes(Array(weights.dropLast(3000)))]),
            ], to: path, named: path, compression: .deflated)
        let tree = try RawTree(of: path)
        #expect(tree.entries.contains { $0.path == "../w.h5/layers/dense/vars/0" && $0.detail.hasPrefix("float32 (8, 3)") })
        #expect(tree.entries.contains { $0.path == "cut.h5" && $0.problem != nil })
        #expect(tree.entries[0].detail == "3 bytes, stored" || tree.entries[0].detail.contains("deflated to "))
        #expect(tree.text.contains("\n  assets/layers/words/vocabulary.txt  member  3 bytes"))
        #expect(tree.entries.first { $0.path == "../w.h5" }?.detail.contains("bytes, deflated to ") == true)
    }

    @Test func unpackedArchivesAreFolders() throws {
        let folder = try Fixtures.temporaryFolder()
        let archive = try ZipArchive(reading: Fixtures.path(Self.archive), rules: .keras)
        for member in archive.members {
            try AtomicFile.write(try archive.bytes(of: member, limit: 1 << 20), to: folder.path + "/" + member.name)
        }
        try FileManager.default.copyItem(atPath: Fixtures.path(Self.archive), toPath: folder.path + "/again.keras")
        let tree = try RawTree(of: folder.path)
        #expect(tree.format == "folder")
        let paths = tree.entries.map(\.path)
        #expect(paths.contains("model.weights.h5/layers/conv2d/vars/0"))
        #expect(paths.contains("again.keras/model.weights.h5/layers/conv2d/vars/0"))
    }

    @Test func shardsAreToldWithTheirMap() throws {
        let tree = try tree("formats/containers/keras-3.15/sequential.weights.json")
        #expect(tree.format == "shards")
        let root = try #require(tree.entries.first)
        #expect(root.attributes.contains { $0.name == "/layers/conv2d_1/vars" && $0.value.contains("sequential_00000.weights.h5") })
        #expect(tree.entries.filter { $0.kind == "file" }.map(\.path) == (0..<5).map { "sequential_0000\($0).weights.h5" })
        #expect(tree.entries.contains { $0.path == "sequential_00001.weights.h5/layers/dense/vars/0" })
        let path = try Fixtures.temporaryFolder().appendingPathComponent("x.weights.json").path
        try AtomicFile.write(#"{"metadata": {}, "weight_map": {"/layers/dense/vars": "x_00000.weights.h5"}}"#, to: path)
        #expect(try RawTree(of: path).entries.last?.problem == "not there")
    }

    @Test func brokenArchivesSaySo() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.zip").path
        try AtomicFile.write(Array(try InputFile.readBytes(Fixtures.path(Self.archive)).dropLast(60)), to: path)
        let error = #expect(throws: LocatedError.self) { try RawTree(of: path) }
        #expect(error?.code == "zip.archive")
    }

    @Test func otherFormatsAreRefused() {
        let error = #expect(throws: LocatedError.self) { try tree("samples/keras-2.3.1_tf1.15/mini1/model.json") }
        #expect(error?.code == "tree.format")
    }
}
