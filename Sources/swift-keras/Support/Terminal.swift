import ArgumentParser
import Foundation
import SwiftKeras

/// Where the commands speak: documents on standard output, everything else on standard error.
enum Terminal {
    /// Ends the program with an error's paragraph and exit status.
    static func fail(_ error: LocatedError) -> Never {
        note("swift-keras: \(error)")
        Foundation.exit(Int32(error.category.rawValue))
    }

    /// A line for people, on standard error.
    static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// Whether progress bars have somebody to look at them.
    static var isInteractive: Bool { isatty(FileHandle.standardError.fileDescriptor) == 1 }

    /// Text as it is, on standard output.
    static func put(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// The one JSON document of a command.
    static func put(json value: ConfigValue) {
        put(value.jsonText + "\n")
    }
}

/// What every command takes.
struct CommonOptions: ParsableArguments {
    @Flag(name: .long, help: "Print one JSON document instead of text.")
    var json = false

    @Flag(name: .long, help: "No notes on standard error.")
    var quiet = false

    func note(_ text: String) {
        if !quiet { Terminal.note(text) }
    }
}

/// The model that a command works on.
struct ModelOptions: ParsableArguments {
    @Argument(help: "Architecture JSON, or a whole model.", completion: .file())
    var model: String

    @Option(name: .long, help: "Weights for an architecture JSON.", completion: .file())
    var weights: String?

    @Option(name: .long, help: "The shape of one sample, for a model that doesn't tell: 32,32,3.")
    var inputShape: IntegerList?

    /// The model with its weights. `needsWeights`: the command can't do with fresh ones.
    func load(needsWeights: Bool = true) throws(LocatedError) -> Model {
        let model = try Model(contentsOf: model, weights: weights, inputShape: inputShape?.values)
        if needsWeights && !model.hasWeights {
            throw LocatedError(
                .mismatch, "model.noWeights", "expected a model with weights, got an architecture alone", at: [self.model],
                hint: "Name them with --weights FILE.")
        }
        return model
    }
}

/// `32,32,3`
struct IntegerList: ExpressibleByArgument {
    var values: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard !parts.isEmpty, parts.allSatisfy({ $0 != nil && $0! >= 0 }) else { return nil }
        values = parts.compactMap(\.self)
    }
}

/// `0.5`, `1/255`
struct Fraction: ExpressibleByArgument {
    var value: Double

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
        guard let first = parts.first ?? nil else { return nil }
        switch parts.count {
        case 1: value = first
        case 2:
            guard let second = parts[1], second != 0 else { return nil }
            value = first / second
        default: return nil
        }
    }
}
