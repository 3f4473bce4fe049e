@testable import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing
import ZipFiles

/// Files of which every byte was changed, and that were cut off anywhere: an error or another content, never a trap.
@Suite struct DamageTests {
    private final class MemoryStream: ByteStream {
        private let bytes: [UInt8]
        private var position = 0

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func read(into buffer: UnsafeMutableRawBufferPointer) throws(LocatedError) -> Int {
            let count = min(buffer.count, bytes.count - position)
            for index in 0..<count { buffer[index] = bytes[position + index] }
            position += count
            return count
        }
    }

    /// Runs `body` on the bytes with each byte changed in several ways, and cut off before it.
    private func damage(_ bytes: [UInt8], _ body: ([UInt8]) throws(LocatedError) -> Void) {
        var survived = 0
        for position in bytes.indices {
            for mask: UInt8 in [0x01, 0x80, 0xff] {
                var damaged = bytes
                damaged[position] ^= mask
                if code({ () throws(LocatedError) in try body(damaged) }) == nil { survived += 1 }
            }
            _ = code { () throws(LocatedError) in try body(Array(bytes[..<position])) }
        }
        #expect(survived < bytes.count * 3)
    }

    private func walk(_ stream: any ByteStream) throws(LocatedError) {
        var tar = TarReader(stream)
        while try tar.next() != nil { _ = try tar.content(limit: 1 << 16) }
    }

    @Test func archives() {
        let files =
            ArchiveTests.member("././@LongLink", Array("folder/long\0".utf8), kind: "L") + ArchiveTests.member("short", Array("hello".utf8))
            + ArchiveTests.member("x", Array("14 path=dir/b\n".utf8) + Array("9 size=5\n".utf8), kind: "x") + ArchiveTests.member("a", Array("other".utf8)) + ArchiveTests.end
        damage(files) { (bytes) throws(LocatedError) in try walk(MemoryStream(bytes)) }
        damage(ArchiveTests.gzip(files)) { (bytes) throws(LocatedError) in try walk(GzipStream(MemoryStream(bytes), limit: 1 << 16)) }
    }

    @Test(arguments: 0...5)
    func lists(_ number: Int) throws {
        let archive = try ZipArchive(reading: Fixtures.path("datasets/protocols/imdb_\(number).npz"), rules: .npz)
        let bytes = try archive.bytes(of: #require(archive.member("x_test.npy")), limit: 1 << 16)
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        let pickle = Array(bytes[start...])
        #expect(try NPZ.lists(pickle, [9]).count == 9)
        damage(pickle) { (bytes) throws(LocatedError) in _ = try NPZ.lists(bytes, [9]) }
    }

    @Test func picturesAndNumbers() throws {
        let bitmap = try InputFile.readBytes(Fixtures.path("datasets/folders/bitmaps/plain.bmp"))
        #expect(try Image(encoded: bitmap).pixels.shape == [7, 5, 3])
        damage(bitmap) { (bytes) throws(LocatedError) in _ = try Image(encoded: bytes) }
        // 8 bits with a palette of 3, lines from the top.
        var palette = Array(bitmap[..<54])
        for (place, value) in [(10, 66), (18, 3), (22, -2), (28, 8), (34, 0), (46, 3)] {
            for byte in 0..<(place == 28 ? 2 : 4) { palette[place + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
        }
        palette += [1, 2, 3, 0, 4, 5, 6, 0, 7, 8, 9, 0] + [0, 1, 2, 0, 2, 2, 0]
        #expect(try Image(encoded: palette).pixels.array(as: UInt8.self) == [3, 2, 1, 6, 5, 4, 9, 8, 7, 9, 8, 7, 9, 8, 7, 3, 2, 1])
        damage(palette) { (bytes) throws(LocatedError) in _ = try Image(encoded: bytes) }
        for name in ["plain", "clear"] {
            let animation = try InputFile.readBytes(Fixtures.path("datasets/folders/animations/\(name).gif"))
            #expect(try GIFDecoding.firstPicture(animation).shape == [17, 19, 3])
            damage(animation) { (bytes) throws(LocatedError) in _ = try GIFDecoding.firstPicture(bytes) }
        }
        damage([0, 0, 12, 2, 0, 0, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8]) { (bytes) throws(LocatedError) in _ = try IDX.decode(bytes) }
    }

    @Test func tokenizers() throws {
        var tokenizer = try Tokenizer(numWords: 5, oovToken: "?")
        tokenizer.fitOnTexts(["one two \u{1f600}", "two"])
        damage(Array(tokenizer.json.utf8)) { (bytes) throws(LocatedError) in
            guard let text = String(validating: bytes, as: UTF8.self) else { return }
            let damaged = try Tokenizer(json: text)
            _ = damaged.json
            _ = try damaged.sequencesToTexts(try damaged.textsToSequences(["one three"]))
            if damaged.numWords ?? 9 < 1000 { _ = try damaged.textsToMatrix(["one three"], mode: .tfidf) }
        }
    }
}
