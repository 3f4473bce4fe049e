public import Datasets
internal import Layers
public import Tensors

/// What running a fixture showed.
public struct VerificationReport: Sendable {
    public var outputs: [Comparison]
    /// In the order in which the layers run.
    public var layers: [Comparison]
    public var passed: Bool { outputs.allSatisfy(\.passed) && layers.allSatisfy(\.passed) }
    /// The first layer, in running order, that is out of tolerance.
    public var firstDeparture: Comparison? { layers.first { !$0.passed } }
}

extension Model {
    /// Runs the inputs `x0`, `x1`… of a fixture and compares with its outputs `y0`, `y1`…, and with the outputs of layers
    /// (`layer/<name>`) if asked for.
    ///
    /// - Parameters:
    ///   - fixture: arrays that another runtime made.
    ///   - layers: whether to compare every layer whose outputs the fixture holds.
    /// - Throws: `.mismatch` when names or shapes don't fit the model.
    public func verify(
        _ fixture: NPZ, relativeTolerance: Double = 1e-4, absoluteTolerance: Double = 1e-5, layers: Bool = false,
        batchSize: Int = 32, threads: Int? = nil
    ) throws(LocatedError) -> VerificationReport {
        let program = try program()
        let inputs = try fixture.numbered("x")
        let expected = try fixture.numbered("y")
        guard !inputs.isEmpty, !expected.isEmpty else {
            throw LocatedError(
                .mismatch, "verify.fixture",
                "expected arrays named x0, x1… and y0, y1…, got \(fixture.names.prefix(8).joined(separator: ", "))")
        }
        let outputNames = program.outputNames
        guard expected.count == outputNames.count else {
            throw LocatedError(
                .mismatch, "verify.fixture",
                "expected \(outputNames.count) outputs (\(outputNames.joined(separator: ", "))), got \(expected.count) in the fixture")
        }
        var taps = layers ? fixture.names.filter { $0.hasPrefix("layer/") }.map { String($0.dropFirst(6)) } : []
        let order = program.runningOrder
        taps.sort { (order[$0] ?? .max) < (order[$1] ?? .max) }
        let prediction = try predict(inputs, taps: taps, batchSize: batchSize, threads: threads)
        var report = VerificationReport(outputs: [], layers: [])
        for (index, name) in outputNames.enumerated() {
            report.outputs.append(
                try Comparison(
                    name: name, got: prediction.outputs[index], expected: expected[index],
                    relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance))
        }
        for tap in taps {
            report.layers.append(
                try Comparison(
                    name: tap, got: prediction.layers[tap] ?? Tensor(zeros: [0]), expected: try fixture.tensor("layer/\(tap)"),
                    relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance))
        }
        return report
    }
}
