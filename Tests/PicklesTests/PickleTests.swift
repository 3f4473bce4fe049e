@testable import Datasets
import Files
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Pickles

/// `fixtures/cifar10/hostile.json`: pickles that must be refused, and how.
private struct HostilePickle: Decodable, Sendable {
    /// Base 64.
    var pickle: String
    var error: String
    /// What the message must say.
    var words: [String]

    static let all = try! JSONDecoder().decode(
        [String: HostilePickle].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("cifar10/hostile.json"))))
}

/// The error of reading these bytes as a batch, nil when there is none.
private func failure(_ bytes: [UInt8]) -> LocatedError? {
    do throws(LocatedError) {
        _ = try CIFARBatch(Unpickler.read(bytes), CIFAR10.kind)
        return nil
    } catch { return error }
}

private func pickleCode(_ bytes: [UInt8]) -> String? {
    do throws(LocatedError) { _ = try Unpickler.read(bytes) } catch { return "\(error.category.rawValue) \(error.code)" }
    return nil
}

@Suite struct PickleTests {
    @Test(arguments: try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("cifar10/protocols")).sorted())
    func readsEveryProtocol(_ name: String) throws {
        let expected = try NPZ(reading: Fixtures.path("cifar10/expected.npz"))
        let batch = try CIFARBatch(InputFile.readBytes(Fixtures.path("cifar10/protocols/\(name)")), isBinary: false, CIFAR10.kind)
        let samples = CIFARBatch.samples([batch])
        #expect(try samples.x == expected.tensor("x"))
        #expect(try samples.y == expected.tensor("y"))
    }

    @Test func knowsEveryPythonAndNumPy() throws {
        #expect(try FileManager.default.contentsOfDirectory(atPath: Fixtures.path("cifar10/protocols")).count == 19)
    }

    @Test(arguments: HostilePickle.all.keys.sorted())
    func refuses(_ name: String) throws {
        let expected = try #require(HostilePickle.all[name])
        let bytes = [UInt8](try #require(Data(base64Encoded: expected.pickle)))
        let error = try #require(failure(bytes))
        #expect("\(error.category.rawValue) \(error.code)" == expected.error, "\(error)")
        for word in expected.words { #expect("\(error)".contains(word), "\(error)") }
        #expect(!"\(error)".unicodeScalars.contains { $0.value < 0x20 }, "a message must not move the terminal")
        #expect(!FileManager.default.fileExists(atPath: "pickle_was_run"))
    }

    /// The names of the refused instructions are no instructions of ours, and every opcode is one or the other.
    @Test func everyOpcodeIsKnownOrRefused() {
        for byte in UInt8.min...UInt8.max where PickleOpcode(rawValue: byte) != nil {
            #expect(PickleOpcode.refusedNames[byte] == nil)
        }
        #expect(PickleOpcode.refusedNames.count + (UInt8.min...UInt8.max).count { PickleOpcode(rawValue: $0) != nil } == 68)
    }

    /// Cut anywhere: refused, and as cut.
    @Test(arguments: ["python2_protocol_2", "python3_numpy2_protocol_5", "python2_protocol_0", "python3_numpy1_protocol_2"])
    func refusesWhatIsCut(_ name: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("cifar10/protocols/\(name)"))
        let step = bytes.count > 10_000 ? 331 : 61
        for count in Array(0..<200) + Array(stride(from: 200, to: bytes.count, by: step)) + [bytes.count - 1] {
            #expect(pickleCode(Array(bytes[..<count])) == "65 pickle.truncated", "\(count) bytes")
        }
    }

    /// Any one byte changed: read or refused, never trapped.
    @Test(arguments: ["python2_protocol_2", "python2_protocol_0", "python3_numpy1_protocol_0", "python3_numpy2_protocol_4", "python3_numpy2_protocol_5"])
    func survivesDamage(_ name: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("cifar10/protocols/\(name)"))
        var random = NumPyRandom(seed: 20)
        let instructions = Array(0..<180) + Array(bytes.count - 120..<bytes.count)
        for position in instructions + (0..<20).map({ _ in random.randint(0..<bytes.count) }) {
            for mask in [0x01, UInt8(truncatingIfNeeded: random.next32()) | 2] {
                var damaged = bytes
                damaged[position] ^= mask
                _ = failure(damaged)
            }
        }
    }

    /// Random instructions of the known kinds, most of which mean something: read or refused, never trapped.
    @Test func survivesRandomPrograms() {
        var random = NumPyRandom(seed: 21)
        let opcodes = (UInt8.min...UInt8.max).filter { PickleOpcode(rawValue: $0) != nil && $0 != PickleOpcode.stop.rawValue }
        let names = ["numpy\nndarray\n", "numpy\ndtype\n", "numpy.core.multiarray\n_reconstruct\n", "_codecs\nencode\n", "numpy.core.numeric\n_frombuffer\n"]
        var codes: Set<String> = []
        for _ in 0..<5_000 {
            var program: [UInt8] = []
            for _ in 0..<random.randint(1..<40) {
                // The mark, numbers and compound values are what makes the others work.
                let opcode = random.randint(0..<3) == 0 ? Array("(K]}Ut".utf8)[random.randint(0..<6)] : opcodes[random.randint(0..<opcodes.count)]
                program.append(opcode)
                switch PickleOpcode(rawValue: opcode) {
                case .global?: program += Array(names[random.randint(0..<names.count)].utf8)
                case .int?, .long?, .put?, .get?: program += Array("\(random.randint(-2..<5))\n".utf8)
                case .string?: program += Array("'u1'\n".utf8)
                case .unicode?: program += Array("latin1\n".utf8)
                case .shortBinString?, .shortBinBytes?, .shortBinUnicode?: program += [1, UInt8(ascii: "b")]
                case .binString?, .binBytes?, .binUnicode?: program += [1, 0, 0, 0, UInt8(ascii: "|")]
                case .byteArray8?: program += [1, 0, 0, 0, 0, 0, 0, 0, 7]
                case .binInt1?, .binPut?, .binGet?: program.append(UInt8(random.randint(0..<4)))
                case .binInt2?: program += [1, 0]
                case .binInt?, .longBinPut?, .longBinGet?: program += [UInt8(random.randint(0..<4)), 0, 0, 0]
                case .long1?: program += [1, UInt8(truncatingIfNeeded: random.next32())]
                case .frame?: program += [0, 0, 0, 0, 0, 0, 0, 0]
                case .proto?: program.append(2)
                default: break
                }
            }
            program.append(PickleOpcode.stop.rawValue)
            codes.insert(pickleCode(program) ?? "read")
        }
        #expect(codes.isSuperset(of: ["read", "65 pickle.stack", "65 pickle.memo", "65 pickle.arguments", "65 pickle.state", "65 pickle.key"]))
    }

    // MARK: - Bombs

    private let limit = Unpickler.mostValues

    @Test func boundsTheStack() {
        #expect(pickleCode([UInt8](repeating: UInt8(ascii: "N"), count: limit + 1)) == "65 pickle.limit")
        #expect(pickleCode([UInt8](repeating: UInt8(ascii: "("), count: limit + 1)) == "65 pickle.limit")
    }

    @Test func boundsTheMemo() {
        #expect(pickleCode([0x80, 4, 0x4e] + [UInt8](repeating: PickleOpcode.memoize.rawValue, count: limit + 1)) == "65 pickle.limit")
    }

    @Test func boundsContainers() {
        let lists = [UInt8](repeating: UInt8(ascii: "]"), count: limit)
        #expect(pickleCode(lists + Array("N.".utf8)) == "65 pickle.limit")
        let items = Array("](".utf8) + [UInt8](repeating: UInt8(ascii: "N"), count: limit / 2) + Array("e(".utf8)
            + [UInt8](repeating: UInt8(ascii: "N"), count: limit / 2 + 1) + Array("e.".utf8)
        #expect(pickleCode(items) == "65 pickle.limit")
    }

    /// Nesting without end takes no stack of ours, neither on the way in nor when it is released.
    @Test func survivesDepth() {
        let depth = 150_000
        let nested = [UInt8](repeating: UInt8(ascii: "]"), count: depth) + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1)
        #expect(pickleCode(nested + Array(".".utf8)) == nil)
        #expect(failure(nested + Array(".".utf8))?.code == "cifar10.batch")
        let tuples = [UInt8(ascii: "N")] + [UInt8](repeating: PickleOpcode.tuple1.rawValue, count: depth)
        #expect(pickleCode(tuples + Array(".".utf8)) == nil)
    }

    /// A list in itself, and a list of lists of lists… that would have 2^64 items if they were copies.
    @Test func survivesSharing() {
        #expect(pickleCode(Array("]q\u{0}h\u{0}a.".utf8)) == nil)
        var program = Array("]q\u{0}".utf8)
        for level in 1...64 as ClosedRange<UInt8> {
            program += [0x5d, 0x71, level, 0x28, 0x68, level - 1, 0x68, level - 1, 0x65]
        }
        #expect(pickleCode(Array("(".utf8) + program + Array("t.".utf8)) == nil)
    }

    /// Appending one at a time to a long list, as protocol 0 does, takes time in proportion.
    @Test func appendsQuickly() {
        let count = 200_000
        var program = Array("(l".utf8)
        for _ in 0..<count { program += Array("K\u{1}a".utf8) }
        #expect(pickleCode(program + Array(".".utf8)) == nil)
    }
}
