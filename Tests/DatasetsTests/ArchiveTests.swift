@testable import Datasets
import CZlib
import Files
import Foundation
import Tensors
import TestSupport
import Testing

/// Archives that are read in place, and hostile ones.
@Suite struct ArchiveTests {
    /// A header of tar with a sound checksum.
    static func header(_ name: String, size: Int, kind: Character = "0", sizeField: [UInt8]? = nil, prefix: String = "") -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: [UInt8], _ place: Int) { for (index, byte) in bytes.enumerated() { block[place + index] = byte } }
        put(Array(name.utf8.prefix(100)), 0)
        let octal = String(size, radix: 8)
        put(sizeField ?? Array((String(repeating: "0", count: 11 - octal.count) + octal).utf8), 124)
        put(Array("        ".utf8), 148)
        block[156] = kind.asciiValue ?? 0
        put(Array("ustar\0".utf8), 257)
        put(Array(prefix.utf8), 345)
        let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
        put(Array((String(repeating: "0", count: 6 - sum.count) + sum + "\0 ").utf8), 148)
        return block
    }

    static func member(_ name: String, _ content: [UInt8], kind: Character = "0") -> [UInt8] {
        header(name, size: content.count, kind: kind) + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    static let end = [UInt8](repeating: 0, count: 1024)

    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = z_stream()
        deflateInit2_(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        var input = bytes
        var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 200)
        let count = input.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { target in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(target.count)
                deflate(&stream, Z_FINISH)
                return target.count - Int(stream.avail_out)
            }
        }
        deflateEnd(&stream)
        return Array(output[..<count])
    }

    private func write(_ bytes: [UInt8]) throws -> String {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("archive").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    private func read(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [String: [UInt8]] {
        try PackedFiles.read(write(bytes), ["a", "b"], limit: limit)
    }

    /// The refusal of an archive, packed and not.
    private func refusal(_ bytes: [UInt8], limit: Int = 1 << 20, sourceLocation: SourceLocation = #_sourceLocation) throws -> String? {
        func one(_ bytes: [UInt8]) throws -> String? {
            let path = try write(bytes)
            return code { () throws(LocatedError) in try PackedFiles.read(path, ["a", "b"], limit: limit) }
        }
        let plain = try one(bytes), packed = try one(Self.gzip(bytes))
        #expect(plain == packed, sourceLocation: sourceLocation)
        return plain
    }

    @Test func readsArchives() throws {
        let content: [UInt8] = Array("hello".utf8), other = [UInt8](repeating: 7, count: 1024)
        let files = Self.member("folder/", [], kind: "5") + Self.member("folder/a", content) + Self.member("readme", other) + Self.member("./b", other)
        for bytes in [files + Self.end, files, Self.gzip(files + Self.end), Self.gzip(Array(files[..<1000])) + Self.gzip(Array(files[1000...])), Self.gzip(files) + [0, 0, 0]] {
            #expect(try read(bytes) == ["a": content, "b": other])
        }
        // Long names of GNU's and pax's, sizes of pax's and in binary.
        let long = String(repeating: "x/", count: 90) + "a"
        #expect(try read(Self.member("././@LongLink", Array(long.utf8) + [0], kind: "L") + Self.member("short", content)) == ["a": content])
        #expect(try read(Self.member("x", Array("14 path=dir/b\n".utf8), kind: "x") + Self.member("short", content)) == ["b": content])
        #expect(try read(Self.member("x", Array("9 size=5\n".utf8), kind: "x") + Self.header("a", size: 0) + content) == ["a": content])
        #expect(try read(Self.header("a", size: 0, sizeField: [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]) + content) == ["a": content])
        #expect(try read(Self.header("a", size: 5, prefix: "some/folder") + content) == ["a": content])
        #expect(try read(Self.member("c", content)) == [:])
    }

    @Test func refusesHostileArchives() throws {
        let content: [UInt8] = Array("hello".utf8)
        #expect(try refusal(Self.member("../a", content)) == "65 tar.name")
        #expect(try refusal(Self.member("/etc/a", content)) == "65 tar.name")
        #expect(try refusal(Self.member("x/../../a", content)) == "65 tar.name")
        #expect(try refusal(Self.member("x\\a", content)) == "65 tar.name")
        #expect(try refusal(Self.member("x\u{1}a", content)) == "65 tar.name")
        #expect(try refusal(Self.member("x", Array("17 path=../../a\n\n".utf8), kind: "x") + Self.member("short", content)) == "65 tar.name")
        for (kind, name) in [("1", "hard link"), ("2", "symbolic link"), ("3", "device"), ("4", "device"), ("6", "pipe"), ("S", "sparse"), ("9", "unknown")] {
            #expect(try refusal(Self.member("a", [], kind: Character(kind))) == "65 tar.member", Comment(rawValue: name))
        }
        #expect(try refusal(Self.member("x", Array("22 GNU.sparse.major=1\n".utf8), kind: "x") + Self.member("a", content)) == "65 tar.member")
        #expect(try refusal(Self.member("a", content) + Self.member("./a", content)) == "65 tar.duplicate")
        #expect(try refusal(Self.member("x/a", content) + Self.member("y/a", content)) == "65 archive.duplicate")
        // Sizes that aren't there, that are too large, that are none.
        #expect(try refusal(Self.header("a", size: 600_000) + content) == "65 archive.truncated")
        #expect(try refusal(Self.header("c", size: 600_000) + content) == "65 archive.truncated")
        #expect(try refusal(Self.header("a", size: 1 << 30) + content) == "65 tar.too_large")
        #expect(try refusal(Self.header("a", size: 0, sizeField: [0x80] + [UInt8](repeating: 0xff, count: 11)) + content) == "65 tar.header")
        #expect(try refusal(Self.header("a", size: 0, sizeField: [0xff] + [UInt8](repeating: 0xff, count: 11)) + content) == "65 tar.header")
        #expect(try refusal(Self.header("a", size: 0, sizeField: Array("89".utf8)) + content) == "65 tar.header")
        #expect(try refusal(Self.member("x", Array("99999999999 size=5\n".utf8), kind: "x") + Self.member("a", content)) == "65 tar.header")
        #expect(try refusal(Self.member("x", Array("11 size=-5\n".utf8), kind: "x") + Self.member("a", content)) == "65 tar.header")
        #expect(try refusal(Self.header("x", size: 1 << 24, kind: "x") + content) == "65 tar.too_large")
        #expect(try refusal(Self.member("c", content) + content + [UInt8](repeating: 1, count: 507)) == "65 tar.header")
        #expect(try refusal(Self.member("c", content) + content) == "65 archive.truncated")
        #expect(try refusal(Array("no archive".utf8)) == "65 archive.kind")
        #expect(try refusal([]) == "65 archive.kind")
        for start in [Array("BZh91AY&SY".utf8), [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4], [0x28, 0xb5, 0x2f, 0xfd]] {
            let packed = try write(start)
            #expect(code { () throws(LocatedError) in try PackedFiles.read(packed, ["a"], limit: 1) } == "69 archive.packing")
            #expect(code { () throws(LocatedError) in try CIFAR10.load(from: packed) } == "69 archive.packing")
        }
        #expect(code { () throws(LocatedError) in try PackedFiles.read("/nowhere/archive", ["a"], limit: 1) } == "66 file.not_found")
    }

    @Test func refusesHostileGzip() throws {
        let files = Self.member("a", Array("hello".utf8)) + Self.end
        let packed = Self.gzip(files)
        #expect(try refusalAsIs(Array(packed.dropLast(3))) == "65 gzip.truncated")
        #expect(try refusalAsIs(packed + [1, 2]) == "65 gzip.data")
        var damaged = packed
        damaged[packed.count - 7] ^= 4
        #expect(try refusalAsIs(damaged) == "65 gzip.data")
        // 64 MiB of zeros from 64 KiB, in what isn't wanted: read past, and no further than the limit.
        let bomb = try write(Self.gzip([UInt8](repeating: 0, count: 1 << 26)))
        let stream = try GzipStream(FileStream(InputFile(bomb)), limit: 1 << 20)
        #expect(code { () throws(LocatedError) in while try stream.piece(1 << 16) != nil {} } == "65 gzip.too_large")
        // An array of bytes that declares less than it has, and one that declares what nobody has.
        let more = try write(Self.gzip([0, 0, 8, 1, 0, 0, 0, 9] + [UInt8](repeating: 0, count: 1 << 20)))
        #expect(code { () throws(LocatedError) in try IDX.read(more) } == "65 idx.size")
        let nobody = try write(Self.gzip([0, 0, 8, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))
        #expect(code { () throws(LocatedError) in try IDX.read(nobody) } == "65 idx.size")
        let large = try write(Self.gzip([0, 0, 8, 1, 0, 0x10, 0, 0] + [UInt8](repeating: 0, count: 1 << 20)))
        #expect(try IDX.read(large).count == 1 << 20)
        #expect(code { () throws(LocatedError) in try IDX.read(large, limit: 1 << 20) } == "65 idx.size")
    }

    private func refusalAsIs(_ bytes: [UInt8]) throws -> String? {
        let path = try write(bytes)
        return code { () throws(LocatedError) in try PackedFiles.read(path, ["a"], limit: 1 << 20) }
    }

    /// The notebook's data set from its archive, unpacked nowhere; from the binary version; and from broken ones.
    @Test func readsCIFAR10FromArchives() throws {
        let folder = Fixtures.path("cifar10/batches")
        let expected = try CIFAR10.load(from: folder)
        var members: [UInt8] = Self.member("cifar-10-batches-py/", [], kind: "5")
        for name in CIFAR10.files.names { members += Self.member("cifar-10-batches-py/\(name)", Array(try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))) }
        let home = try Fixtures.temporaryFolder().path
        try FileManager.default.createDirectory(atPath: home + "/datasets", withIntermediateDirectories: false)
        for name in ["cifar-10-batches-py-target_archive", "cifar-10-batches-py.tar.gz", "cifar-10-python.tar.gz"] {
            let path = home + "/datasets/" + name
            try Data(Self.gzip(members + Self.end)).write(to: URL(fileURLWithPath: path))
            for sets in [try CIFAR10.load(from: path), try CIFAR10.load(from: nil, environment: ["KERAS_HOME": home]), try CIFAR10.load(from: home + "/datasets")] {
                #expect(sets.train == expected.train && sets.test == expected.test)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: home + "/datasets") == [name])
            #expect(try LabeledData.load(path).training.y == [expected.train.y])
            try FileManager.default.removeItem(atPath: path)
        }
        // The binary version: a label, then the pixels channel after channel.
        var binary: [UInt8] = []
        let test = expected.test
        for row in 0..<test.y.count {
            binary += test.y.rows(row..<row + 1).array(as: UInt8.self)
            let pixels = test.x.rows(row..<row + 1).array(as: UInt8.self)
            for channel in 0..<3 { binary += stride(from: channel, to: 3072, by: 3).map { pixels[$0] } }
        }
        let bin = try Fixtures.temporaryFolder().path
        for name in CIFAR10.files.names { try Data(binary).write(to: URL(fileURLWithPath: "\(bin)/\(name).bin")) }
        #expect(try CIFAR10.load(from: bin).test == test)
        #expect(try CIFAR10.load(from: bin).train.x.shape == [5 * test.y.count, 32, 32, 3])
        func refusal(_ bytes: [UInt8]) throws -> String? {
            try Data(bytes).write(to: URL(fileURLWithPath: "\(bin)/data_batch_3.bin"))
            return code { () throws(LocatedError) in try CIFAR10.load(from: bin) }
        }
        #expect(try refusal(binary + [0]) == "65 cifar10.size")
        #expect(try refusal([]) == "65 cifar10.size")
        #expect(try refusal([10] + binary.dropFirst()) == "65 cifar10.label")
        let short = try write(Self.gzip(Self.member("cifar-10-batches-bin/data_batch_1.bin", binary)))
        #expect(code { () throws(LocatedError) in try CIFAR10.load(from: short) } == "65 cifar10.batch")
    }
}
