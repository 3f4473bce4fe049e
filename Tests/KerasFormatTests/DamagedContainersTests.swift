import Files
import Foundation
import KerasSpec
import Pickles
import Tensors
import TestSupport
import Testing
import ZipFiles

@testable import KerasFormat

/// Archives, pickles and maps with a few bytes changed: read or refused, never trapped.
///
/// HDF5 isn't touched: what libhdf5 does with damaged files is told at `HDF5File`.
@Suite struct DamagedContainersTests {
    private static func path(_ name: String) -> String { Fixtures.path("formats/wild/\(name)") }

    /// All that can be done with a file.
    private func use(_ path: String) {
        if let stored = try? KerasFile.read(path) {
            for weight in stored.weights?.layers.flatMap(\.weights) ?? [] { _ = try? weight.tensor.load() }
            for asset in stored.assets { _ = try? asset.load() }
            if let spec = stored.spec, let weights = stored.weights { _ = try? WeightBinding.resolve(weights, in: spec) }
        }
        _ = try? KerasFile.inspect(path)
        _ = try? RawTree(of: path).text
    }

    @Test(arguments: ["npz_keras-2.13.keras", "npz_keras-3.15.keras", "assets_nested.keras"])
    func archives(_ name: String) throws {
        let sound = try InputFile.readBytes(Self.path(name))
        let archive = try ZipArchive(reading: Self.path(name), rules: .keras)
        var forbidden = 0..<0
        if let weights = archive.member("model.weights.h5") { forbidden = try #require(try archive.range(of: weights)) }
        var random = BrokenFilesTests.SplitMix(state: 11)
        let damaged = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        for round in 0..<250 {
            var bytes = sound
            // The table of contents stands at the end.
            for _ in 0...Int(random.next() % 3) {
                let tail = min(bytes.count, 1200)
                let position = round % 2 == 0 ? bytes.count - 1 - Int(random.next() % UInt64(tail)) : Int(random.next() % UInt64(bytes.count))
                if !forbidden.contains(position) { bytes[position] = UInt8(truncatingIfNeeded: random.next()) }
            }
            if round % 10 == 9, forbidden.isEmpty { bytes.removeLast(Int(random.next() % UInt64(bytes.count))) }
            try Data(bytes).write(to: URL(fileURLWithPath: damaged))
            use(damaged)
        }
    }

    /// The members themselves, past the archive's checksums.
    @Test(arguments: ["npz_keras-2.13.keras", "npz_keras-3.0.keras", "npz_keras-3.15.keras", "npz_tf-keras-2.21.keras"])
    func pickles(_ name: String) throws {
        let outer = try ZipArchive(reading: Self.path(name), rules: .keras)
        let inner = try ZipArchive(try #require(outer.member("model.weights.npz")), of: outer, rules: .npz)
        var random = BrokenFilesTests.SplitMix(state: 12)
        var read = 0
        for member in inner.members {
            let bytes = try inner.bytes(of: member, limit: 1 << 20)
            let pickle = Array(bytes[(10 + Int(bytes[8]) + Int(bytes[9]) << 8)...])
            #expect(throws: LocatedError.self) { try Unpickler.read(pickle) }
            for _ in 0..<400 {
                var damaged = bytes
                for _ in 0...Int(random.next() % 3) {
                    damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
                }
                if (try? ObjectNPZ.weights(damaged)) != nil { read += 1 }
            }
            for count in stride(from: 0, to: bytes.count, by: 7) { _ = try? ObjectNPZ.weights(Array(bytes[..<count])) }
        }
        #expect(read > 0, "changed numbers alone do no harm")
    }

    /// An array that is named twice is counted twice.
    @Test func onePickledArrayUnderManyNamesIsRefused() throws {
        let outer = try ZipArchive(reading: Self.path("npz_keras-2.13.keras"), rules: .keras)
        let inner = try ZipArchive(try #require(outer.member("model.weights.npz")), of: outer, rules: .npz)
        let member = try #require(inner.members.first { $0.name.hasSuffix("lstm/cell.npy") })
        var bytes = try inner.bytes(of: member, limit: 1 << 20)
        // Before APPEND, TUPLE, BINPUT, BUILD, STOP: MARK, then "a" → memo 20 (some array or its parts), SETITEMS.
        let name = Array("X\u{1}\u{0}\u{0}\u{0}".utf8)
        var refused = 0
        for memo in UInt8(0)..<60 {
            var more: [UInt8] = [UInt8(ascii: "(")]
            for letter in UInt8(0x41)..<0x7A { more += name + [letter, UInt8(ascii: "h"), memo] }
            more.append(UInt8(ascii: "u"))
            guard let end = bytes.lastIndex(of: UInt8(ascii: "a")) else { continue }
            var changed = bytes
            changed.insert(contentsOf: more, at: end)
            do { _ = try ObjectNPZ.weights(changed) } catch { if error.code == "pickle.limit" { refused += 1 } }
        }
        #expect(refused > 0)
        bytes = []
    }

    @Test func maps() throws {
        let folder = Fixtures.path("formats/containers/keras-3.15")
        let text = try InputFile.readBytes(folder + "/sequential.weights.json")
        let copy = try Fixtures.temporaryFolder()
        for number in 0..<5 {
            let shard = "sequential_0000\(number).weights.h5"
            try FileManager.default.copyItem(atPath: folder + "/" + shard, toPath: copy.path + "/" + shard)
        }
        var random = BrokenFilesTests.SplitMix(state: 13)
        let path = copy.appendingPathComponent("sequential.weights.json").path
        let values = try JSON.parse(text)
        let tokens = ["null", "[]", "{}", "-1", "\"/\"", "\"..\"", "\"sequential_00001.weights.h5\"", "[[]]", "\"sequential.weights.json\""]
        for _ in 0..<150 {
            var mutated = values
            BrokenFilesTests.mutate(&mutated, &random, try JSON.parse(tokens[Int(random.next() % UInt64(tokens.count))]))
            try AtomicFile.write(JSON.text(mutated), to: path)
            use(path)
        }
    }
}
