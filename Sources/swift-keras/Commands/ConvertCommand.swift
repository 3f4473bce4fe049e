import ArgumentParser
import SwiftKeras

/// What a converted file is written for.
enum Target: String, ExpressibleByArgument, CaseIterable {
    case keras23 = "keras-2.3"

    init?(argument: String) { self.init(rawValue: argument) }
}

/// Reads one kind of file and writes another.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Read any model file, write any other.",
        discussion: """
            OUT.json is an architecture, and --weights-out W.h5 the weights beside it: the pair that Keras's to_json() \
            and save_weights() make. OUT.h5 is a whole model when IN holds an architecture, else weights alone.
            """)

    @Argument(help: "Architecture JSON, weights or whole model.", completion: .file())
    var input: String

    @Option(name: .long, help: "Weights for an architecture JSON.", completion: .file())
    var weights: String?

    @Argument(help: "What to write: .json, .h5.", completion: .file())
    var output: String

    @Option(name: .long, help: "Where to write the weights when OUT is a .json.", completion: .file())
    var weightsOut: String?

    @Option(name: .customLong("for"), help: "For which Keras: keras-2.3 (others follow).")
    var target: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        if let target, Target(rawValue: target) == nil {
            throw LocatedError(
                .unsupported, "convert.target",
                "expected a target that can be written (\(Target.allCases.map(\.rawValue).joined(separator: ", "))), got \(target)",
                at: ["--for"])
        }
        let notes = try ModelConversion(
            input: input, weights: weights, output: output, weightsOutput: weightsOut
        ).run()
        for note in notes { common.note(note) }
        if common.json {
            var files: [ConfigValue] = [.string(output)]
            if let weightsOut { files.append(.string(weightsOut)) }
            Terminal.put(json: ["written": .array(files), "notes": .array(notes.map(ConfigValue.string))])
        }
    }
}
