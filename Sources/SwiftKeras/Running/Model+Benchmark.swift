internal import Engine
internal import Files
internal import Graphs
internal import Layers
internal import Tensors

/// How fast a model ran.
public struct BenchmarkResult: Sendable {
    /// Of one batch.
    public struct Times: Sendable {
        public var min: Double
        public var median: Double
        /// Nine of ten runs were faster.
        public var p90: Double
    }

    /// One node of the plan, which may do the work of several layers.
    public struct Node: Sendable {
        public var layer: String
        public var op: String
        /// How it is computed, where there is a choice: `direct`, `winograd`.
        public var algorithm: String?
        /// The mean of a run.
        public var milliseconds: Double
        public var gigaflops: Double
    }

    public var milliseconds: Times
    public var samplesPerSecond: Double
    /// Floating-point operations of the plan (a multiplication and an addition are two) by the median time.
    public var gigaflops: Double
    /// The process's largest memory so far, in bytes.
    public var peakMemory: Int
    public var threads: Int
    public var nodes: [Node]
}

extension Model {
    /// Times predictions of one batch of random inputs, after a warm-up.
    ///
    /// - Throws: `.mismatch` when the model doesn't tell its input's shape; unknown extents count as 32.
    public func benchmark(
        batchSize: Int = 1, threads: Int? = nil, runs: Int = 50
    ) throws(LocatedError) -> BenchmarkResult {
        let inputs = try benchmarkInputs(batchSize: batchSize)
        let runner = try runner(for: inputs, taps: [], threads: threads)
        return try runner.withSession { (session) throws(LocatedError) in
            let clock = ContinuousClock()
            var times: [Double] = []
            var profile = Profile()
            for run in -max(1, min(5, runs / 5))..<runs {
                let start = clock.now
                _ = try session.run(inputs)
                let elapsed = start.duration(to: clock.now).components
                if run >= 0 { times.append(Double(elapsed.seconds) * 1e3 + Double(elapsed.attoseconds) * 1e-15) }
            }
            for _ in 0..<min(runs, 10) { _ = try session.run(inputs, profile: &profile) }
            var result = BenchmarkResult(times: times, batchSize: batchSize, cost: session.plan.cost, threads: threads)
            result.nodes = profile.entries.map { entry in
                let milliseconds = Double(entry.forwardNanoseconds) / Double(max(profile.runs, 1)) / 1e6
                return BenchmarkResult.Node(
                    layer: entry.label, op: entry.op, algorithm: entry.algorithm, milliseconds: milliseconds,
                    gigaflops: milliseconds > 0 ? entry.cost / milliseconds / 1e6 : 0)
            }
            return result
        }
    }

    /// Random numbers in [0, 1); indices below the table's size.
    func benchmarkInputs(batchSize: Int) throws(LocatedError) -> [Tensor] {
        let program = try program()
        guard let declared = program.declaredInputs else {
            throw LocatedError(
                .mismatch, "model.unbuilt", "expected a model that knows its input's shape, got one that doesn't",
                hint: "Give it one with --input-shape.")
        }
        let checks = try program.lower(inputs: declared, training: false).indexChecks
        return try declared.enumerated().map { (index, info) throws(LocatedError) in
            var dims = info.shape.dims.map { $0 ?? 32 }
            dims[0] = batchSize
            let shape = Shape(dims)
            try Memory.require(shape, dtype: info.dtype, for: "the inputs of a batch")
            var random = RandomStream(seed: 0, stream: UInt64(index))
            if info.dtype == .int32 {
                let limit = checks.filter { $0.input == index && $0.limit > 0 }.map(\.limit).min() ?? 2
                return Tensor((0..<shape.count).map { _ in Int32(clamping: min(Int(random.uniform() * Float(limit)), limit - 1)) }, shape: shape)
            }
            return Tensor((0..<shape.count).map { _ in random.uniform() }, shape: shape).asType(info.dtype)
        }
    }
}

extension BenchmarkResult {
    /// - Parameters:
    ///   - times: milliseconds of each run, at least one.
    ///   - cost: floating-point operations of a run.
    init(times: [Double], batchSize: Int, cost: Double, threads: Int?) {
        let times = times.sorted()
        let median = times[times.count / 2]
        self.init(
            milliseconds: .init(min: times[0], median: median, p90: times[min(times.count - 1, times.count * 9 / 10)]),
            samplesPerSecond: Double(batchSize) / median * 1e3, gigaflops: cost / median / 1e6,
            peakMemory: ProcessMemory.peak, threads: threads ?? ThreadPool.shared.threads, nodes: [])
    }
}
