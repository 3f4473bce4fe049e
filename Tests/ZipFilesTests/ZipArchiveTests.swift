import Files
import Foundation
import Tensors
import TestSupport
import Testing

@testable import ZipFiles

@Suite struct ZipArchiveTests {
    private func written(
        _ members: [ZipWriter.Member], compression: ZipWriter.Compression = .stored, date: ZipWriter.Date = .init()
    ) throws -> String {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.zip").path
        try ZipWriter.write(members, to: path, named: path, compression: compression, date: date, permissions: 0o600)
        return path
    }

    @Test func whatWasWrittenIsReadBack() throws {
        let text = Array("Grüße".utf8)
        let tensor = Tensor([1, 2, 3] as [Float])
        for compression in [ZipWriter.Compression.stored, .deflated] {
            let path = try written(
                [ZipWriter.Member("a.txt", [.bytes(text)]), ZipWriter.Member("b", [.bytes([7]), .tensor(tensor)])],
                compression: compression)
            let archive = try ZipArchive(reading: path, rules: .keras)
            #expect(archive.members.map(\.name) == ["a.txt", "b"])
            let first = try #require(archive.member("a.txt")), second = try #require(archive.member("b"))
            #expect(try archive.bytes(of: first, limit: 100) == text)
            #expect(try archive.bytes(of: second, limit: 100) == [7] + tensor.withUnsafeBytes { Array($0) })
            #expect(archive.member("c") == nil)
            #expect(throws: LocatedError.self) { try archive.bytes(of: second, limit: 12) }
        }
    }

    @Test func aStoredMemberLiesWhereItIsSaidTo() throws {
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let path = try written([ZipWriter.Member("first", [.bytes([1, 2])]), ZipWriter.Member("second", [.bytes(bytes)])])
        let archive = try ZipArchive(reading: path, rules: .keras)
        let member = try #require(archive.member("second"))
        let range = try #require(try archive.range(of: member))
        #expect(try InputFile(path).bytes(at: range.lowerBound, count: range.count) == bytes)
        let deflated = try written([ZipWriter.Member("second", [.bytes(bytes + bytes)])], compression: .deflated)
        let other = try ZipArchive(reading: deflated, rules: .keras)
        let otherMember = try #require(other.member("second"))
        #expect(try other.range(of: otherMember) == nil)
    }

    /// In whatever order the parts of a stored member are read, its checksum is compared once nearly all of it was.
    @Test(arguments: [false, true])
    func checksumsOfPartsAreThatOfTheWhole(_ isDamaged: Bool) throws {
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        let path = try written([ZipWriter.Member("first", [.bytes([1, 2])]), ZipWriter.Member("second", [.bytes(bytes)])])
        var archive = try ZipArchive(reading: path, rules: .keras)
        var member = try #require(archive.member("second"))
        let start = try #require(try archive.range(of: member)).lowerBound
        var held = bytes
        if isDamaged {
            var file = try InputFile.readBytes(path)
            file[start + 4_000_001] ^= 1
            held[4_000_001] ^= 1
            try AtomicFile.write(file, to: path)
            archive = try ZipArchive(reading: path, rules: .keras)
            member = try #require(archive.member("second"))
        }
        let ledger = try #require(try archive.ledger(of: member))
        let parts = [3_000_000..<4_900_000, 100..<1_000_000, 1_000_000..<1_000_100, 1_000_100..<2_000_000, 2_000_000..<2_900_000]
        for part in parts + [100..<1_000_000] { held[part].withUnsafeBytes { ledger.note(part.lowerBound, $0) } }
        if isDamaged {
            for _ in 0..<2 { #expect { try ledger.check() } throws: { ($0 as? LocatedError)?.code == "zip.data" } }
        } else {
            try ledger.check()
        }
        // Little of it was read: nothing is compared.
        let other = try #require(try archive.ledger(of: member))
        other.note(0, UnsafeRawBufferPointer(start: nil, count: 0))
        try other.check()
    }

    @Test func theSameMembersGiveTheSameBytes() throws {
        let members = [ZipWriter.Member("a", [.bytes([1, 2, 3])])]
        let date = ZipWriter.Date(secondsSince1970: 1_700_000_000)
        let first = try InputFile.readBytes(try written(members, date: date))
        #expect(try InputFile.readBytes(try written(members, date: date)) == first)
        #expect(try InputFile.readBytes(try written(members)) != first)
        #expect(ZipWriter.Date(secondsSince1970: 0) == ZipWriter.Date())
        // 2023-11-14 22:13:20
        #expect(date.day == 43 << 9 | 11 << 5 | 14)
        #expect(date.time == 22 << 11 | 13 << 5 | 10)
    }

    @Test(arguments: ["/etc/x", "a/../../b", "..", "C:x", "a\\b"])
    func namesThatLeadOutAreRefused(_ name: String) throws {
        let path = try written([ZipWriter.Member(name, [.bytes([1])])])
        #expect { try ZipArchive(reading: path, rules: .keras) } throws: { ($0 as? LocatedError)?.code == "zip.name" }
        // NumPy's archives have names of arrays, which are no paths.
        #expect(try ZipArchive(reading: path, rules: .npz).members.count == 1)
    }

    @Test func linksAreRefused() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.zip").path
        try ZipWriter.write(
            [ZipWriter.Member("config.json", [.bytes(Array("/etc/x".utf8))])], to: path, named: path, permissions: 0o120777)
        #expect { try ZipArchive(reading: path, rules: .keras) } throws: { ($0 as? LocatedError)?.code == "zip.name" }
    }

    @Test func bombsAreRefusedBeforeMemoryIsTaken() throws {
        let path = try written([ZipWriter.Member("zeros", [.bytes([UInt8](repeating: 0, count: 8 << 20))])], compression: .deflated)
        let archive = try ZipArchive(reading: path, rules: .keras)
        let member = try #require(archive.member("zeros"))
        #expect { try archive.bytes(of: member, limit: 1 << 30) } throws: { ($0 as? LocatedError)?.code == "zip.ratio" }
    }

    /// Flips every byte of a small archive: nothing may trap, and what is read must lie within the file.
    @Test func damagedArchivesAreRefusedOrSound() throws {
        let path = try written([ZipWriter.Member("a", [.bytes([1, 2, 3])]), ZipWriter.Member("b", [.bytes([4])])])
        let sound = try InputFile.readBytes(path)
        let damaged = try Fixtures.temporaryFolder().appendingPathComponent("b.zip").path
        for index in sound.indices {
            var bytes = sound
            bytes[index] ^= 0xFF
            try AtomicFile.write(bytes, to: damaged)
            guard let archive = try? ZipArchive(reading: damaged, rules: .keras) else { continue }
            for member in archive.members {
                if let range = try? archive.range(of: member) { #expect(range.upperBound <= bytes.count) }
                _ = try? archive.bytes(of: member, limit: 1000)
            }
        }
    }
}
