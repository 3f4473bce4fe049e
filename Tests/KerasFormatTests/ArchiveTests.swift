import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing
import ZipFiles

@testable import KerasFormat

/// `.keras`, zipped and unpacked.
@Suite struct ArchiveTests {
    private static let genuine = ObjectStoreTests.path("keras-3.15", "sequential.keras")

    /// The members of a genuine archive.
    private func members() throws -> OrderedDictionary<String, [UInt8]> {
        let archive = try ZipArchive(reading: Self.genuine, rules: .keras)
        var members: OrderedDictionary<String, [UInt8]> = [:]
        for member in archive.members { members[member.name] = try archive.bytes(of: member, limit: 1 << 20) }
        return members
    }

    private func written(
        _ members: OrderedDictionary<String, [UInt8]>, compression: ZipWriter.Compression = .stored
    ) throws -> String {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        try ZipWriter.write(
            members.map { ZipWriter.Member($0, [.bytes($1)]) }, to: path, named: path, compression: compression)
        return path
    }

    private func isSame(_ a: StoredModel, _ b: StoredModel) throws {
        let (x, y) = (try #require(a.spec), try #require(b.spec))
        #expect(x.says(the: y))
        let (v, w) = (try #require(a.weights), try #require(b.weights))
        #expect(try ObjectStoreTests.loaded(WeightBinding.resolve(v, in: x)) == ObjectStoreTests.loaded(WeightBinding.resolve(w, in: y)))
        #expect(a.training?.compileSettings == b.training?.compileSettings)
        #expect(
            try a.training?.optimizerWeights.map { try $0.tensor.load() } == b.training?.optimizerWeights.map { try $0.tensor.load() })
    }

    @Test func compressedAndUnpackedAreTheSame() throws {
        let stored = try KerasFile.read(Self.genuine)
        #expect(try KerasFile.kind(Self.genuine) == .archive)
        try isSame(stored, try KerasFile.read(try written(try members(), compression: .deflated)))
        let folder = try Fixtures.temporaryFolder()
        for (name, bytes) in try members() { try AtomicFile.write(bytes, to: folder.path + "/" + name) }
        #expect(try KerasFile.kind(folder.path) == .archive)
        try isSame(stored, try KerasFile.read(folder.path))
    }

    @Test(arguments: ObjectStoreTests.kerases.dropLast(), ObjectStoreTests.models)
    func whatIsWrittenIsWhatWasRead(_ keras: String, _ model: String) throws {
        let stored = try KerasFile.read(ObjectStoreTests.path(keras, model + ".keras"))
        let spec = try #require(stored.spec), raw = try #require(stored.weights)
        let version = try #require(raw.kerasVersion)
        let target = KerasTarget(keras == "tf-keras-2.21" ? .tfKeras : .keras3, version: version)
        let weights = try WeightBinding.resolve(raw, in: spec)
        let folder = try Fixtures.temporaryFolder().path
        var notes: [UpgradeNote] = []
        for name in ["a.keras", "b.keras"] {
            try KerasWriter.writeArchive(
                weights, of: spec, training: stored.training, for: target, to: folder + "/" + name, &notes)
        }
        try isSame(stored, try KerasFile.read(folder + "/a.keras"))
        #expect(try InputFile.readBytes(folder + "/a.keras") == InputFile.readBytes(folder + "/b.keras"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.keras", "b.keras"])
        let archive = try ZipArchive(reading: folder + "/a.keras", rules: .keras)
        #expect(archive.members.map(\.name) == ["metadata.json", "config.json", "model.weights.h5"])
        // What Keras 3.0 says of a Bidirectional's given layer it can't read itself, and isn't written.
        if keras == "keras-3.0", model == "functional" { return }
        // Architecture and compile settings come out byte for byte.
        let genuine = try ZipArchive(reading: ObjectStoreTests.path(keras, model + ".keras"), rules: .keras)
        let config = try #require(archive.member("config.json")), own = try #require(genuine.member("config.json"))
        #expect(try archive.bytes(of: config, limit: 1 << 20) == genuine.bytes(of: own, limit: 1 << 20))
    }

    @Test func weightsAloneAreWritten() throws {
        let stored = try KerasFile.read(Self.genuine)
        let spec = try #require(stored.spec)
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: spec)
        let path = try Fixtures.temporaryFolder().appendingPathComponent("w.weights.h5").path
        try KerasWriter.writeObjectWeights(weights, of: spec, for: KerasTarget(.keras3), to: path)
        #expect(
            try ObjectStoreTests.loaded(WeightBinding.resolve(KerasFile.readWeights(path), in: spec))
                == ObjectStoreTests.loaded(weights))
        #expect {
            try KerasWriter.writeObjectWeights(weights, of: spec, for: KerasTarget(.keras2), to: path)
        } throws: { ($0 as? LocatedError)?.code == "container.target" }
    }

    // MARK: - Broken and hostile

    @Test func whatIsNoArchiveOfKerasIsToldSo() throws {
        func code(_ members: OrderedDictionary<String, [UInt8]>) throws -> String? {
            let path = try written(members)
            do { _ = try KerasFile.read(path) } catch { return error.code }
            return nil
        }
        var members = try members()
        let weights = members.removeValue(forKey: "model.weights.h5")
        #expect(try code(members) == "archive.weights")
        members["model.weights.npz"] = [1, 2, 3]
        #expect(try code(members) == "npz.archive")
        members["model.weights.npz"] = nil
        members["model.weights.h5"] = weights.map { Array($0.dropLast(3000)) }
        #expect(try code(members) == "hdf5.truncated")
        members["model.weights.h5"] = Array("no HDF5".utf8)
        #expect(try code(members) == "hdf5.signature")
        members["config.json"] = nil
        #expect(try code(members) == "archive.not_keras")
        #expect(try code(["../config.json": [1]]) == "zip.name")
    }

    /// One bit of a weight that fell over, which HDF5 can't tell.
    @Test func damagedWeightsAreToldByTheirChecksum() throws {
        var bytes = try InputFile.readBytes(Self.genuine)
        let stored = try KerasFile.read(Self.genuine)
        let kernel = try #require(stored.weights?.layers.first { $0.name == "layers/conv2d" }).weights[0].tensor.load()
        let raw = kernel.withUnsafeBytes { Array($0) }
        let start = try #require((0..<bytes.count - raw.count).first { bytes[$0] == raw[0] && Array(bytes[$0..<$0 + raw.count]) == raw })
        bytes[start + 9] ^= 4
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        try AtomicFile.write(bytes, to: path)
        let weights = try #require(try KerasFile.read(path).weights)
        #expect {
            for weight in weights.layers.flatMap(\.weights) { _ = try weight.tensor.load() }
        } throws: { ($0 as? LocatedError)?.code == "zip.data" }
    }

    /// What is sound is still told.
    @Test func inspectGoesOnWhereAMemberIsBroken() throws {
        var members = try members()
        members["model.weights.h5"] = members["model.weights.h5"].map { Array($0.dropLast(3000)) }
        let partial = try KerasFile.inspect(try written(members))
        #expect(partial.kind == .archive)
        #expect(partial.kerasVersion == "3.15.1")
        #expect(partial.model.spec?.layers.isEmpty == false)
        #expect(partial.problems.map(\.code) == ["hdf5.truncated"])
    }

    /// A name decides nothing: tf.keras before 2.12 wrote HDF5 as `.keras`.
    @Test func hdf5UnderTheNameOfAnArchiveIsRead() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        try AtomicFile.write(try InputFile.readBytes(ObjectStoreTests.path("keras-3.0", "sequential.weights.h5")), to: path)
        #expect(try KerasFile.kind(path) == .objectWeights)
    }
}
