import Foundation
import TestSupport
import Testing

@Suite("The README's commands")
struct ReadmeTests {
    @Test("run as they are shown, one after another")
    func commands() throws {
        let readme = try String(contentsOf: Fixtures.root.appendingPathComponent("README.md"), encoding: .utf8)
        let commands = readme.split(separator: "\n").filter { $0.hasPrefix("swift-keras ") }
        #expect(commands.count > 10)
        let folder = try Fixtures.temporaryFolder()
        let copying = try #require(readme.split(separator: "\n").first { $0.hasPrefix("cp -r fixtures/") })
        for source in copying.split(separator: " ").filter({ $0.hasPrefix("fixtures/") }) {
            let source = Fixtures.root.appendingPathComponent(String(source))
            try FileManager.default.copyItem(at: source, to: folder.appendingPathComponent(source.lastPathComponent))
        }
        for command in commands {
            // One epoch and few samples: what is tried here is the command, not the machine.
            let shortened = command.replacing("--epochs 5 ", with: "--epochs 1 ").replacing("--epochs 6 --initial-epoch 5", with: "--epochs 2 --initial-epoch 1")
                .replacing("--batch-size 128", with: "--batch-size 1").replacing("--runs 10", with: "--runs 1")
            // The shell's quotes hold no spaces.
            let arguments = shortened.replacing("'", with: "").split(separator: " ").dropFirst().map(String.init)
            let result = try Tool.run(arguments, in: folder)
            #expect(result.status == 0, "\(command): \(result.errors)")
            #expect(!result.output.isEmpty || ["augment", "convert", "plot", "train"].contains(arguments[0]), "\(command)")
        }
        try FileManager.default.removeItem(at: folder)
    }
}
