import ArgumentParser
import Foundation
import SwiftKeras

@main
struct SwiftKerasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swift-keras",
        abstract: "Reads, writes, runs and checks Keras models, without Python.",
        subcommands: [
            SummaryCommand.self, InspectCommand.self, ConvertCommand.self, PredictCommand.self, EvaluateCommand.self,
            TrainCommand.self, VerifyCommand.self, CompareCommand.self, PlotCommand.self, AugmentCommand.self, BenchmarkCommand.self,
        ])

    /// Errors are one paragraph on standard error; the exit status is the error's category (sysexits.h).
    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as LocatedError {
            Terminal.fail(error)
        } catch {
            exit(withError: error)
        }
    }
}
