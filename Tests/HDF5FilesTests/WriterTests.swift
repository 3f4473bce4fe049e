import Foundation
import HDF5Files
import Tensors
import TestSupport
import Testing

/// What the writer writes reads back the same, and is laid out as h5py 2 under Keras 2.3.1 lays it out.
@Suite struct WriterTests {
    private static let kinds: [HDF5StringKind] = [
        HDF5StringKind.Storage.variable, .fixed(size: 16),
    ].flatMap { storage in
        [HDF5StringKind.Padding.nullTerminated, .nullPadded, .spacePadded].flatMap { padding in
            [HDF5StringKind.CharacterSet.ascii, .utf8].map {
                HDF5StringKind(storage, padding: padding, characterSet: $0)
            }
        }
    }

    @Test func attributesOfEveryKindComeBack() throws {
        let path = try temporaryFile()
        var values: [String: HDF5Attribute] = [
            "null": .empty, "none": .emptyList, "number": .numbers(Tensor(scalar: Int32(-5))),
            "matrix": .numbers(Tensor([1.5, 2, 3, 4] as [Float], shape: [2, 2])),
            "flags": .numbers(Tensor([true, false])), "schön": .string(HDF5String("größer", kind: .variableUTF8)),
            "no strings": .strings([], kind: .fixedASCII(size: 3), shape: [0]),
            "long": .string(HDF5String(String(repeating: "{\"a\": 1}", count: 20000))),
        ]
        for (index, kind) in WriterTests.kinds.enumerated() {
            let texts = kind.characterSet == .ascii ? ["kernel", "", "bias"] : ["Größe", "", "層"]
            values["scalar \(index)"] = .string(HDF5String(texts[0], kind: kind))
            values["empty \(index)"] = .string(HDF5String("", kind: kind))
            values["list \(index)"] = .strings(texts, kind: kind, shape: [3])
            values["grid \(index)"] = .strings(texts + texts, kind: kind, shape: [2, 3])
        }
        let writer = try HDF5Writer(creating: path)
        try writer.createGroup("a/b")
        for (name, value) in values { try writer.setAttribute(name, on: "a/b", value) }
        try writer.close()
        let file = try HDF5File(reading: path)
        #expect(try Set(file.attributes(of: "a/b")) == Set(values.keys))
        for (name, value) in values { #expect(try file.attribute(name, of: "a/b") == value, "\(name)") }
    }

    @Test(arguments: DType.allCases.filter { $0 != .string })
    func datasetsOfEveryTypeComeBack(dtype: DType) throws {
        let path = try temporaryFile()
        let tensor = Tensor([0.0, 1, 1, 0, 1, 1], shape: [2, 3]).asType(dtype)
        let writer = try HDF5Writer(creating: path)
        try writer.writeDataset("a/b/kernel:0", tensor)
        try writer.writeDataset("scalar", Tensor([1.0], shape: []).asType(dtype))
        try writer.writeDataset("nothing", Tensor(zeros: [0, 4], dtype: dtype))
        try writer.writeDataset("converted", Tensor([0.0, 1, 1, 0, 1, 1], shape: [2, 3]), as: dtype)
        try writer.close()
        let file = try HDF5File(reading: path)
        #expect(try file.dataset("a/b/kernel:0").load() == tensor)
        #expect(try file.dataset("converted").load() == tensor)
        #expect(try file.dataset("scalar").shape == [])
        #expect(try file.dataset("nothing").load() == Tensor(zeros: [0, 4], dtype: dtype))
        let info = try file.datasetInfo("a/b/kernel:0")
        #expect(info.layout == .contiguous)
        #expect(info.byteOrder == (dtype.byteCount == 1 ? .none : .little))
        #expect(info.filters.isEmpty)
        #expect(info.storageSize == 6 * dtype.byteCount)
    }

    @Test(arguments: [HDF5Writer.ListKind.fixedLength, .variableLength])
    func nameListsComeBack(kind: HDF5Writer.ListKind) throws {
        let lists: [String: [String]] = [
            "none": [], "one": ["conv2d_1"], "unicode": ["schicht_ä", "b"], "blank": [""],
            "full": (0..<64).map { String(repeating: "x", count: 1007) + String($0 % 10) },
            "beyond": (0..<65).map { String(repeating: "x", count: 1007) + String($0 % 10) },
            "many": (0..<30000).map { "layer_\($0)" }, "short": (0..<20000).map { "\($0 % 10)" },
        ]
        let path = try temporaryFile()
        let writer = try HDF5Writer(creating: path)
        for (name, list) in lists {
            try writer.createGroup(name)
            try writer.writeStringList("names", on: name, list, kind: kind)
        }
        try writer.close()
        let file = try HDF5File(reading: path)
        for (name, list) in lists { #expect(try file.stringList("names", of: name) == list, "\(name)") }
        #expect(try file.attribute("names", of: "none") == .emptyList)
        #expect(try file.attributes(of: "full") == ["names"])
        #expect(try file.attributes(of: "beyond") == ["names0", "names1"])
        let one = try file.attribute("names", of: "one")
        #expect(one?.stringKind == (kind == .fixedLength ? .fixedASCII(size: 8) : .variableASCII))
    }

    /// NumPy cuts 1101 names of 66 bytes into 551 and 550, and the parts keep the width of the longest name of all.
    @Test func splitsAsKerasDoes() throws {
        let genuine = try HDF5File(reading: Fixtures.path("hdf5/h5py2_lists.h5"))
        let names = try #require(try genuine.stringList("split", of: ""))
        let path = try temporaryFile()
        let writer = try HDF5Writer(creating: path)
        try writer.writeStringList("split", on: "", names)
        try writer.close()
        let file = try HDF5File(reading: path)
        for part in ["split0", "split1"] {
            #expect(try file.attribute(part, of: "") == genuine.attribute(part, of: ""))
        }
        #expect(try file.attribute("split2", of: "") == nil)
    }

    @Test func refusesNamesBeyondAnAttribute() throws {
        let writer = try HDF5Writer(creating: try temporaryFile())
        let error = #expect(throws: LocatedError.self) {
            try writer.writeStringList("names", on: "", [String(repeating: "x", count: 64513)])
        }
        #expect(error?.code == "hdf5.attribute")
    }

    /// Rewriting a genuine file object by object gives the same description, and a second time the same bytes.
    @Test(arguments: ["mini1/weights.h5", "mini1/whole.h5", "mini2/weights.h5", "mini2/whole.h5"])
    func rewritesGenuineFiles(sample: String) throws {
        let original = try HDF5File(reading: Fixtures.path("samples/keras-2.3.1_tf1.15/" + sample))
        let first = try temporaryFile()
        let second = try temporaryFile()
        try rewrite(original, to: first)
        try rewrite(original, to: second)
        #expect(try describe(HDF5File(reading: first)) == describe(original))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: first))
        #expect(try bytes == Data(contentsOf: URL(fileURLWithPath: second)))
        #expect(bytes.count > 8 && bytes[8] == 0, "superblock version")
        #expect(HDF5File.openHandles == 0)
    }

    @Test func refusesWhatCannotBeWritten() throws {
        let missing = #expect(throws: LocatedError.self) { try HDF5Writer(creating: "/nowhere/at/all.h5") }
        #expect(missing?.category == .cannotCreate)
        #expect(missing?.location == ["all.h5"])

        let writer = try HDF5Writer(creating: try temporaryFile())
        try writer.createGroup("a")
        try writer.writeDataset("a/x", Tensor([1.0]))
        func code(_ body: () throws -> Void) -> String? {
            do { try body() } catch { return (error as? LocatedError)?.code }
            return nil
        }
        #expect(code { try writer.createGroup("a") } == "hdf5.exists")
        #expect(code { try writer.writeDataset("a", Tensor([1.0])) } == "hdf5.exists")
        #expect(code { try writer.writeDataset("a/x/y", Tensor([1.0])) } == "hdf5.exists")
        #expect(code { try writer.createGroup("") } == "hdf5.exists")
        #expect(code { try writer.createGroup("a/../b") } == "hdf5.name")
        #expect(code { try writer.createGroup("a/b\0c") } == "hdf5.name")
        #expect(code { try writer.setAttribute("n", on: "b", .emptyList) } == "hdf5.missing")
        #expect(code { try writer.setAttribute("", on: "a", .emptyList) } == "hdf5.name")
        #expect(code { try writer.setAttribute("n", on: "a", .string(HDF5String("a\0b"))) } == "hdf5.string")
        #expect(
            code { try writer.setAttribute("n", on: "a", .string(HDF5String("abc", kind: .fixedASCII(size: 2)))) }
                == "hdf5.string")
        #expect(
            code { try writer.setAttribute("n", on: "a", .strings(["a"], kind: .variableASCII, shape: [2])) }
                == "hdf5.size")
        #expect(code { try writer.setAttribute("n", on: "a", .numbers(Tensor(zeros: [70000]))) } == "hdf5.write")
        try writer.setAttribute("n", on: "a", .string(HDF5String("first")))
        try writer.setAttribute("n", on: "a", .string(HDF5String("second")))
        try writer.close()
        try writer.close()
        #expect(code { try writer.createGroup("c") } == "hdf5.closed")
        let file = try HDF5File(reading: writer.path)
        #expect(try file.attribute("n", of: "a")?.text == "second")
        #expect(try file.exists("b") == nil)
    }

    private func temporaryFile() throws -> String {
        try Fixtures.temporaryFolder().appendingPathComponent("written.h5").path
    }

    private func rewrite(_ file: HDF5File, to path: String) throws {
        let writer = try HDF5Writer(creating: path)
        for name in try file.attributes(of: "") { try writer.setAttribute(name, on: "", file.attribute(name, of: "")!) }
        var objects: [(String, HDF5Link.Kind)] = []
        try file.walk { (path, link) throws(LocatedError) in objects.append((path, link.kind)) }
        for (object, kind) in objects {
            if kind == .group {
                try writer.createGroup(object)
            } else {
                try writer.writeDataset(object, file.dataset(object).load())
            }
            for name in try file.attributes(of: object) {
                try writer.setAttribute(name, on: object, try #require(try file.attribute(name, of: object)))
            }
        }
        try writer.close()
    }

    /// Every object with its attributes, string kinds, layouts and values.
    private func describe(_ file: HDF5File) throws -> [String] {
        var objects = [""]
        try file.walk { (path, _) throws(LocatedError) in objects.append(path) }
        return try objects.flatMap { object in
            var lines = ["\(object): \(try #require(try file.exists(object)))"]
            for name in try file.attributes(of: object) {
                let value = try #require(try file.attribute(name, of: object))
                lines.append("\(object)@\(name) = \(value)")
                if case .numbers(let tensor) = value { lines.append("\(tensor.floats)") }
            }
            if try file.exists(object) == .dataset {
                lines.append("\(try file.datasetInfo(object)) = \(try file.dataset(object).load().floats)")
            }
            return lines
        }
    }
}
