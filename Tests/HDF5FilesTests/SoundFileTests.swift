import Foundation
import HDF5Files
import Tensors
import TestSupport
import Testing

/// Files made by h5py 2.10 and h5py 3.14 (fixtures/generate/hdf5_files.py) give the values beside them.
@Suite struct SoundFileTests {
    @Test(arguments: ["h5py2", "h5py3"])
    func stringsOfEveryKind(generation: String) throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_strings.h5"))
        let expected = try sound(generation).strings
        #expect(expected.count == 24 + 5)
        for (name, expected) in expected {
            let attribute = try #require(try file.attribute(name, of: ""), "\(name)")
            let kind = HDF5StringKind(
                expected.fixed > 0 ? .fixed(size: expected.fixed) : .variable,
                padding: try #require(HDF5StringKind.Padding(rawValue: expected.padding)),
                characterSet: try #require(HDF5StringKind.CharacterSet(rawValue: expected.charset)))
            if expected.scalar {
                #expect(attribute == .string(HDF5String(expected.values[0], kind: kind)), "\(name)")
            } else {
                #expect(
                    attribute == .strings(expected.values, kind: kind, shape: [expected.values.count]), "\(name)")
            }
        }
        #expect(try file.attribute("null", of: "") == .empty)
        #expect(try file.attribute("number", of: "/") == .numbers(Tensor(scalar: Int64(3))))
        #expect(try file.attribute("floats", of: "/") == .numbers(Tensor([1.0, 2, 3, 4], shape: [2, 2])))
        #expect(try file.attribute("absent", of: "") == nil)
        #expect(Set(try file.attributes(of: "")) == Set(expected.keys).union(["null", "number", "floats"]))
    }

    @Test(arguments: ["h5py2", "h5py3"])
    func nameLists(generation: String) throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_lists.h5"))
        let expected = try sound(generation).lists
        #expect(try file.stringList("small", of: "") == expected.small)
        #expect(try file.stringList("none", of: "") == [])
        #expect(try file.attribute("none", of: "") == .emptyList)
        #expect(try file.stringList("absent", of: "") == nil)
        #expect(try file.attribute("split", of: "") == nil)
        let names = (0..<expected.split).map { index in
            let number = String(index)
            return "layer_" + String(repeating: "0", count: 4 - number.count) + number
                + String(repeating: "_", count: index == 700 ? 56 : 3)
        }
        #expect(try file.stringList("split", of: "") == names)
        #expect(expected.parts == 2)
        let error = #expect(throws: LocatedError.self) { try file.stringList("wrong", of: "") }
        #expect(error?.code == "hdf5.attribute")
        #expect(error?.location == ["\(generation)_lists.h5", "/", "@wrong"])
    }

    @Test(arguments: ["h5py2", "h5py3"], ["types", "layouts"])
    func datasets(generation: String, file part: String) throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_\(part).h5"))
        let all = try sound(generation)
        for (name, expected) in part == "types" ? all.types : all.layouts {
            let info = try file.datasetInfo(name)
            let lazy = try file.dataset(name)
            let tensor = try lazy.load()
            #expect(info.dtype.rawValue == expected.dtype, "\(name)")
            #expect(info.shape.dims == expected.shape, "\(name)")
            #expect(info.byteOrder.rawValue == expected.order, "\(name)")
            #expect(lazy.shape == tensor.shape && lazy.dtype == tensor.dtype, "\(name)")
            #expect(tensor.shape == info.shape && tensor.dtype == info.dtype, "\(name)")
            #expect(tensor.asType(.float64).array(as: Double.self) == expected.values, "\(name)")
        }
    }

    @Test func datasetInfoSaysHowItIsStored() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/h5py2_layouts.h5"))
        func info(_ name: String) throws -> HDF5DatasetInfo { try file.datasetInfo(name) }
        #expect(try info("contiguous").layout == .contiguous)
        #expect(try info("contiguous").storageSize == 140)
        #expect(try info("compact").layout == .compact)
        #expect(try info("chunked").layout == .chunked([2, 3]))
        #expect(try info("chunked").filters == [])
        #expect(try info("gzip").filters == [.deflate(level: 9)])
        #expect(try info("gzip_shuffle").filters == [.shuffle, .deflate(level: 4)])
        #expect(try info("all_filters").filters == [.shuffle, .deflate(level: 4), .fletcher32])
        #expect(try info("all_filters").byteOrder == .big)
    }

    @Test func specialFloatsKeepTheirBits() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/h5py2_types.h5"))
        let bits = try file.dataset("special").load().array(as: Float.self).map(\.bitPattern)
        #expect(bits == [0x7f80_0000, 0xff80_0000, 0x8000_0000, 0x0001_16c2])
    }

    @Test func brainFloatsAsKeras3WritesThem() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/h5py3_types.h5"))
        let tensor = try file.dataset("bfloat16").load()
        #expect(tensor.dtype == .bfloat16)
        #expect(tensor.floats == [1, 2.5])
    }

    @Test(arguments: ["h5py2", "h5py3"])
    func newestObjectHeaders(generation: String) throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_latest.h5"))
        #expect(try file.stringList("weight_names", of: "model_weights/conv2d_1") == ["kernel", "bias"])
        #expect(try file.attribute("keras_version", of: "")?.text == "2.3.1")
        #expect(try file.attribute("model_config", of: "")?.text?.count ?? 0 > 20000)
        #expect(try file.links(of: "model_weights").count == 21)
        #expect(try file.attribute("text5", of: "model_weights/conv2d_1")?.text == "value 5")
        #expect(try file.dataset("model_weights/conv2d_1/kernel").load().floats == [0, 1, 2, 3, 4, 5])
        #expect(try file.dataset("gzip").load().floats == (0..<64).map(Float.init))
    }

    @Test(arguments: ["h5py2", "h5py3"])
    func userBlockAndContinuedHeaders(generation: String) throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_userblock.h5"))
        #expect(try file.attribute("keras_version", of: "")?.text == "2.3.1")
        #expect(try file.dataset("x").load().floats == [0, 1, 2, 3])
        let continued = try HDF5File(reading: Fixtures.path("hdf5/\(generation)_continued.h5"))
        for index in 0..<60 {
            let name = "attribute_" + (index < 10 ? "0" : "") + String(index)
            #expect(try continued.attribute(name, of: "")?.text == "value \(index)")
        }
    }

    @Test func linksAndKinds() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/links.h5"))
        #expect(try file.exists("") == .group)
        #expect(try file.exists("/") == .group)
        #expect(try file.exists("/group/kernel") == .dataset)
        #expect(try file.exists("group//kernel/") == .dataset)
        #expect(try file.exists("nothing") == nil)
        #expect(try file.exists("kernel/below") == nil)
        let links = try file.links(of: "")
        #expect(links.map(\.name) == links.map(\.name).sorted())
        #expect(Dictionary(uniqueKeysWithValues: links.map { ($0.name, $0.kind) }) == [
            "kernel": .dataset, "group": .group, "soft": .softLink, "soft_group": .softLink, "dangling": .softLink,
            "soft_cycle": .softLink, "external": .externalLink, "external_group": .externalLink,
        ])
        var visited: [String] = []
        try file.walk { (path, _) throws(LocatedError) in visited.append(path) }
        #expect(visited.contains("group/kernel"))
        #expect(visited.count == 9)
    }

    @Test func hardLinksToOneDatasetShareIdentity() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/cycle.h5"))
        let links = try file.links(of: "")
        let identities = Dictionary(uniqueKeysWithValues: links.map { ($0.name, $0.identity) })
        #expect(identities["shared"] == identities["twice"])
        #expect(identities["shared"] != identities["a"])
    }

    @Test(arguments: ["h5py2_types", "h5py3_layouts", "h5py2_userblock", "h5py2_strings"])
    func filesInMemory(name: String) throws {
        let path = Fixtures.path("hdf5/\(name).h5")
        let onDisk = try HDF5File(reading: path)
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(HDF5Sniff.isHDF5(path))
        #expect(HDF5Sniff.isHDF5(bytes: bytes))
        let inMemory = try HDF5File(bytes: bytes, name: "member.h5")
        #expect(try inMemory.attributes(of: "") == onDisk.attributes(of: ""))
        for attribute in try onDisk.attributes(of: "") {
            #expect(try inMemory.attribute(attribute, of: "") == onDisk.attribute(attribute, of: ""))
        }
        for link in try onDisk.links(of: "") {
            #expect(try inMemory.dataset(link.name).load() == onDisk.dataset(link.name).load())
        }
    }

    @Test func tensorsOutliveTheFilesName() throws {
        var lazy: LazyTensor?
        do {
            let file = try HDF5File(reading: Fixtures.path("hdf5/h5py2_types.h5"))
            lazy = try file.dataset("scalar")
        }
        #expect(try lazy?.load() == Tensor(scalar: Int64(7)))
    }

    @Test func closedFilesSaySo() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/h5py2_types.h5"))
        let lazy = try file.dataset("scalar")
        file.close()
        file.close()
        #expect(throws: LocatedError.self) { try file.links(of: "") }
        let error = #expect(throws: LocatedError.self) { try lazy.load() }
        #expect(error?.code == "hdf5.closed")
    }

    @Test func manyThreadsReadOneFile() async throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/h5py2_types.h5"))
        let expected = try sound("h5py2").types
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for (name, expected) in expected {
                        let values = try file.dataset(name).load().asType(.float64).array(as: Double.self)
                        #expect(values == expected.values)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}

/// What fixtures/generate/hdf5_files.py expects of its sound files.
struct Sound: Decodable {
    struct Strings: Decodable {
        let values: [String]
        let scalar: Bool
        let fixed: Int
        let padding: String
        let charset: String
    }
    struct Lists: Decodable {
        let small: [String]
        let split: Int
        let parts: Int
    }
    struct Dataset: Decodable {
        let dtype: String
        let shape: [Int]
        let order: String
        let values: [Double]
    }
    let strings: [String: Strings]
    let lists: Lists
    let types: [String: Dataset]
    let layouts: [String: Dataset]
}

func sound(_ generation: String) throws -> Sound {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("hdf5/sound_\(generation).json")))
    return try JSONDecoder().decode(Sound.self, from: data)
}
