import ArgumentParser
import Foundation
import SwiftKeras

@main
struct SwiftKerasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swift-keras",
        abstract: "Reads, writes, runs and checks Keras models, without Python.", version: "swift-keras 0.1",
        subcommands: [
            SummaryCommand.self, InspectCommand.self, ConvertCommand.self, PredictCommand.self, EvaluateCommand.self,
            TrainCommand.self, VerifyCommand.self, CompareCommand.self, PlotCommand.self, AugmentCommand.self, BenchmarkCommand.self,
        ])

    /// Errors are one paragraph on standard error; the exit status is the error's category (sysexits.h).
    static func main() {
        do {
            try requireKnownCommand(CommandLine.arguments.dropFirst().first)
            var command = try parseAsRoot()
            try command.run()
        } catch let error as LocatedError {
            Terminal.fail(error)
        } catch {
            exit(withError: error)
        }
    }

    /// Names the command that was most likely meant, where the first word is none.
    private static func requireKnownCommand(_ word: String?) throws(LocatedError) {
        let names = configuration.subcommands.compactMap { $0.configuration.commandName }
        guard let word, !word.isEmpty, !word.hasPrefix("-"), word != "help", !names.contains(word) else { return }
        let isFile = FileManager.default.fileExists(atPath: word)
        throw LocatedError(
            .usage, "command.unknown", "expected a command (\(names.joined(separator: ", "))), got \"\(word)\"",
            hint: NearestName.hint(for: word, in: names)
                ?? (isFile ? "swift-keras inspect \(word) tells what this file is." : "See swift-keras --help."))
    }
}
