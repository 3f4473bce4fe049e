import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct NPZTests {
    @Test(arguments: ArrayFixtures.all.npz_sound.keys.sorted())
    func reads(_ name: String) throws {
        let expected = try #require(ArrayFixtures.all.npz_sound[name])
        let archive = try NPZ(reading: Fixtures.path("arrays/\(name)"))
        #expect(archive.names == expected.names)
        for name in expected.names.reversed() {
            let tensor = try archive.tensor(name)
            expect(tensor, is: try #require(expected.arrays[name]))
            let lazy = try archive.lazyTensor(name)
            #expect(lazy.shape == tensor.shape && lazy.dtype == tensor.dtype)
            #expect(try lazy.load() == tensor)
        }
    }

    @Test(arguments: ArrayFixtures.all.npz_broken.keys.sorted())
    func refuses(_ name: String) throws {
        let path = Fixtures.path("arrays/\(name)")
        let got = code { () throws(LocatedError) in
            let archive = try NPZ(reading: path)
            for name in archive.names { _ = try archive.tensor(name) }
        }
        #expect(got == ArrayFixtures.all.npz_broken[name])
    }

    @Test(arguments: [NPZ.Compression.stored, .deflated])
    func writesWhatItReads(_ compression: NPZ.Compression) throws {
        let folder = try Fixtures.temporaryFolder()
        let source = try NPZ(reading: Fixtures.path("arrays/stored.npz"))
        var arrays: [(name: String, tensor: Tensor)] = []
        for name in source.names { arrays.append((name, try source.tensor(name))) }
        arrays.append(("large", Tensor((0..<300_000).map { Float($0 % 1000) }, shape: [300, 1000])))
        let paths = ["a.npz", "b.npz"].map { folder.appendingPathComponent($0).path }
        for path in paths { try NPZ.write(arrays, to: path, compression: compression) }
        #expect(try InputFile.readBytes(paths[0]) == InputFile.readBytes(paths[1]))
        let archive = try NPZ(reading: paths[0])
        #expect(archive.names == arrays.map(\.name))
        for (name, tensor) in arrays { #expect(try archive.tensor(name) == tensor) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.npz", "b.npz"])
    }

    @Test func writesAnArchiveWithoutArrays() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.npz").path
        try NPZ.write([], to: path)
        #expect(try NPZ(reading: path).names == [])
        #expect(try InputFile.readBytes(path) == InputFile.readBytes(Fixtures.path("arrays/no_arrays.npz")))
    }

    @Test func refusesToWriteNonsense() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.npz").path
        let one = Tensor([1] as [Float])
        #expect(code { () throws(LocatedError) in try NPZ.write([("a", one), ("a", one)], to: path) } == "64 npz.name")
        #expect(
            code { () throws(LocatedError) in try NPZ.write([("a", Tensor(zeros: [1], dtype: .bfloat16))], to: path) }
                == "69 npy.dtype")
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(code { () throws(LocatedError) in try NPZ.write([("a", one)], to: path + "/b/c") } == "73 output.folder")
        #expect(code { () throws(LocatedError) in try NPZ(reading: path) } == "66 file.not_found")
        try NPZ.write([("a", one)], to: path)
        #expect(code { () throws(LocatedError) in try NPZ(reading: path).tensor("b") } == "67 npz.name")
    }

    /// Any one byte changed: read or refused, never trapped.
    @Test func survivesDamage() throws {
        let bytes = try InputFile.readBytes(Fixtures.path("arrays/other_members.npz"))
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.npz").path
        for position in bytes.indices {
            for mask: UInt8 in [0x01, 0xff] {
                var damaged = bytes
                damaged[position] ^= mask
                try Data(damaged).write(to: URL(fileURLWithPath: path))
                _ = code { () throws(LocatedError) in
                    let archive = try NPZ(reading: path)
                    for name in archive.names { _ = try archive.tensor(name) }
                }
            }
        }
    }

    /// No file lies in the folder without a test that opens it.
    @Test func everyFixtureHasACase() throws {
        let cases = ArrayFixtures.all
        let known = Set(cases.sound.keys).union(cases.broken.keys).union(cases.npz_sound.keys).union(cases.npz_broken.keys)
            .union(cases.text.keys)
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("arrays"))
        #expect(Set(files).subtracting(known) == ["cases.json", "plain.csv"])
    }

    @Test func readsFromSeveralThreads() async throws {
        let archive = try NPZ(reading: Fixtures.path("arrays/deflated.npz"))
        let expected = try archive.tensor("x0")
        try await withThrowingTaskGroup(of: Tensor.self) { group in
            for _ in 0..<32 { group.addTask { try archive.tensor("x0") } }
            for try await tensor in group { #expect(tensor == expected) }
        }
    }
}
