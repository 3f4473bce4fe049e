import Foundation
import KerasSpec
import Tensors
import TestSupport
import Testing

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

    @Test func otherFormatsAreRefused() {
        let error = #expect(throws: LocatedError.self) { try tree("samples/keras-2.3.1_tf1.15/mini1/model.json") }
        #expect(error?.code == "tree.format")
    }
}
