import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// Arrays of text as NumPy writes them.
@Suite struct NPYTextTests {
    @Test(arguments: ArrayFixtures.all.text.keys.sorted())
    func readsAndWrites(_ name: String) throws {
        let expected = try #require(ArrayFixtures.all.text[name]), path = Fixtures.path("arrays/\(name)")
        let tensor = try NPY.read(path)
        #expect(tensor.dtype == .string && tensor.shape.dims == expected.shape)
        let isBytes = name.contains("bytes")
        #expect((isBytes ? tensor.byteStrings.map { String(String.UnicodeScalarView($0.map { Unicode.Scalar($0) })) } : tensor.strings) == expected.strings)
        #expect(try NPY.readLazily(path).load() == tensor)
        #expect(try NPY.decode(NPY.encode(tensor)) == tensor)
        if expected.as_saved { #expect(try NPY.encode(tensor) == InputFile.readBytes(path)) }
    }

    @Test func archivesHoldText() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.npz").path
        let text = Tensor(strings: ["red", "", "grün"], shape: [3, 1])
        try NPZ.write([("x0", text), ("x1", Tensor([1, 2, 3] as [Float]))], to: path)
        #expect(try NPZ(reading: path).tensor("x0") == text)
        #expect(try NPZ(reading: path).lazyTensor("x0").load() == text)
    }

    /// Any one byte of the file changed, or the file cut anywhere: read or refused, never trapped.
    @Test(arguments: ["text.npy", "text_objects.npy", "text_bytes.npy"])
    func survivesDamage(_ name: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("arrays/\(name)"))
        for position in bytes.indices {
            for value in stride(from: 0, through: 255, by: 15) {
                var damaged = bytes
                damaged[position] = UInt8(value)
                _ = try? NPY.decode(damaged)
            }
            #expect(throws: LocatedError.self) { try NPY.decode(Array(bytes[..<position])) }
        }
    }

    @Test func refusesWhatIsNoCharacter() throws {
        var bytes = try NPY.encode(Tensor(strings: ["ab"]))
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: [0, 0xd8, 0, 0])
        #expect(throws: LocatedError.self) { try NPY.decode(bytes) }
    }
}
