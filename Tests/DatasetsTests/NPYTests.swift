import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct NPYTests {
    @Test(arguments: ArrayFixtures.all.sound.keys.sorted())
    func reads(_ name: String) throws {
        let expected = try #require(ArrayFixtures.all.sound[name])
        let path = Fixtures.path("arrays/\(name)")
        let tensor = try NPY.read(path)
        expect(tensor, is: expected)
        let lazy = try NPY.readLazily(path)
        #expect(lazy.shape == tensor.shape && lazy.dtype == tensor.dtype)
        #expect(try lazy.load() == tensor)
        #expect(try NPY.decode(InputFile.readBytes(path)) == tensor)
    }

    @Test(arguments: ArrayFixtures.all.sound.filter { $0.value.as_saved == true }.keys.sorted())
    func writesNumPysBytes(_ name: String) throws {
        let path = Fixtures.path("arrays/\(name)")
        #expect(try NPY.encode(NPY.read(path)) == InputFile.readBytes(path))
    }

    @Test(arguments: ArrayFixtures.all.broken.keys.sorted())
    func refuses(_ name: String) throws {
        let path = Fixtures.path("arrays/\(name)")
        let expected = try #require(ArrayFixtures.all.broken[name])
        #expect(code { () throws(LocatedError) in try NPY.read(path) } == expected)
        #expect(code { () throws(LocatedError) in try NPY.readLazily(path) } == expected)
        do { _ = try NPY.read(path) } catch { #expect(error.location == [path]) }
    }

    /// Cut anywhere, a file is refused and nothing traps.
    @Test func refusesEveryPrefix() throws {
        let bytes = try InputFile.readBytes(Fixtures.path("arrays/fortran_2d.npy"))
        for length in 0..<bytes.count {
            #expect(code { () throws(LocatedError) in try NPY.decode(Array(bytes[..<length])) }?.hasPrefix("65 npy.") == true)
        }
    }

    /// Any one byte of the header changed to any other: read or refused, never trapped.
    @Test func survivesDamagedHeaders() throws {
        let bytes = try InputFile.readBytes(Fixtures.path("arrays/version_2.npy"))
        for position in 0..<76 {
            for value in stride(from: 0, through: 255, by: 5) {
                var damaged = bytes
                damaged[position] = UInt8(value)
                _ = code { () throws(LocatedError) in try NPY.decode(damaged) }
            }
        }
    }

    @Test func writesAndReadsFiles() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.npy").path
        let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
        try NPY.write(tensor, to: path)
        #expect(try NPY.read(path) == tensor)
        #expect(code { () throws(LocatedError) in try NPY.write(tensor, to: path + "/b") } == "73 output.folder")
        #expect(code { () throws(LocatedError) in try NPY.read(path + "x") } == "66 file.not_found")
        let brain = Tensor(zeros: [2], dtype: .bfloat16)
        #expect(code { () throws(LocatedError) in try NPY.encode(brain) } == "69 npy.dtype")
    }
}
