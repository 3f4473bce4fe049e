@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Downloads from a server on this machine: whole, broken off, gone on with, wrong.
@Suite struct DownloadTests {
    private let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
    private var sum: String { Digest.hexadecimal(Digest.of(content, .sha256)) }
    private var md5: String { Digest.hexadecimal(Digest.of(content, .md5)) }

    private func quick(_ report: (@Sendable (Downloads.Progress) -> Void)? = nil) -> Downloads {
        var downloads = Downloads(report)
        downloads.pause = 0
        downloads.idleSeconds = 5
        return downloads
    }

    private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    private func files(_ folder: String) throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    private final class Log: @unchecked Sendable {
        let lock = NSLock()
        var list: [Downloads.Progress] = []
    }

    @Test func getsFiles() throws {
        let server = try LoopbackServer(), home = try Fixtures.temporaryFolder().path
        defer { server.stop() }
        server.give("data.bin", [.init(content: content)])
        let log = Log()
        let downloads = quick { progress in log.lock.withLock { log.list.append(progress) } }
        let path = try getFile(origin: server.address + "data.bin?version=2", cacheDir: home, downloads: downloads)
        #expect(path == home + "/datasets/data.bin")
        #expect(try bytes(path) == content && files(home + "/datasets") == ["data.bin"])
        #expect(log.list.last?.received == content.count && log.list.last?.total == content.count)
        #expect(log.list.map(\.received) == log.list.map(\.received).sorted())
        // It is there now, and right.
        #expect(try getFile("data.bin", origin: server.address + "data.bin", fileHash: sum, cacheDir: home, downloads: .never) == path)
        #expect(try getFile("data.bin", origin: server.address + "data.bin", fileHash: md5.uppercased(), cacheDir: home, downloads: downloads) == path)
        #expect(server.log == ["GET /data.bin?version=2 HTTP/1.1"])
        // Another sum: it is got again.
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
        #expect(
            code { () throws(LocatedError) in try getFile("data.bin", origin: server.address + "data.bin", fileHash: sum, cacheDir: home, downloads: .never) }
                == "65 download.checksum")
        #expect(try bytes(getFile("data.bin", origin: server.address + "data.bin", fileHash: sum, cacheDir: home, downloads: downloads)) == content)
        #expect(try bytes(getFile("data.bin", origin: server.address + "data.bin", cacheDir: home, forceDownload: true, downloads: downloads)) == content)
        #expect(server.log.count == 3)
        #expect(try getFile("x", origin: server.address + "data.bin", cacheSubdir: home + "/else/where", downloads: downloads) == home + "/else/where/x")
    }

    @Test func goesOnAfterCuts() throws {
        let server = try LoopbackServer(), home = try Fixtures.temporaryFolder().path
        defer { server.stop() }
        let path = home + "/datasets/data.bin"
        func get(_ hash: String?, _ answers: LoopbackServer.Answer...) throws -> String? {
            server.give("data.bin", answers)
            return code { () throws(LocatedError) in
                try getFile("data.bin", origin: server.address + "data.bin", fileHash: hash, cacheDir: home, forceDownload: true, downloads: quick())
            }
        }
        // Within one call, the rest alone is asked for.
        #expect(try get(sum, .init(content: content, cut: 100_000), .init(content: content, cut: 50_000), .init(content: content)) == nil)
        #expect(try bytes(path) == content)
        #expect(server.log == ["GET /data.bin HTTP/1.1", "GET /data.bin HTTP/1.1 from 100000", "GET /data.bin HTTP/1.1 from 150000"])
        #expect(try get(nil, .init(content: content, cut: 100_000), .init(content: content)) == nil)
        #expect(try bytes(path) == content)
        // A server without ranges sends all again.
        #expect(try get(sum, .init(content: content, cut: 100_000), .init(content: content, hasRanges: false)) == nil)
        #expect(try bytes(path) == content)
        // A range that isn't the one that was asked for: from the beginning.
        #expect(try get(sum, .init(content: content, cut: 100_000), .init(content: content, falseStart: 5), .init(content: content)) == nil)
        #expect(try bytes(path) == content)
        // No length is told, and it ends too early: only the sum shows it, and the file is got anew.
        #expect(try get(sum, .init(content: content, cut: 100_000, hidesLength: true)) == "65 download.checksum")
        #expect(try bytes(path) == content && files(home + "/datasets") == ["data.bin"])
        // No byte comes any more: what came is kept, for another call, and the file that was there is as it was.
        try Data([9]).write(to: URL(fileURLWithPath: path))
        #expect(try get(sum, .init(content: content, cut: 100_000), .init(content: content, cut: 0)) == "74 download.interrupted")
        #expect(try bytes(path) == [9] && bytes(path + ".part") == Array(content.prefix(100_000)))
        let before = server.log.count
        #expect(try get(sum, .init(content: content)) == nil)
        #expect(try bytes(path) == content && server.log[before...] == ["GET /data.bin HTTP/1.1 from 100000"])
        #expect(try files(home + "/datasets") == ["data.bin"])
        // What was left is another file's beginning, or more than the whole, or the whole.
        for rest in [[UInt8](repeating: 1, count: 1000), content + [1], content] {
            try Data(rest).write(to: URL(fileURLWithPath: path + ".part"))
            let before = server.log.count
            #expect(try get(sum, .init(content: content)) == nil)
            #expect(try bytes(path) == content && files(home + "/datasets") == ["data.bin"])
            #expect(server.log.count - before == (rest == content ? 0 : 2))
        }
        // Without a sum nothing is gone on with, and nothing kept.
        try Data([1]).write(to: URL(fileURLWithPath: path + ".part"))
        #expect(try get(nil, .init(content: content)) == nil)
        #expect(try bytes(path) == content)
        #expect(try get(nil, .init(content: content, cut: 10), .init(content: content, cut: 0)) == "74 download.interrupted")
        #expect(try files(home + "/datasets") == ["data.bin"])
    }

    @Test func refusesWhatIsWrong() throws {
        let server = try LoopbackServer(), home = try Fixtures.temporaryFolder().path
        defer { server.stop() }
        func get(_ path: String = "data.bin", name: String? = "file", hash: String? = nil, to folder: String? = nil) -> String? {
            code { () throws(LocatedError) in
                try getFile(name, origin: path.contains(":") ? path : server.address + path, fileHash: hash, cacheDir: folder ?? home, downloads: quick())
            }
        }
        server.give("data.bin", [.init(content: content)])
        #expect(get(hash: String(repeating: "0", count: 64)) == "65 download.checksum")
        #expect(try files(home + "/datasets") == [])
        #expect(get("missing") == "66 download.status")
        server.give("broken", [.init(status: 503)])
        #expect(get("broken") == "74 download.status")
        // Redirections are followed, to HTTP alone, and not forever.
        server.give("moved", [.init(status: 302, location: server.address + "data.bin")])
        #expect(get("moved", name: "moved", hash: sum) == nil)
        server.give("loop", [.init(status: 302, location: "/loop")])
        #expect(get("loop") == "74 download.failed")
        server.give("file", [.init(status: 302, location: "file:///etc/hostname")])
        #expect(get("file") == "74 download.failed")
        for origin in ["file:///etc/hostname", "ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "http://127.0.0.1/a b"] {
            #expect(get(origin) == "69 download.origin")
        }
        for name in ["../x", "a/b", "..", "a\0b"] { #expect(get(name: name) == "64 download.name") }
        #expect(get("http://127.0.0.1", name: nil) == "64 download.name")
        // Nobody listens there any more.
        let other = try LoopbackServer()
        other.stop()
        #expect(get(other.address + "data.bin") == "66 download.offline")
        // No folder can be made in a file.
        try Data().write(to: URL(fileURLWithPath: home + "/occupied"))
        #expect(get(to: home + "/occupied") == "73 output.folder")
        // An empty file is one.
        server.give("empty", [.init(content: [])])
        #expect(get("empty", name: "empty") == nil)
        #expect(try bytes(home + "/datasets/empty") == [])
        #expect(try files(home + "/datasets") == ["empty", "moved"])
    }

    @Test func letsOneDownloadAtATime() throws {
        let server = try LoopbackServer(), home = try Fixtures.temporaryFolder().path
        defer { server.stop() }
        server.give("data.bin", [.init(content: content)])
        try FileManager.default.createDirectory(atPath: home + "/datasets", withIntermediateDirectories: false)
        let part = open(home + "/datasets/data.bin.part", O_RDWR | O_CREAT, 0o600)
        #expect(flock(part, LOCK_EX) == 0)
        func get() -> String? {
            code { () throws(LocatedError) in try getFile(origin: server.address + "data.bin", cacheDir: home, downloads: quick()) }
        }
        #expect(get() == "74 download.busy")
        close(part)
        #expect(get() == nil)
        // A link in the place of the growing file is not followed.
        let victim = home + "/victim"
        try Data([7]).write(to: URL(fileURLWithPath: victim))
        try FileManager.default.createSymbolicLink(atPath: home + "/datasets/data.bin.part", withDestinationPath: victim)
        try FileManager.default.removeItem(atPath: home + "/datasets/data.bin")
        #expect(get() == "73 output.create")
        #expect(try bytes(victim) == [7])
    }

    /// Data sets that are absent come from the server, into Keras's places.
    @Test func fillsTheCache() throws {
        let server = try LoopbackServer(), home = try Fixtures.temporaryFolder().path
        defer { server.stop() }
        var downloads = quick()
        downloads.mirror = server.address
        let environment = ["KERAS_HOME": home]
        for file in FashionMNIST.files { server.give(file.name, [.init(content: try bytes(CacheLoadingTests.cache + "fashion-mnist/" + file.name))]) }
        let clothes = try FashionMNIST.load(from: nil, environment: environment, downloads: downloads)
        #expect(try clothes.train == FashionMNIST.load(from: CacheLoadingTests.cache + "fashion-mnist").train)
        #expect(try files(home + "/datasets/fashion-mnist").count == 4)
        // The stand-ins don't have the originals' sums.
        server.give("mnist.npz", [.init(content: try bytes(CacheLoadingTests.cache + "mnist.npz"))])
        #expect(code { () throws(LocatedError) in try MNIST.load(from: nil, environment: environment, downloads: downloads) } == "65 download.checksum")
        #expect(
            code { () throws(LocatedError) in try CIFAR100.load(from: nil, .fine, environment: environment, downloads: downloads) } == "66 cifar100.absent")
        #expect(server.log.last == "GET /cifar-100-python.tar.gz HTTP/1.1")
        do throws(LocatedError) {
            downloads.mirror = "http://127.0.0.1:1/"
            _ = try MNIST.load(from: nil, environment: environment, downloads: downloads)
            Issue.record("expected an error")
        } catch {
            #expect(error.category == .notFound && error.code == "mnist.absent")
            for word in [home + "/datasets/mnist.npz", MNIST.file.origin, "download"] { #expect("\(error)".contains(word), "\(error)") }
        }
        #expect(try files(home + "/datasets") == ["fashion-mnist"])
    }

    @Test func drawsBars() {
        #expect(DownloadBar.line(0, 1000, seconds: 0) == "   0/1000 [..............................] - ETA: 0s  ")
        #expect(DownloadBar.line(500, 1000, seconds: 4) == " 500/1000 [==============>...............] - ETA: 4s  ")
        #expect(DownloadBar.line(1000, 1000, seconds: 130) == "1000/1000 [==============================] - 2:10  ")
        #expect(DownloadBar.line(7, nil, seconds: 4000) == "7/Unknown - 1:06:40")
        #expect(DownloadBar.line(7, 0, seconds: 0) == "7/Unknown - 0s")
    }
}
