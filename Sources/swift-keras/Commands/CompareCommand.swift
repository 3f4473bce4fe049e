import ArgumentParser
import SwiftKeras

/// Tells where two model files differ.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Tell where two model files differ, whatever wrote them.",
        discussion: """
            Files of different generations are equal when they describe the same model with the same weights. Prints one \
            line for each difference: layers, configuration, connections, weights, training settings, optimizer state. \
            Values are compared exactly unless --rtol or --atol allow more: |a - b| <= atol + rtol * |b|. Exit status 1 \
            when anything differs.
            """)

    @Argument(help: "Architecture, weights or whole model.", completion: .file())
    var a: String

    @Argument(help: "Another.", completion: .file())
    var b: String

    @Option(name: .customLong("weights-a"), help: "Weights for an architecture A.", completion: .file())
    var weightsA: String?

    @Option(name: .customLong("weights-b"), help: "Weights for an architecture B.", completion: .file())
    var weightsB: String?

    @Option(name: .customLong("backend-a"), help: "What trained A, a file of Keras 1: theano or tensorflow.")
    var backendA: BackendOption.Backend?

    @Option(name: .customLong("backend-b"), help: "What trained B.")
    var backendB: BackendOption.Backend?

    @Flag(name: .long, help: "Load the layers that --weights-a or --weights-b and their model both have, by name; the others keep what the model's file holds, or aren't compared.")
    var byName = false

    @Flag(name: .long, help: "Leave out what of --weights-a or --weights-b doesn't fit its model, instead of refusing the file.")
    var skipMismatch = false

    @Option(name: .long, help: "Relative tolerance of values.")
    var rtol = 0.0

    @Option(name: .long, help: "Absolute tolerance of values.")
    var atol = 0.0

    @OptionGroup var common: CommonOptions

    func validate() throws {
        for (name, value) in [("--rtol", rtol), ("--atol", atol)] where !(value >= 0) {
            throw ValidationError("\(name): expected a number of at least 0, got \(value)")
        }
        if byName || skipMismatch, weightsA == nil, weightsB == nil {
            throw ValidationError("\(byName ? "--by-name" : "--skip-mismatch"): expected --weights-a or --weights-b beside it, got neither")
        }
    }

    func run() throws {
        let comparison = try ModelComparison(
            a, b, weightsA: weightsA, weightsB: weightsB, backendA: backendA?.rawValue, backendB: backendB?.rawValue,
            loading: LoadingOptions(byName: byName, skipMismatch: skipMismatch),
            tolerance: ModelComparison.Tolerance(relative: rtol, absolute: atol))
        if common.json {
            Terminal.put(json: document(comparison))
        } else {
            for note in comparison.notes { common.note("note: \(note)") }
            Terminal.put(comparison.differences.map { "\($0)\n" }.joined())
            let counts = "\(comparison.layersCompared) layers, \(comparison.weightsCompared) weights"
            Terminal.put(comparison.isEqual ? "equal: \(counts)\n" : "\(comparison.differences.count) differences: \(counts)\n")
        }
        if !comparison.isEqual { throw ExitCode(1) }
    }

    private func document(_ comparison: ModelComparison) -> ConfigValue {
        func text(_ value: String?) -> ConfigValue { value.map(ConfigValue.string) ?? .null }
        return [
            "equal": .bool(comparison.isEqual),
            "differences": .array(
                comparison.differences.map { difference in
                    [
                        "part": .string(difference.part.rawValue), "place": .string(difference.place),
                        "key": .string(difference.key), "a": text(difference.a), "b": text(difference.b),
                        "max_absolute_difference": difference.maxAbsoluteDifference.map(ConfigValue.float) ?? .null,
                        "index": difference.index.map(ConfigValue.integers) ?? .null,
                    ]
                }),
            "notes": .array(comparison.notes.map(ConfigValue.string)),
            "layers_compared": .integer(comparison.layersCompared), "weights_compared": .integer(comparison.weightsCompared),
        ]
    }
}
