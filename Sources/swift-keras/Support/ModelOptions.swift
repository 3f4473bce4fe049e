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

    /// The model with its weights. `needsWeights`: the command can't do with fresh ones.
    func load(needsWeights: Bool = true) throws(LocatedError) -> Model {
        let model = try Model(contentsOf: model, weights: weights, inputShape: inputShape?.values, backend: backend.name)
        if needsWeights && !model.hasWeights {
            throw LocatedError(
                .mismatch, "model.noWeights", "expected a model with weights, got an architecture alone", at: [self.model],
                hint: "Name them with --weights FILE.")
        }
        return model
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
