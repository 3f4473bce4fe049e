import Files
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    let folder: URL
    init() throws { folder = try Fixtures.temporaryFolder() }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    func code(_ body: () throws(LocatedError) -> Void) -> String? {
        do throws(LocatedError) { try body() } catch { return "\(error.category.rawValue) \(error.code)" }
        return nil
    }

    @Test func writesAndReplaces() throws {
        try AtomicFile.write("old", to: path("a"))
        try AtomicFile.write([1, 2, 3], to: path("a"))
        #expect(try InputFile.readBytes(path("a")) == [1, 2, 3])
        try AtomicFile.write([], to: path("a"))
        #expect(try InputFile.readBytes(path("a")) == [])
        #expect(try names() == ["a"])
    }

    @Test func failureLeavesTheOldFileAndNoTemporary() throws {
        try AtomicFile.write("old", to: path("a"))
        let result = code { () throws(LocatedError) in
            try AtomicFile.write(to: path("a")) { (temporary) throws(LocatedError) in
                try AtomicFile.write("half", to: temporary)
                throw LocatedError(.io, "test.full", "disk full")
            }
        }
        #expect(result == "74 test.full")
        #expect(try String(contentsOfFile: path("a"), encoding: .utf8) == "old")
        #expect(try names() == ["a"])
    }

    @Test func temporaryLiesBesideTheTargetAndIsRecognisable() throws {
        let name = try AtomicFile.write(to: path("model.h5")) { (temporary) throws(LocatedError) in
            #expect(URL(fileURLWithPath: temporary).deletingLastPathComponent().path == folder.path)
            return URL(fileURLWithPath: temporary).lastPathComponent
        }
        #expect(name.wholeMatch(of: /\.model\.h5\.swift-keras-[a-z0-9]{6}\.tmp/) != nil)
        #expect(AtomicFile.isTemporary(name))
        #expect(!AtomicFile.isTemporary("model.h5"))
    }

    @Test func longNamesFit() throws {
        let name = String(repeating: "é", count: 125)
        try AtomicFile.write("x", to: path(name))
        #expect(try names() == [name])
    }

    @Test func keepsPermissions() throws {
        try AtomicFile.write("old", to: path("a"))
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path("a"))
        try AtomicFile.write("new", to: path("a"))
        let attributes = try FileManager.default.attributesOfItem(atPath: path("a"))
        #expect(attributes[.posixPermissions] as? Int == 0o640)
    }

    @Test func symbolicLinksStay() throws {
        try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: "real")
        try AtomicFile.write("x", to: path("link"))
        #expect(try String(contentsOfFile: path("real"), encoding: .utf8) == "x")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("link")) == "real")
        try FileManager.default.createSymbolicLink(atPath: path("loop"), withDestinationPath: "loop")
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: path("loop")) } == "73 output.create")
    }

    @Test func sweepsOldLeftoversOfTheSameTargetOnly() throws {
        let old = Date(timeIntervalSinceNow: -7200)
        for name in [".a.swift-keras-abc123.tmp", ".b.swift-keras-abc123.tmp", ".a.swift-keras-new123.tmp"] {
            try Data().write(to: folder.appendingPathComponent(name))
            if !name.contains("new") {
                try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path(name))
            }
        }
        try AtomicFile.write("x", to: path("a"))
        #expect(try names() == [".a.swift-keras-new123.tmp", ".b.swift-keras-abc123.tmp", "a"])
    }

    @Test func refusesWhatCannotBeCreated() throws {
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: path("none/a")) } == "73 output.folder")
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: folder.path) } == "73 output.is_folder")
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: "") } == "73 output.name")
        try AtomicFile.write("x", to: path("file"))
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: path("file/a")) } == "73 output.folder")
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: "/proc/a") }?.hasPrefix("73") == true)
    }

    @Test func saysBeforehandWhatCannotBeCreated() throws {
        #expect(code { () throws(LocatedError) in try AtomicFile.requireWritable(path("none/a")) } == "73 output.folder")
        #expect(code { () throws(LocatedError) in try AtomicFile.requireWritable(folder.path) } == "73 output.is_folder")
        try AtomicFile.requireWritable(path("a"))
        #expect(!FileManager.default.fileExists(atPath: path("a")))
    }

    @Test(.enabled(if: getuid() != 0, "root may write anywhere"))
    func refusesAReadOnlyFolder() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
        #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: path("a")) } == "73 output.denied")
    }

    @Test func writesThroughToDevices() throws {
        try AtomicFile.write("x", to: "/dev/null")
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    #if os(Linux)
        @Test func aFullDiskIsAnIOError() {
            #expect(code { () throws(LocatedError) in try AtomicFile.write("x", to: "/dev/full") } == "74 output.disk_full")
        }
    #endif

    @Test func readsWithinLimits() throws {
        try AtomicFile.write("12345", to: path("a"))
        #expect(code { () throws(LocatedError) in _ = try InputFile.readBytes(path("a"), limit: 4) } == "65 file.too_large")
        #expect(code { () throws(LocatedError) in _ = try InputFile.readBytes("/dev/zero", limit: 100_000) } == "65 file.too_large")
        #expect(code { () throws(LocatedError) in _ = try InputFile.readBytes(path("b")) } == "66 file.not_found")
        #expect(code { () throws(LocatedError) in _ = try InputFile.readBytes(folder.path) } == "66 file.is_folder")
        #expect(code { () throws(LocatedError) in _ = try InputFile("/dev/null") } == "66 file.not_regular")
        #expect(try InputFile(path("a")).bytes(at: 1, count: 3) == Array("234".utf8))
    }
}
