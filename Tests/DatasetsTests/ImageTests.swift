import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// What Pillow makes of the files in `fixtures/images`.
private enum ImageFixtures {
    static let expected = try! NPZ(reading: Fixtures.path("images/expected.npz"))
    static let resized = try! NPZ(reading: Fixtures.path("images/resized.npz"))

    static let broken: [String: String] = {
        struct Cases: Decodable { var broken: [String: String] }
        let data = try! Data(contentsOf: URL(fileURLWithPath: Fixtures.path("images/cases.json")))
        return try! JSONDecoder().decode(Cases.self, from: data).broken
    }()
}

@Suite struct ImageTests {
    @Test(arguments: ImageFixtures.expected.names)
    func decodesAsPillow(_ name: String) throws {
        let parts = name.split(separator: "/")
        let path = Fixtures.path("images/\(parts[0])")
        let mode = try #require(Image.ColorMode(rawValue: String(parts[1])))
        let expected = try ImageFixtures.expected.tensor(name)
        let image = try Image(contentsOf: path).converted(to: mode)
        #expect(image.pixels.shape == expected.shape && image.pixels.dtype == expected.dtype)
        #expect(difference(image.pixels, expected) == 0)
        let loaded = try ImageFile.load(path, colorMode: mode)
        #expect(loaded == expected.asType(.float32))
    }

    @Test(arguments: ImageFixtures.resized.names)
    func resizesAsPillow(_ name: String) throws {
        let parts = name.split(separator: "/")
        let size = parts[3].split(separator: "x").compactMap { Int($0) }
        let mode = try #require(Image.ColorMode(rawValue: String(parts[1])))
        let filter = try #require(Interpolation(rawValue: String(parts[2])))
        let expected = try ImageFixtures.resized.tensor(name)
        let loaded = try ImageFile.load(
            Fixtures.path("images/\(parts[0])"), targetSize: (size[0], size[1]), colorMode: mode, interpolation: filter)
        #expect(loaded.shape == expected.shape)
        #expect(difference(loaded, expected) == 0)
    }

    @Test(arguments: ImageFixtures.broken.keys.sorted())
    func refuses(_ name: String) throws {
        let path = Fixtures.path("images/\(name)")
        #expect(code { () throws(LocatedError) in try Image(contentsOf: path) } == ImageFixtures.broken[name])
    }

    @Test(arguments: ["rgb_8_interlaced.png", "palette_transparent.png", "color_420.jpg", "progressive.jpg", "cmyk.jpg"])
    func refusesEveryPrefix(_ name: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("images/\(name)"))
        // A file may end after its last pixel: PNG's IEND and what is left of the last row's data add nothing.
        for length in 0..<bytes.count - 30 {
            #expect(code { () throws(LocatedError) in try Image(encoded: Array(bytes[..<length])) }?.hasPrefix("65 image.") == true)
        }
    }

    /// Any one byte changed: decoded or refused, never trapped.
    @Test(arguments: ["rgb_8_interlaced.png", "palette_transparent.png", "grey_alpha_16.png", "color_420.jpg", "progressive.jpg", "cmyk.jpg"])
    func survivesDamage(_ name: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("images/\(name)"))
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(truncatingIfNeeded: position * 7 | 1)
            _ = code { () throws(LocatedError) in try Image(encoded: damaged) }
        }
    }

    /// No file lies in the folder without a test that opens it.
    @Test func everyFixtureHasACase() throws {
        let known = Set(ImageFixtures.expected.names.map { String($0.prefix { $0 != "/" }) }).union(ImageFixtures.broken.keys)
        let files = try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("images"))
        let others: Set = [
            "LICENSE.md", "cases.json", "chelsea.png", "encoded_color.jpg", "encoded_grey.jpg", "expected.npz", "resized.npz",
        ]
        #expect(Set(files).subtracting(known) == others)
    }

    @Test func writesPillowsJPEG() throws {
        let image = try Image(contentsOf: Fixtures.path("images/rgb_8.png"))
        #expect(try image.encoded(as: .jpeg()) == InputFile.readBytes(Fixtures.path("images/encoded_color.jpg")))
        let grey = image.converted(to: .grayscale)
        #expect(try grey.encoded(as: .jpeg(quality: 90)) == InputFile.readBytes(Fixtures.path("images/encoded_grey.jpg")))
    }

    @Test(arguments: Image.ColorMode.allCases)
    func writesAndReadsPNG(_ mode: Image.ColorMode) throws {
        let image = try Image(contentsOf: Fixtures.path("images/rgba_8.png")).converted(to: mode)
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.PNG").path
        try image.write(to: path)
        #expect(try Image(contentsOf: path) == image)
    }

    @Test func refusesNonsense() throws {
        let image = try Image(contentsOf: Fixtures.path("images/rgba_8.png"))
        let folder = try Fixtures.temporaryFolder()
        let path = folder.appendingPathComponent("a").path
        #expect(code { () throws(LocatedError) in try image.write(to: path + ".gif") } == "64 image.ending")
        #expect(code { () throws(LocatedError) in try image.write(to: path + ".jpg") } == "69 image.alpha")
        #expect(code { () throws(LocatedError) in try image.encoded(as: .jpeg(quality: 0)) } == "64 image.quality")
        for size in [(0, 5), (5, -1), (1 << 40, 1 << 40)] {
            #expect(code { () throws(LocatedError) in try image.resized(to: size) } == "64 image.size")
        }
        #expect(code { () throws(LocatedError) in try Image(contentsOf: path) } == "66 file.not_found")
        #expect(code { () throws(LocatedError) in try Image(pixels: Tensor(zeros: [2, 2], dtype: .uint8)) } == "64 image.shape")
        #expect(code { () throws(LocatedError) in try Image(pixels: Tensor(zeros: [2, 2, 3])) } == "64 image.dtype")
    }

    @Test func listsImagesSortedByName() throws {
        let folder = try Fixtures.temporaryFolder()
        let image = try InputFile.readBytes(Fixtures.path("images/rgb_8.png"))
        for name in ["b.png", "B.png", "é.jpg", "a10.png", "a2.png", "no_ending"] {
            try AtomicFile.write(image, to: folder.appendingPathComponent(name).path)
        }
        try AtomicFile.write("text", to: folder.appendingPathComponent("a.png").path)
        try AtomicFile.write(image, to: folder.appendingPathComponent(".hidden.png").path)
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("folder.png"), withIntermediateDirectories: true)
        let names = try ImageFile.list(folder.path).map { String($0.dropFirst(folder.path.count + 1)) }
        #expect(names == ["B.png", "a10.png", "a2.png", "b.png", "no_ending", "é.jpg"])
        #expect(code { () throws(LocatedError) in try ImageFile.list(folder.path + "/none") } == "66 file.not_found")
    }

    /// `array_to_img` of Keras: shifted to 0, stretched to 255, cut to whole numbers.
    @Test func makesImagesOfNumbers() throws {
        let array = Tensor([-1, 0, 1, 3] as [Float], shape: [2, 2, 1])
        #expect(try Image(array: array).pixels.array(as: UInt8.self) == [0, 63, 127, 255])
        #expect(try Image(array: array, scale: false).pixels.array(as: UInt8.self) == [255, 0, 1, 3])
        #expect(try Image(array: Tensor(zeros: [1, 2, 3])).pixels.array(as: UInt8.self) == [0, 0, 0, 0, 0, 0])
    }

    private func difference(_ a: Tensor, _ b: Tensor) -> Float {
        zip(a.floats, b.floats).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }
}
