import Files
import Foundation
import KerasSpec
import TestSupport
import Testing
import ZipFiles

@testable import KerasFormat
@testable import SwiftKeras

/// What layers keep beside their arrays goes through a conversion, under the places of the archive that is written.
@Suite struct AssetTests {
    private static let nested = "formats/wild/assets_nested.keras"

    private func assets(_ path: String) throws -> [String: [UInt8]] {
        let archive = try ZipArchive(reading: path, rules: .keras)
        var found: [String: [UInt8]] = [:]
        for member in archive.members where member.name.hasPrefix("assets/") { found[member.name] = try archive.bytes(of: member, limit: 1 << 20) }
        return found
    }

    @Test(arguments: [KerasTarget?.none, KerasTarget(.tfKeras), KerasTarget(.keras3, version: "3.0.5")])
    func vocabulariesAreCarried(_ target: KerasTarget?) throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        _ = try ModelConversion(input: Fixtures.path(Self.nested), weights: nil, output: path, weightsOutput: nil, target: target).run()
        let genuine = try assets(Fixtures.path(Self.nested))
        #expect(genuine.count == 2)
        #expect(try assets(path) == genuine)
    }

    /// Numbers within a class are the model's: another layer in front shifts them.
    @Test func placesFollowTheModel() throws {
        let stored = try KerasFile.read(Fixtures.path(Self.nested))
        #expect(stored.assets.map(\.name).sorted() == ["inner/text/_lookup_layer/vocabulary.txt", "inner/text/vocabulary.txt"])
        #expect(stored.assets.allSatisfy { $0.layerPath == ["inner", "text"] })
        var spec = try #require(stored.spec)
        let inner = try #require(spec.layers.firstIndex { $0.name == "inner" })
        var model = try #require(spec.layers[inner].model?.value)
        let text = try #require(model.layers.firstIndex { $0.name == "text" })
        var other = model.layers[text]
        other.name = "other"
        model.layers.insert(other, at: text)
        spec.layers[inner].model = Box(model)
        let (_, places) = try ObjectNaming.placed(ModelWeights(try WeightBinding.resolve(try #require(stored.weights), in: stored.spec ?? spec).weights), of: spec, for: .keras3)
        #expect(places[["inner", "text"]]?.hasSuffix("/text_vectorization_1") == true)
    }

    @Test func whatHasNoPlaceForThemIsRefused() throws {
        let folder = try Fixtures.temporaryFolder()
        for name in ["a.h5", "a.json"] {
            let error = #expect(throws: LocatedError.self) {
                try ModelConversion(
                    input: Fixtures.path(Self.nested), weights: nil, output: folder.appendingPathComponent(name).path, weightsOutput: nil
                ).run()
            }
            #expect(error?.code == "output.assets" && error?.message.contains("inner/text") == true, "\(error?.description ?? "")")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// Unzipped, they stand in files of their own.
    @Test func unpackedArchivesHaveThemToo() throws {
        let folder = try Fixtures.temporaryFolder()
        let archive = try ZipArchive(reading: Fixtures.path(Self.nested), rules: .keras)
        for member in archive.members {
            let url = folder.appendingPathComponent(member.name)
            try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AtomicFile.write(try archive.bytes(of: member, limit: 1 << 20), to: url.path)
        }
        let own = try KerasFile.read(folder.path).assets
        #expect(own.map(\.name).sorted() == ["inner/text/_lookup_layer/vocabulary.txt", "inner/text/vocabulary.txt"])
        #expect(try own.allSatisfy { try !$0.load().isEmpty })
    }
}
