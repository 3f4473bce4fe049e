import Foundation
import SwiftKeras
import TestSupport
import Testing

/// One line of fixtures/broken/index.json.
struct BrokenFile: Decodable, Sendable, CustomTestStringConvertible {
    var name: String
    var files: [String]
    var category: Int
    var words: [String]
    var may_load: Bool
    var testDescription: String { name }

    static let all: [BrokenFile] = {
        guard let data = FileManager.default.contents(atPath: Fixtures.path("broken/index.json")),
            let list = try? JSONDecoder().decode([BrokenFile].self, from: data)
        else { return [] }
        return list
    }()
}

@Suite("Broken files")
struct BrokenFileTests {
    @Test("the index is there") func index() { #expect(BrokenFile.all.count > 100) }

    @Test("each is refused for its own reason, with what is wrong in the message", arguments: BrokenFile.all)
    func refused(_ file: BrokenFile) throws {
        let paths = file.files.map { Fixtures.path("broken/\($0)") }
        do throws(LocatedError) {
            let model = try Model(contentsOf: paths[0], weights: paths.count > 1 ? paths[1] : nil)
            _ = try model.summary()
            #expect(file.may_load, "\(file.name) was accepted")
        } catch {
            let text = error.description.lowercased()
            #expect(error.category.rawValue == file.category, "\(error)")
            for word in file.words { #expect(text.contains(word.lowercased()), "\(error)") }
        }
    }
}
