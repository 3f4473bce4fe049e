public import Batches
internal import Foundation
public import Tensors
public import Training

extension Model {
    /// Trains on batches of a source: Keras's `fit` of a generator, a `Sequence` or a data set, and its `fit_generator`.
    ///
    /// Batches are made ready on a thread of its own while the one before is trained on, in order, so that the same source and
    /// seed give the same weights, bit for bit. An epoch is `stepsPerEpoch` batches, the next epoch going on where it ended, or
    /// else a pass of the source. Where a pass ends within an epoch, models of standalone Keras go on with the next pass; those
    /// of tf.keras and Keras 3 end the epoch and say so. A source that gives nothing any more ends the training.
    ///
    /// - Parameters:
    ///   - source: `GeneratorSource`, `SequenceSource`, `AsyncSource`, `ArraySource`, the flow of an `ImageDataGenerator`, or one
    ///     of your own. Batches may differ in size.
    ///   - stepsPerEpoch: batches of an epoch; in models of standalone Keras required of a source that doesn't know the length
    ///     of a pass.
    ///   - validationData: samples and targets to measure after each epoch.
    ///   - classWeight: what samples of each class count for, times a batch's own sample weights.
    ///   - prefetch: batches that wait to be trained on, Keras's `max_queue_size`; 0 makes each when its step comes.
    /// - Throws: what `fit` of arrays throws, `fit.steps_per_epoch`, and what the source throws.
    @discardableResult
    public func fit(
        _ source: some BatchSource, stepsPerEpoch: Int? = nil, epochs: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationData: (x: Tensor, y: Tensor)? = nil, validationBatchSize: Int = 32,
        validationFreq: Int = 1, classWeight: [Int: Double]? = nil, initialEpoch: Int = 0, prefetch: Int = 10, seed: UInt64 = 0,
        threads: Int? = nil
    ) throws(LocatedError) -> History {
        try fit(
            source, validationData.map { .arrays(TrainingData(inputs: [$0.x], targets: [$0.y])) }, stepsPerEpoch: stepsPerEpoch,
            epochs: epochs, verbose: verbose, callbacks: callbacks, validationBatchSize: validationBatchSize, validationSteps: nil,
            validationFreq: validationFreq, classWeight: classWeight, initialEpoch: initialEpoch, prefetch: prefetch, seed: seed,
            threads: threads)
    }

    /// Trains on batches of a source, and measures several inputs or outputs after each epoch.
    @discardableResult
    public func fit(
        _ source: some BatchSource, stepsPerEpoch: Int? = nil, epochs: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationData: (x: [Tensor], y: [Tensor]), validationBatchSize: Int = 32,
        validationFreq: Int = 1, classWeight: [Int: Double]? = nil, initialEpoch: Int = 0, prefetch: Int = 10, seed: UInt64 = 0,
        threads: Int? = nil
    ) throws(LocatedError) -> History {
        try fit(
            source, .arrays(TrainingData(inputs: validationData.x, targets: validationData.y)), stepsPerEpoch: stepsPerEpoch,
            epochs: epochs, verbose: verbose, callbacks: callbacks, validationBatchSize: validationBatchSize, validationSteps: nil,
            validationFreq: validationFreq, classWeight: classWeight, initialEpoch: initialEpoch, prefetch: prefetch, seed: seed,
            threads: threads)
    }

