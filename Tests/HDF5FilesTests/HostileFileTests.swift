import Foundation
import HDF5Files
import Tensors
import TestSupport
import Testing

/// Broken and hostile files give the error code that fixtures/hdf5/broken.json states, and none of them takes memory
/// or another file.
@Suite struct HostileFileTests {
    @Test(arguments: try brokenCases())
    func givesItsCode(_ broken: BrokenCase) throws {
        let error = #expect(throws: LocatedError.self, "\(broken)") { try broken.perform() }
        #expect(error?.code == broken.code, "\(error?.description ?? "")")
        #expect(error?.category.rawValue == broken.exit, "\(broken)")
        #expect(error?.location.first == broken.file, "\(broken)")
        if broken.action == "dataset" {
            #expect(error?.location.count ?? 0 > 1 || broken.code == "hdf5.signature", "\(broken)")
        }
    }

    @Test func everyFixtureIsWalkedWithoutACrash() throws {
        let folder = Fixtures.path("hdf5")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".h5") }
        #expect(names.count > 30)
        #expect(HDF5File.openHandles == 0)
        for name in names {
            do {
                try readAll(try HDF5File(reading: folder + "/" + name))
            } catch let error as LocatedError {
                #expect([.invalid, .unsupported].contains(error.category), "\(name): \(error)")
            }
            #expect(HDF5File.openHandles == 0, "\(name)")
        }
    }

    @Test func missingFilesAndFolders() throws {
        let missing = #expect(throws: LocatedError.self) { try HDF5File(reading: Fixtures.path("hdf5/absent.h5")) }
        #expect(missing?.category == .notFound)
        #expect(missing?.location == ["absent.h5"])
        let folder = #expect(throws: LocatedError.self) { try HDF5File(reading: Fixtures.path("hdf5")) }
        #expect(folder?.code == "file.is_folder")
        let device = #expect(throws: LocatedError.self) { try HDF5File(reading: "/dev/null") }
        #expect(device?.code == "file.not_regular")
        #expect(!HDF5Sniff.isHDF5(Fixtures.path("hdf5/absent.h5")))
        #expect(!HDF5Sniff.isHDF5(Fixtures.path("hdf5/text.h5")))
    }

    @Test func everyCutOfAFileIsRefused() throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("hdf5/links.h5"))))
        for length in stride(from: 0, to: bytes.count, by: 97) {
            let error = #expect(throws: LocatedError.self) {
                try HDF5File(bytes: Array(bytes[..<length]), name: "cut.h5")
            }
            #expect(["hdf5.truncated", "hdf5.signature", "hdf5.corrupt"].contains(error?.code))
        }
    }

    /// libhdf5 1.10 takes the undefined address for one that it has read before, and copies from nowhere.
    @Test(arguments: ["cycle.h5", "chunk_rank.h5", "address.h5"])
    func undefinedAddressesAnywhereDoNotCrash(_ name: String) throws {
        let sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("hdf5/" + name))))
        let path = try Fixtures.temporaryFolder().appendingPathComponent("undefined.h5").path
        for place in stride(from: 0, to: sound.count - 8, by: 8) {
            var bytes = sound
            bytes.replaceSubrange(place..<place + 8, with: repeatElement(0xFF, count: 8))
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            for open in [{ try HDF5File(reading: path) }, { try HDF5File(bytes: bytes, name: "undefined.h5") }] {
                do { try readAll(try open()) } catch let error as LocatedError {
                    #expect([.invalid, .unsupported].contains(error.category), "\(place): \(error)")
                }
            }
        }
    }

    /// Attributes in dense storage are read by libhdf5 alone, which before 1.14.6 can't do it safely for strings.
    @Test func denselyStoredStringsAreReadOrRefused() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/dense.h5"))
        #expect(try file.attribute("number", of: "") == .numbers(Tensor(scalar: Int64(3))))
        do {
            let text = try file.attribute("text_0", of: "")?.text
            #expect(text == "value 0")
        } catch {
            #expect(error.code == "hdf5.string" && error.category == .unsupported)
        }
    }

    /// Reads whatever can be reached.
    private func readAll(_ file: HDF5File) throws {
        var objects = [""]
        var links: [HDF5Link] = []
        try file.walk { (path, link) throws(LocatedError) in
            objects.append(path)
            links.append(link)
        }
        for object in objects {
            guard let kind = try? file.exists(object) else { continue }
            for name in (try? file.attributes(of: object)) ?? [] { _ = try? file.attribute(name, of: object) }
            if kind == .dataset { _ = try? file.dataset(object).load() }
        }
    }
}

/// One line of fixtures/hdf5/broken.json.
struct BrokenCase: Decodable, Sendable, CustomTestStringConvertible {
    let file: String
    let code: String
    let action: String
    let object: String
    let attribute: String
    let exit: Int

    var testDescription: String { "\(file) \(action) \(object) \(attribute)" }

    func perform() throws {
        let file = try HDF5File(reading: Fixtures.path("hdf5/" + file))
        switch action {
        case "open": break
        case "dataset": _ = try file.dataset(object).load()
        case "exists": _ = try file.exists(object)
        case "links": _ = try file.links(of: object)
        case "attribute": _ = try file.attribute(attribute, of: object)
        case "walk": try file.walk { (_, _) throws(LocatedError) in }
        default: Issue.record("unknown action \(action)")
        }
    }
}

func brokenCases() throws -> [BrokenCase] {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("hdf5/broken.json")))
    return try JSONDecoder().decode([BrokenCase].self, from: data)
}
