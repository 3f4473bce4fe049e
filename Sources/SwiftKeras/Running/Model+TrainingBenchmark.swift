internal import KerasSpec
internal import Graphs
internal import Layers
internal import Tensors
internal import Training

extension Model {
    /// Times training steps on random samples: forward, backward and the optimizer's update of one batch, filling it included.
    ///
    /// The model's weights and optimizer state are left alone. Without compile settings the loss is categorical cross-entropy
    /// (mean squared error for outputs of one number) and the optimizer RMSprop.
    package func benchmarkTraining(
        batchSize: Int, threads: Int?, runs: Int
    ) throws(LocatedError) -> BenchmarkResult {
        let program = try program()
        let warmUp = max(1, min(5, runs / 5))
        let inputs = try benchmarkInputs(batchSize: batchSize * (runs + warmUp))
        let lowered = try program.lower(inputs: inputs.map { ValueInfo($0.shape, $0.dtype) }, training: true)
        let outputs = lowered.graph.outputs.map { lowered.graph.info($0).shape }
        let isSettled = isCompiled
        let settings =
            isSettled
            ? try compiled().settings
            : CompileSettings(
                optimizer: RMSprop(),
                loss: outputs.allSatisfy({ ($0.dims.last ?? 1) ?? 1 > 1 }) ? .categoricalCrossentropy : .meanSquaredError)
        let losses = try settings.outputs(named: program.outputNames)
        var targets: [Tensor] = []
        for (place, shape) in outputs.enumerated() {
            guard let shape = shape.concrete else {
                throw LocatedError(
                    .mismatch, "benchmark.output", "expected an output of known extents, got \(shape)", at: [losses[place].name])
            }
            targets.append(Self.target(shape, losses[place].loss))
        }
        let trainer = try makeTrainer(
            Compiled(settings: settings, generation: isSettled ? try compiled().generation : .keras2), threads: threads, seed: 0)
        var options = FitOptions()
        options.batchSize = batchSize
        options.shuffle = false
        var random = NumPyRandom(seed: 0)
        let timer = StepTimer()
        _ = try trainer.fit(
            TrainingData(inputs: inputs, targets: targets), options: options, random: &random, callbacks: [timer])
        return BenchmarkResult(
            times: Array(timer.milliseconds.dropFirst(warmUp)), batchSize: batchSize,
            cost: trainer.stepCost(batchSize: batchSize), threads: threads)
    }

    /// Class numbers, one-hot rows or numbers, as the loss wants them.
    private static func target(_ shape: Shape, _ loss: Loss?) -> Tensor {
        let classes = max(shape.dims.last ?? 1, 1)
        let rows = classes == 0 ? 0 : shape.count / classes
        if loss?.kind == .sparseCategoricalCrossentropy {
            return Tensor((0..<rows).map { Int32($0 % classes) }, shape: Shape(Array(shape.dims.dropLast())))
        }
        var values = [Float](repeating: 0, count: shape.count)
        for row in 0..<rows { values[row * classes + row % classes] = 1 }
        return Tensor(values, shape: shape)
    }
}

/// Notes how long each step takes.
private final class StepTimer: Callback {
    private(set) var milliseconds: [Double] = []
    private let clock = ContinuousClock()
    private var start: ContinuousClock.Instant?

    func onBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) { start = clock.now }

    func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        guard let start else { return }
        let elapsed = start.duration(to: clock.now).components
        milliseconds.append(Double(elapsed.seconds) * 1e3 + Double(elapsed.attoseconds) * 1e-15)
    }
}
