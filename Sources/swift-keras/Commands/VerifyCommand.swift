import ArgumentParser
import SwiftKeras

/// Holds a model's outputs against another runtime's.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare outputs, gradients and training steps with a fixture's, layer by layer if wanted.",
        discussion: """
            The fixture is an .npz with the inputs x0, x1… and the expected outputs y0, y1…; for --layers also the \
            outputs of layers as layer/<name>. An element passes when |got - expected| <= atol + rtol * |expected|. \
            Exit status 1 when one doesn't.

            With --training the model trains on inputs x0… and targets t0…, batch by batch in their order, and is compared \
            with what the fixture holds: loss (one of each step), gradient/<weight> of the first batch, \
            after/<steps>/<weight>; and with models saved after some steps (--after). A weight is named by its path or \
            its number. docs/parity.md tells how to record all this in any Keras.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "Arrays x0… and y0….", completion: .file(extensions: ["npz"]))
    var fixture: String
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "Relative tolerance.")
    var rtol = 1e-4

    @Option(name: .long, help: "Absolute tolerance.")
    var atol = 1e-5

    @Flag(name: .long, help: "Compare every layer that the fixture holds, and name the first that departs.")
    var layers = false

    @Flag(name: .long, help: "Train on the fixture's batches; compare losses, gradients and weights.")
    var training = false

    @Option(
        name: .long,
        help: ArgumentHelp("With --training: the model as it was saved after so many steps. May be repeated.", valueName: "steps=file"))
    var after: [String] = []

    @Option(
        name: .long,
        help: "With --training: the fixture recorded once more by the same runtime, perhaps on other threads; twice the distance between both passes.")
    var repeated: String?

    @Option(name: .long, help: "Samples in a batch. (default: 32; with --training what the fixture says)")
    var batchSize: Int?

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    func validate() throws {
        for (name, value) in [("rtol", rtol), ("atol", atol)] where !(value >= 0) {
            throw ValidationError("--\(name): expected a number of at least 0, got \(value)")
        }
        if let batchSize, batchSize < 1 { throw ValidationError("--batch-size: expected at least 1, got \(batchSize)") }
        if !training, !after.isEmpty || repeated != nil {
            throw ValidationError("--after and --repeated go with --training")
        }
    }

    func run() throws {
        let model = try model.load(common)
        let arrays = try NPZ(reading: fixture)
        var outputs: VerificationReport?
        // A fixture of training alone has no outputs.
        if !training || arrays.names.contains("y0") {
            outputs = try locating(fixture) { () throws(LocatedError) in
                try model.verify(
                    arrays, relativeTolerance: rtol, absoluteTolerance: atol, layers: layers, batchSize: batchSize ?? 32,
                    threads: threads)
            }
        }
        if layers, outputs?.layers.isEmpty != false { common.note("\(fixture) holds no layer/<name>: no layer was compared") }
        var steps: TrainingVerification?
        if training {
            let (repeated, after) = (try repeated.map { try NPZ(reading: $0) }, try savedModels())
            steps = try locating(fixture) { () throws(LocatedError) in
                try model.verifyTraining(
                    arrays, repeated: repeated, after: after, relativeTolerance: rtol, absoluteTolerance: atol,
                    batchSize: batchSize, threads: threads)
            }
        }
        let passed = outputs?.passed != false && steps?.passed != false
        if common.json {
            Terminal.put(json: document(outputs, steps, passed))
        } else {
            if let outputs {
                Terminal.put((outputs.outputs + outputs.layers).map(line).joined())
                if let layer = outputs.firstDeparture { Terminal.put("first layer that departs: \(layer.name)\n") }
            }
            if let steps { Terminal.put(TrainingVerificationText(steps).lines.joined(separator: "\n") + "\n") }
            Terminal.put(passed ? "in parity\n" : "NOT in parity\n")
        }
        if steps?.isRandom == true {
            common.note("the model draws random numbers in training (dropout, noise), which no two runtimes draw alike")
        }
        if !passed { throw ExitCode(1) }
    }

    /// The models of --after by their steps.
    private func savedModels() throws -> [Int: Model] {
        var models: [Int: Model] = [:]
        for entry in after {
            let parts = entry.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let steps = Int(parts[0]), steps > 0 else {
                throw ValidationError("expected --after STEPS=FILE, as 10=trained.h5, got \(entry)")
            }
            models[steps] = try Model(contentsOf: model.model, weights: String(parts[1]), backend: model.backend.name)
        }
        return models
    }

    private func line(_ comparison: Comparison) -> String {
        var text = "\(comparison.passed ? "ok  " : "FAIL") \(comparison.name) \(comparison.shape)"
        text += "  max absolute error \(comparison.maxAbsoluteError.scientific)"
        text += ", relative \(comparison.maxRelativeError.scientific)"
        if let worst = comparison.worst {
            text += ", worst at \(worst.index): expected \(Float(worst.expected)), got \(Float(worst.got))"
        }
        return text + "\n"
    }

    private func document(_ report: VerificationReport?, _ steps: TrainingVerification?, _ passed: Bool) -> ConfigValue {
        func entry(_ comparison: Comparison) -> ConfigValue {
            [
                "name": .string(comparison.name), "shape": .integers(comparison.shape.dims),
                "max_absolute_error": .float(comparison.maxAbsoluteError),
                "max_relative_error": .float(comparison.maxRelativeError),
                "argmax_agreement": comparison.argmaxAgreement.map(ConfigValue.float) ?? .null,
                "passed": .bool(comparison.passed),
            ]
        }
        var document: ConfigObject = [
            "passed": .bool(passed), "outputs": .array((report?.outputs ?? []).map(entry)),
            "layers": .array((report?.layers ?? []).map(entry)),
        ]
        if layers { document["first_departure"] = report?.firstDeparture.map { .string($0.name) } ?? .null }
        if let steps { document["training"] = TrainingVerificationText(steps).document }
        return .object(document)
    }
}
