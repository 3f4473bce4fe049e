import ArgumentParser
import SwiftKeras

/// Holds a model's outputs against another runtime's.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Compare outputs with a fixture's, layer by layer if wanted.",
        discussion: """
            The fixture is an .npz with the inputs x0, x1… and the expected outputs y0, y1…; for --layers also the \
            outputs of layers as layer/<name>. An element passes when |got - expected| <= atol + rtol * |expected|. \
            Exit status 1 when one doesn't.
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

    @Option(name: .long, help: "Samples in a batch.")
    var batchSize = 32

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    func validate() throws {
        for (name, value) in [("rtol", rtol), ("atol", atol)] where !(value >= 0) {
            throw ValidationError("--\(name): expected a number of at least 0, got \(value)")
        }
        if batchSize < 1 { throw ValidationError("--batch-size: expected at least 1, got \(batchSize)") }
    }

    func run() throws {
        let model = try model.load(common)
        let expected = try NPZ(reading: fixture)
        let report = try locating(fixture) { () throws(LocatedError) in
            try model.verify(
                expected, relativeTolerance: rtol, absoluteTolerance: atol, layers: layers,
                batchSize: batchSize, threads: threads)
        }
        if layers, report.layers.isEmpty { common.note("\(fixture) holds no layer/<name>: only the outputs were compared") }
        if common.json {
            Terminal.put(json: document(report))
        } else {
            Terminal.put((report.outputs + report.layers).map(line).joined())
            if let layer = report.firstDeparture { Terminal.put("first layer that departs: \(layer.name)\n") }
            Terminal.put(report.passed ? "in parity\n" : "NOT in parity\n")
        }
        if !report.passed { throw ExitCode(1) }
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

    private func document(_ report: VerificationReport) -> ConfigValue {
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
            "passed": .bool(report.passed), "outputs": .array(report.outputs.map(entry)),
            "layers": .array(report.layers.map(entry)),
        ]
        if layers { document["first_departure"] = report.firstDeparture.map { .string($0.name) } ?? .null }
        return .object(document)
    }
}
