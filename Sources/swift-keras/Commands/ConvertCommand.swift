import ArgumentParser
import SwiftKeras

/// Element types of written weights.
enum WeightType: String, ExpressibleByArgument, CaseIterable {
    case float16, bfloat16, float32

    var dtype: DType {
        switch self {
        case .float16: .float16
        case .bfloat16: .bfloat16
        case .float32: .float32
        }
    }
}

/// Reads one kind of file and writes another.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Read any model file, write any other.",
        discussion: """
            OUT.json is an architecture, and --weights-out W.h5 the weights beside it: the pair that Keras's to_json() \
            and save_weights() make. OUT.h5 is a whole model when IN holds an architecture, else weights alone; \
            OUT.keras a whole model of Keras 3 or tf-keras; OUT.weights.h5 weights in their layout, OUT.weights.json the same in several files. Without --for the \
            input's own Keras is kept.
            """)

    @Argument(help: "Architecture JSON, weights or whole model.", completion: .file())
    var input: String

    @Option(name: .long, help: "Weights for an architecture JSON.", completion: .file())
    var weights: String?

    @Argument(help: "What to write: .json, .h5, .weights.h5, .weights.json, .keras.", completion: .file())
    var output: String

    @Option(name: .long, help: "Where to write the weights when OUT is a .json.", completion: .file())
    var weightsOut: String?

    @Option(name: .customLong("for"), help: ArgumentHelp("For which Keras: \(KerasTarget.names).", valueName: "target"))
    var target: String?

    @Option(name: .long, help: "Element type of the weights: float16, bfloat16, float32 (default: theirs).")
    var dtype: WeightType?

    @Option(name: .long, help: ArgumentHelp("Largest size of each file beside a .weights.json, in GiB (default: 5).", valueName: "GiB"))
    var maxShardSize: Double?

    @OptionGroup var backend: BackendOption

    @OptionGroup var loading: LoadingFlags

    @OptionGroup var replacements: ReplacementOption

    @OptionGroup var common: CommonOptions

    func run() throws {
        let notes = try ModelConversion(
            input: input, weights: weights, output: output, weightsOutput: weightsOut, target: try keras(target), dtype: dtype?.dtype,
            backend: backend.name, maxShardSize: maxShardSize, loading: loading.options,
            replacements: try replacements.replacements()
        ).run()
        for note in notes { common.note(note) }
        if common.json {
            var files: [ConfigValue] = [.string(output)]
            if let weightsOut { files.append(.string(weightsOut)) }
            Terminal.put(json: ["written": .array(files), "notes": .array(notes.map(ConfigValue.string))])
        }
    }

    /// Keras 2.4 and later of its line came with TensorFlow.
    private static func hint(for name: String) -> String? {
        let bundled = "tf-" + name
        if KerasTarget(name: bundled) != nil { return "Keras of that version came with TensorFlow: \(bundled)." }
        return NearestName.hint(for: name, in: KerasTarget.allNames)
    }

    private func keras(_ name: String?) throws(LocatedError) -> KerasTarget? {
        guard let name else { return nil }
        guard let target = KerasTarget(name: name) else {
            throw LocatedError(
                .unsupported, "convert.target", "expected a target that can be written (\(KerasTarget.names)), got \"\(name)\"",
                at: ["--for"], hint: Self.hint(for: name))
        }
        return target
    }
}
