import ArgumentParser
import SwiftKeras

/// Tells what a file is.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "Tell what a file is: container, dialect, layers, stored weights, optimizer.",
        discussion: "Works on unknown layers, on files that hold weights alone, and on damaged files as far as they can be read.")

    @Argument(help: "Any model file.", completion: .file())
    var file: String

    @Flag(help: "Print what the file holds, without giving it a meaning: members of an archive, groups, attributes, datasets of HDF5, files of a folder, shards.")
    var tree = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        if tree {
            let contents = try FileContents(of: file)
            common.json ? Terminal.put(json: contents.document) : Terminal.put(contents.text)
            return
        }
        let inspection = try Inspection(of: file)
        common.json ? Terminal.put(json: inspection.document) : Terminal.put(inspection.text)
        if let problem = inspection.problems.first { throw problem }
    }
}
