import ArgumentParser
import SwiftKeras

/// Times a model.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark", abstract: "Time predictions: milliseconds a batch, samples a second, GFLOP/s, memory.",
        discussion: "Inputs are random numbers in [0, 1), indices where the model looks something up.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "Samples in a batch.")
    var batchSize = 1

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    @Option(name: .long, help: "Counted runs, after a warm-up.")
    var runs = 50

    @Flag(name: .long, help: "Time training steps (forward, backward, update) instead of predictions.")
    var train = false

    @Flag(name: .long, help: "Also show each node: time, share, GFLOP/s.")
    var perLayer = false

    func validate() throws {
        if batchSize < 1 { throw ValidationError("--batch-size: expected at least 1, got \(batchSize)") }
        if runs < 1 { throw ValidationError("--runs: expected at least 1, got \(runs)") }
        if train && perLayer { throw ValidationError("--per-layer: shows predictions; leave out --train") }
        if let threads, threads < 1 { throw ValidationError("--threads: expected at least 1, got \(threads)") }
    }

    func run() throws {
        let clock = ContinuousClock()
        let start = clock.now
        let model = try model.load(needsWeights: false, common)
        let loading = start.duration(to: clock.now)
        let result =
            train
            ? try model.benchmarkTraining(batchSize: batchSize, threads: threads, runs: runs)
            : try model.benchmark(batchSize: batchSize, threads: threads, runs: runs)
        if common.json {
            Terminal.put(json: document(result, loading.milliseconds))
        } else {
            Terminal.put(text(result, loading.milliseconds))
        }
    }

    private func document(_ result: BenchmarkResult, _ loading: Double) -> ConfigValue {
        var document: ConfigObject = [
            "milliseconds": [
                "min": .float(result.milliseconds.min), "median": .float(result.milliseconds.median),
                "p90": .float(result.milliseconds.p90),
            ],
            "samples_per_second": .float(result.samplesPerSecond), "gflops": .float(result.gigaflops),
            "load_milliseconds": .float(loading), "peak_memory_bytes": .integer(result.peakMemory),
            "batch_size": .integer(batchSize), "threads": .integer(result.threads),
        ]
        if perLayer {
            document["layers"] = .array(
                result.nodes.map {
                    [
                        "name": .string($0.layer), "op": .string($0.op),
                        "algorithm": $0.algorithm.map { .string($0) } ?? .null, "milliseconds": .float($0.milliseconds),
                        "gflops": .float($0.gigaflops),
                    ]
                })
        }
        return .object(document)
    }

    private func text(_ result: BenchmarkResult, _ loading: Double) -> String {
        var text = """
            batch \(batchSize), \(result.threads) thread\(result.threads == 1 ? "" : "s"), \(runs) runs
            milliseconds a batch: min \(result.milliseconds.min.fixed(3)), median \(result.milliseconds.median.fixed(3)), \
            p90 \(result.milliseconds.p90.fixed(3))
            samples a second: \(result.samplesPerSecond.fixed(0)), GFLOP/s: \(result.gigaflops.fixed(1))
            load: \(loading.fixed(1)) ms, peak memory: \((Double(result.peakMemory) / 1_048_576).fixed(0)) MB

            """
        guard perLayer else { return text }
        let total = result.nodes.reduce(0) { $0 + $1.milliseconds }
        for node in result.nodes {
            let share = total > 0 ? node.milliseconds / total * 100 : 0
            text += "\(node.milliseconds.fixed(3).padded(9)) ms \(share.fixed(1).padded(5))% "
            text += "\(node.gigaflops.fixed(1).padded(7)) GFLOP/s  \(node.op)"
            if let algorithm = node.algorithm { text += " (\(algorithm))" }
            text += "  \(node.layer)\n"
        }
        return text
    }
}

extension String {
    /// Spaces in front, up to a width.
    fileprivate func padded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

extension Duration {
    /// In milliseconds.
    var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15 }
}