    /// Trains on batches of a source, and measures batches of another after each epoch.
    ///
    /// - Parameter validationSteps: batches of each validation, one going on where the last ended; nil: a pass.
    @discardableResult
    public func fit(
        _ source: some BatchSource, stepsPerEpoch: Int? = nil, epochs: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationData: any BatchSource, validationSteps: Int? = nil, validationFreq: Int = 1,
        classWeight: [Int: Double]? = nil, initialEpoch: Int = 0, prefetch: Int = 10, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> History {
        try fit(
            source, .source(validationData), stepsPerEpoch: stepsPerEpoch, epochs: epochs, verbose: verbose, callbacks: callbacks,
            validationBatchSize: 32, validationSteps: validationSteps, validationFreq: validationFreq, classWeight: classWeight,
            initialEpoch: initialEpoch, prefetch: prefetch, seed: seed, threads: threads)
    }

    private func fit(
        _ source: any BatchSource, _ validation: TrainingInput?, stepsPerEpoch: Int?, epochs: Int, verbose: Int,
        callbacks: [any Callback], validationBatchSize: Int, validationSteps: Int?, validationFreq: Int,
        classWeight: [Int: Double]?, initialEpoch: Int, prefetch: Int, seed: UInt64, threads: Int?
    ) throws(LocatedError) -> History {
        var request = TrainingRequest(.source(source))
        request.validation = validation
        request.options.stepsPerEpoch = stepsPerEpoch
        request.options.epochs = epochs
        request.options.initialEpoch = initialEpoch
        request.options.batchSize = validationBatchSize
        request.options.validationSteps = validationSteps
        request.options.validationFrequency = validationFreq
        request.options.prefetch = prefetch
        request.options.warn = Self.warn
        request.classWeight = classWeight
        request.seed = seed
        request.threads = threads
        let progress = verbose == 0 ? nil : ProgressLogger.toStandardOutput(verbose: verbose)
        return try fit(request, callbacks: (progress.map { [$0] } ?? []) + callbacks)
    }

    /// Keras 1's `fit_generator`, which counts samples: an epoch is as many whole batches as `samplesPerEpoch` has samples.
    ///
    /// As Keras 2 does with Keras 1's word, this divides the samples by the source's batch size, or takes them for steps where
    /// the source doesn't tell one; it says which in one line.
    ///
    /// - Parameters:
    ///   - samplesPerEpoch: samples of an epoch.
    ///   - nbEpoch: Keras 1's word for epochs.
    ///   - maxQSize: batches that wait to be trained on.
    @discardableResult
    public func fitGenerator(
        _ source: some BatchSource, samplesPerEpoch: Int, nbEpoch: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationData: (x: Tensor, y: Tensor)? = nil, classWeight: [Int: Double]? = nil,
        maxQSize: Int = 10, initialEpoch: Int = 0, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> History {
        let size = max(source.batchSize ?? 1, 1)
        let steps = samplesPerEpoch / size
        guard steps > 0 else {
            throw LocatedError(
                .usage, "fit.samples_per_epoch", "expected at least the \(size) samples of a batch, got \(samplesPerEpoch)")
        }
        if verbose != 0 {
            Self.warn(
                source.batchSize == nil
                    ? "fitGenerator(samplesPerEpoch: \(samplesPerEpoch)): the source tells no batch size, so an epoch is \(steps) steps, as in Keras 2."
                    : "fitGenerator(samplesPerEpoch: \(samplesPerEpoch)) counts samples, as Keras 1 did: an epoch is \(steps) steps of \(size).")
        }
        return try fit(
            source, stepsPerEpoch: steps, epochs: nbEpoch, verbose: verbose, callbacks: callbacks, validationData: validationData,
            classWeight: classWeight, initialEpoch: initialEpoch, prefetch: maxQSize, seed: seed, threads: threads)
    }

    /// Keras 2's `fit_generator`, which counts steps: the same as `fit`.
    @discardableResult
    public func fitGenerator(
        _ source: some BatchSource, stepsPerEpoch: Int? = nil, epochs: Int = 1, verbose: Int = 1, callbacks: [any Callback] = [],
        validationData: (x: Tensor, y: Tensor)? = nil, classWeight: [Int: Double]? = nil, maxQueueSize: Int = 10,
        initialEpoch: Int = 0, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> History {
        try fit(
            source, stepsPerEpoch: stepsPerEpoch, epochs: epochs, verbose: verbose, callbacks: callbacks,
            validationData: validationData, classWeight: classWeight, initialEpoch: initialEpoch, prefetch: maxQueueSize, seed: seed,
            threads: threads)
    }

    /// Measures loss and metrics on batches of a source: Keras's `evaluate` and `evaluate_generator`.
    ///
    /// - Parameter steps: how many batches; nil: a pass.
    public func evaluation(
        _ source: some BatchSource, steps: Int? = nil, callbacks: [any Callback] = [], prefetch: Int = 10, threads: Int? = nil
    ) throws(LocatedError) -> Logs {
        var options = FitOptions()
        options.validationSteps = steps
        options.prefetch = prefetch
        options.warn = Self.warn
        return try evaluation(.source(source), options, callbacks: callbacks, threads: threads)
    }

    /// The same numbers in their order: the loss, then metrics.
    public func evaluate(
        _ source: some BatchSource, steps: Int? = nil, prefetch: Int = 10, threads: Int? = nil
    ) throws(LocatedError) -> [Double] {
        Array(try evaluation(source, steps: steps, prefetch: prefetch, threads: threads).values)
    }

    /// The model's outputs for batches of a source, one after the other: Keras's `predict` and `predict_generator`. Targets are
    /// passed over.
    ///
    /// - Parameter steps: how many batches; nil: a pass.
    public func predict(
        _ source: some BatchSource, steps: Int? = nil, callbacks: [any Callback] = [], prefetch: Int = 10, threads: Int? = nil
    ) throws(LocatedError) -> [Tensor] {
        if let steps, steps < 1 {
            throw LocatedError(.usage, "predict.steps", "expected at least one batch, got \(steps)")
        }
        guard steps != nil || source.batchesPerPass != nil || spec.provenance?.dialect == .keras3 else {
            throw LocatedError(
                .usage, "predict.steps", "expected steps for a source that doesn't know how many batches a pass has, got none")
        }
        let left = Countdown(steps)
        let batches = Prefetcher<Batch>(capacity: max(prefetch, 0)) { () throws(LocatedError) in
            left.takesOne() ? try source.next() : nil
        }
        defer { batches.close { source.interrupt() } }
        var parts: [[Tensor]] = []
        for callback in callbacks { try callback.onPredictBegin() }
        while let batch = try batches.next() {
            let size = batch.x.first?.shape.dims.first ?? 0
            for callback in callbacks { try callback.onPredictBatchBegin(parts.count, size: size) }
            let outputs = try locating("batch \(parts.count)") { () throws(LocatedError) in
                try predict(batch.x, batchSize: max(size, 1), threads: threads)
            }
            for callback in callbacks { try callback.onPredictBatchEnd(parts.count, outputs: outputs) }
            parts.append(outputs)
        }
        for callback in callbacks { try callback.onPredictEnd() }
        if let steps, parts.count < steps {
            Self.warn("Your input ran out of data: \(parts.count) batches instead of \(steps).")
        }
        guard let first = parts.first else {
            throw LocatedError(.usage, "data.empty", "expected at least one batch to predict, got none")
        }
        return try first.indices.map { (output) throws(LocatedError) in
            try Tensor(stacking: parts.map { $0[output] })
        }
    }

    /// Says on standard error what people should know.
    static let warn: @Sendable (String) -> Void = { text in FileHandle.standardError.write(Data("\(text)\n".utf8)) }
}

/// Batches that are still to be drawn; used by one thread at a time.
private final class Countdown: @unchecked Sendable {
    private var left: Int?
    init(_ count: Int?) { left = count }

    func takesOne() -> Bool {
        guard let count = left else { return true }
        left = count - 1
        return count > 0
    }
}

extension Tensor {
    /// Rows of several arrays, one after the other. Throws unless all have one shape but for the number of rows.
    fileprivate init(stacking parts: [Tensor]) throws(LocatedError) {
        let first = parts[0]
        guard first.shape.rank > 0 else {
            throw LocatedError(
                .unsupported, "predict.batches", "expected outputs with a batch axis to put batches together, got a scalar")
        }
        for part in parts where part.shape.dims.dropFirst() != first.shape.dims.dropFirst() || part.dtype != first.dtype {
            throw LocatedError(
                .unsupported, "predict.batches", "expected outputs of one shape, to put batches together, got \(first.shape) and \(part.shape)")
        }
        var dims = first.shape.dims
        dims[0] = parts.reduce(0) { $0 + $1.shape[0] }
        try Memory.require(Shape(dims), dtype: first.dtype, for: "the outputs of all samples")
        self.init(uninitialized: Shape(dims), dtype: first.dtype)
        withUnsafeMutableBytes { target in
            var offset = 0
            for part in parts {
                part.withUnsafeBytes { source in
                    guard let from = source.baseAddress, let to = target.baseAddress else { return }
                    (to + offset).copyMemory(from: from, byteCount: source.count)
                    offset += source.count
                }
            }
        }
        for part in parts { keepStrings(of: part) }
    }
}
