import ArgumentParser
import SwiftKeras

/// The model that a command works on.
struct ModelOptions: ParsableArguments {
    @Argument(help: "Architecture JSON, or a whole model.", completion: .file())
    var model: String

    @Option(name: .long, help: "Weights for an architecture JSON.", completion: .file())
    var weights: String?

    @Option(name: .long, help: "The shape of one sample, for a model that doesn't tell: 32,32,3.")
    var inputShape: IntegerList?

    @OptionGroup var backend: BackendOption

    @OptionGroup var loading: LoadingFlags

    @OptionGroup var replacements: ReplacementOption

    /// The model with its weights. `needsWeights`: the command can't do with fresh ones.
    ///
    /// - Parameter notes: hears what was not loaded.
    func load(needsWeights: Bool = true, _ notes: CommonOptions) throws(LocatedError) -> Model {
        let model = try Model(
            contentsOf: model, weights: weights, inputShape: inputShape?.values, backend: backend.name,
            byName: loading.byName, skipMismatch: loading.skipMismatch, customObjects: try replacements.objects())
        if needsWeights && !model.hasWeights {
            throw LocatedError(
                .mismatch, "model.noWeights", "expected a model with weights, got an architecture alone", at: [self.model],
                hint: "Name them with --weights FILE.")
        }
        for note in model.loadingNotes { notes.note(note) }
        if let report = model.loadingReport, !report.isComplete { notes.note(report.description) }
        return model
    }
}

/// How weights are loaded where file and model aren't the same.
struct LoadingFlags: ParsableArguments {
    @Flag(name: .long, help: "Load the layers that model and weights file both have, by name; leave the others as they are.")
    var byName = false

    @Flag(name: .long, help: "Leave out weights that don't fit, instead of refusing the file.")
    var skipMismatch = false

    var options: LoadingOptions { LoadingOptions(byName: byName, skipMismatch: skipMismatch) }
}

/// Meanings for what a file calls and doesn't bring.
struct ReplacementOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "What a Lambda layer computes, or an activation without a name: lambda_1='x / 255 - 0.5'. Numbers, arithmetic, x (or x0, x1, …) and functions of keras.ops; may be repeated.",
            valueName: "name=expression"))
    var replace: [String] = []

    func objects() throws(LocatedError) -> CustomObjects {
        var objects = CustomObjects()
        for entry in try replacements() { objects.replace(entry.name, with: .expression(entry.expression)) }
        return objects
    }

    /// Throws 64 for what is no NAME=EXPRESSION.
    func replacements() throws(LocatedError) -> [Replacement] {
        var result: [Replacement] = []
        for text in replace {
            guard let mark = text.firstIndex(of: "="), mark != text.startIndex else {
                throw LocatedError(
                    .usage, "replace.syntax", "expected NAME='EXPRESSION', got \"\(text)\"", at: ["--replace"])
            }
            let name = String(text[..<mark])
            let expression = try locating("--replace \(name)") { () throws(LocatedError) in
                try TensorExpression(String(text[text.index(after: mark)...]))
            }
            result.append(Replacement(name, expression))
        }
        return result
    }
}

/// What trained a file that doesn't tell.
struct BackendOption: ParsableArguments {
    enum Backend: String, ExpressibleByArgument, CaseIterable {
        case theano, tensorflow
    }

    @Option(
        name: .long,
        help: "What trained a file of Keras 1, which doesn't tell: theano or tensorflow (Theano's kernels are turned by 180°).")
    var backend: Backend?

    var name: String? { backend?.rawValue }
}
