internal import Batches
internal import OrderedCollections
package import Tensors

/// How `fit` goes about it; defaults are Keras's.
package struct FitOptions: Sendable {
    /// Samples a step, of arrays; the last step of an epoch takes what is left.
    package var batchSize = 32
    /// The number of the last epoch, counted from 1.
    package var epochs = 1
    /// Epochs that were made before.
    package var initialEpoch = 0
    /// Of arrays; a source has its own order.
    package var shuffle = true
    /// Validation after every so many epochs.
    package var validationFrequency = 1
    /// Batches of an epoch, of a source; nil: those of a pass.
    package var stepsPerEpoch: Int?
    /// Batches of a validation, likewise.
    package var validationSteps: Int?
    /// Batches of a source that are made ready ahead of their step: Keras's `max_queue_size`. 0: none.
    package var prefetch = 10
    /// What samples of a source count for by their class, in the first output.
    package var classWeight: [Int: Double]?
    /// Is told what people should know.
    package var warn: @Sendable (String) -> Void = { _ in }

    package init() {}
}

extension Trainer {
    /// Trains on arrays.
    package func fit(
        _ data: TrainingData, validation: TrainingData? = nil, options: FitOptions = FitOptions(),
        random: inout NumPyRandom, callbacks: [any Callback] = []
    ) throws(LocatedError) -> History {
        try fit(
            .arrays(data), validation: validation.map { .arrays($0) }, options: options, random: &random, callbacks: callbacks)
    }

    /// Trains.
    ///
    /// Samples of arrays are shuffled as Keras 2.3 does it: one list of indices, shuffled again for each epoch by NumPy's
    /// generator. A source that gives no batch at all ends the training.
    ///
    /// - Parameters:
    ///   - validation: measured after epochs, in order.
    ///   - random: of the shuffling; goes on where it was.
    /// - Throws: what data, source or callbacks throw. Weights and optimizer keep what the steps made so far gave.
    package func fit(
        _ input: TrainingInput, validation: TrainingInput? = nil, options: FitOptions = FitOptions(),
        random: inout NumPyRandom, callbacks: [any Callback] = []
    ) throws(LocatedError) -> History {
        try options.check()
        let feed = try feed(input, options, steps: options.stepsPerEpoch, random: options.shuffle ? random : nil)
        let validating = try validation.map { (input) throws(LocatedError) in
            try locating("validation_data") { () throws(LocatedError) in
                var options = options
                options.classWeight = nil
                return try self.feed(input, options, steps: options.validationSteps, random: nil, name: "validation_steps")
            }
        }
        defer {
            feed.close()
            validating?.close()
            if let left = (feed as? ArrayFeed)?.random { random = left }
        }
        let graph: TrainingGraph
        if let key = feed.firstKey { graph = try training(key).graph } else { graph = try measures() }
        let names = graph.names
        let control = TrainingControl(
            self, epochs: options.epochs, batchSize: options.batchSize, samples: feed.samples ?? 0,
            validationSamples: validating?.samples ?? 0, metrics: names + (validation == nil ? [] : names.map { "val_" + $0 }))
        control.steps = feed.steps
        control.countsSteps = feed.samples == nil
        // What keeps the training's state sees it when all others are done with it.
        let callbacks = callbacks.filter { !($0 is any ClosingCallback) } + callbacks.filter { $0 is any ClosingCallback }
        control.callbacks = callbacks

        for callback in callbacks { try callback.onTrainBegin(control) }
        try control.restoreCallbacks()
        var beginning = control.start ?? TrainingControl.Start(epoch: options.initialEpoch, batch: 0)
        // An epoch whose batches were all made is over, unless what its end needs was kept.
        if let steps = feed.steps, beginning.batch >= steps, control.startSums == nil {
            beginning = TrainingControl.Start(epoch: beginning.epoch + 1, batch: 0)
        }
        if beginning.epoch < options.epochs {
            try forward(feed, validating, to: beginning, options)
        }
        training: for epoch in stride(from: beginning.epoch, to: options.epochs, by: 1) {
            let made = epoch == beginning.epoch ? beginning.batch : 0
            feed.beginEpoch(of: options.epochs - epoch)
            var drawn = try feed.next()
            // Cut off after its last batch: only now is it known that there is no other.
            if drawn == nil, made > 0, control.startSums == nil { continue }
            guard drawn != nil || made > 0 else {
                options.warn(Self.ranOut)
                break
            }
            for callback in callbacks { try callback.onEpochBegin(epoch, control) }
            var sums = EpochSums(graph, generation: generation)
            if made > 0, let left = control.startSums { sums.restore(left) }
            var batch = made
            while let portion = drawn {
                let size = portion.count
                for callback in callbacks { try callback.onTrainBatchBegin(batch, size: size, control) }
                let run = try training(portion.key)
                run.batch.fill(portion)
                withExtendedLifetime(portion) { run.step(seed: seed) }
                let batchLoss = run.number(run.graph.reported)
                sums.add(run, loss: Double(batchLoss))
                if !callbacks.isEmpty {
                    control.sums = sums
                    var logs: Logs = ["loss": Double(batchLoss)]
                    sums.metrics.report(into: &logs)
                    for callback in callbacks { try callback.onTrainBatchEnd(batch, size: size, logs, control) }
                    // Kept no longer than it may be asked for, so that adding to the sums copies nothing.
                    control.sums = nil
                }
                batch += 1
                if control.stopsTraining { break }
                drawn = try feed.next()
            }
            if feed.ranOut, !control.stopsTraining { options.warn(Self.ranOut) }
            if control.steps == nil { control.steps = feed.steps }
            var logs: Logs = [:]
            let isWhole = batch == feed.steps || !control.stopsTraining
            if let validating, !control.isInterrupted, isWhole, (epoch + 1) % options.validationFrequency == 0 {
                for (name, value) in try measure(validating, control, callbacks) { logs["val_" + name] = value }
            }
            sums.report(into: &logs)
            control.history.append(epoch, logs)
            for callback in callbacks { try callback.onEpochEnd(epoch, logs, control) }
            if control.stopsTraining { break training }
        }
        if options.epochs > beginning.epoch { try finalize() }
        for callback in callbacks { try callback.onTrainEnd(control) }
        return control.history
    }

    private static let ranOut =
        "Your input ran out of data; interrupting training. Make sure that your source can give at least stepsPerEpoch × epochs batches."

    /// Draws what a training that was cut off had drawn.
    private func forward(
        _ feed: any BatchFeed, _ validating: (any BatchFeed)?, to start: TrainingControl.Start, _ options: FitOptions
    ) throws(LocatedError) {
        guard start.epoch > options.initialEpoch || start.batch > 0 else { return }
        if feed.isReproducible {
            try feed.skip(epochs: max(0, start.epoch - options.initialEpoch), batches: start.batch)
        } else {
            options.warn(
                "The source can't be drawn forward to where the training was cut off: it goes on with what the source gives now, and ends with other weights than without the interruption.")
        }
        guard let validating, validating.isReproducible else { return }
        var measured = 0
        for epoch in stride(from: options.initialEpoch, to: start.epoch, by: 1) where (epoch + 1) % options.validationFrequency == 0 {
            measured += 1
        }
        try validating.skip(epochs: measured, batches: 0)
    }

    /// What the loops draw from.
    ///
    /// - Parameters:
    ///   - steps: batches of an epoch, of a source.
    ///   - random: of the shuffling of arrays; nil: none.
    ///   - name: what Keras calls `steps`.
    func feed(
        _ input: TrainingInput, _ options: FitOptions, steps: Int?, random: NumPyRandom?, name: String = "steps_per_epoch"
    ) throws(LocatedError) -> any BatchFeed {
        switch input {
        case .arrays(let data):
            return ArrayFeed(try prepared(data), batchSize: options.batchSize, random: random)
        case .source(let source):
            // tf.keras and Keras 3 draw until there is no more.
            guard steps != nil || source.batchesPerPass != nil || !generation.isStandalone else {
                throw LocatedError(
                    .usage, "fit.\(name)", "expected \(name) for a source that doesn't know how many batches a pass has, got none")
            }
            let preparation = preparation
            let (classWeight, outputs) = (options.classWeight, outputs.count)
            return SourceFeed(source, steps: steps, wraps: generation.isStandalone, prefetch: options.prefetch) {
                (batch) throws(LocatedError) in
                var data = TrainingData(batch, outputs: outputs)
                if let classWeight { try data.weigh(classes: classWeight, ofOutput: 0) }
                return try preparation.prepared(data)
            }
        }
    }

    /// Measures loss and metrics without training: Keras's `evaluate`.
    ///
    /// - Parameter progress: called after each batch with the samples measured so far.
    package func evaluate(
        _ data: TrainingData, batchSize: Int = 32, progress: ((_ samples: Int) -> Void)? = nil
    ) throws(LocatedError) -> Logs {
        var options = FitOptions()
        options.batchSize = batchSize
        return try evaluate(.arrays(data), options: options, progress: progress)
    }

    /// Measures loss and metrics without training: Keras's `evaluate`. Of a source: `validationSteps` batches, or a pass.
    package func evaluate(
        _ input: TrainingInput, options: FitOptions, callbacks: [any Callback] = [], progress: ((_ samples: Int) -> Void)? = nil
    ) throws(LocatedError) -> Logs {
        try options.check()
        let feed = try feed(input, options, steps: options.validationSteps, random: nil, name: "steps")
        defer { feed.close() }
        let control = TrainingControl(
            self, epochs: 0, batchSize: options.batchSize, samples: feed.samples ?? 0, validationSamples: feed.samples ?? 0,
            metrics: try measures().names)
        control.steps = feed.steps
        control.countsSteps = feed.samples == nil
        control.callbacks = callbacks
        let logs = try measure(feed, control, callbacks, progress: progress)
        if feed.ranOut { options.warn(Self.ranOut) }
        return logs
    }

    private func measure(
        _ feed: any BatchFeed, _ control: TrainingControl, _ callbacks: [any Callback], progress: ((_ samples: Int) -> Void)? = nil
    ) throws(LocatedError) -> Logs {
        feed.beginEpoch(of: 1)
        defer {
            // The next measuring begins a thread of its own, and stateful layers where the weights say.
            feed.close()
            forgetTests()
        }
        for callback in callbacks { try callback.onTestBegin(control) }
        var sums: EpochSums?
        var batch = 0
        while let portion = try feed.next() {
            for callback in callbacks { try callback.onTestBatchBegin(batch, size: portion.count, control) }
            let run = try testing(portion.key)
            run.batch.fill(portion)
            withExtendedLifetime(portion) { run.run() }
            if sums == nil { sums = EpochSums(run.graph, generation: generation) }
            sums?.add(run, loss: Double(run.number(run.graph.reported)))
            progress?(sums?.seen ?? 0)
            if !callbacks.isEmpty, let sums {
                let logs = sums.logs
                for callback in callbacks { try callback.onTestBatchEnd(batch, size: portion.count, logs, control) }
            }
            batch += 1
        }
        guard let sums else {
            throw LocatedError(.usage, "data.empty", "expected at least one batch to measure, got none")
        }
        let logs = sums.logs
        for callback in callbacks { try callback.onTestEnd(logs, control) }
        return logs
    }

    // MARK: Single batches

    /// One step on a batch: Keras's `train_on_batch`. Gives loss and metrics.
    ///
    /// - Parameter resets: whether numbers are of this batch alone, else of all since they were reset.
    package func trainOnBatch(_ data: TrainingData, resets: Bool = true) throws(LocatedError) -> Logs {
        let data = try prepared(data)
        let run = try training(PlanKey(data, batch: data.count))
        run.batch.fill(Portion(data: data, order: nil, start: 0, count: data.count))
        withExtendedLifetime(data) { run.step(seed: seed) }
        return report(run, resets: resets)
    }

    /// Loss and metrics of a batch without training: Keras's `test_on_batch`.
    package func testOnBatch(_ data: TrainingData, resets: Bool = true) throws(LocatedError) -> Logs {
        let data = try prepared(data)
        let run = try testing(PlanKey(data, batch: data.count))
        run.batch.fill(Portion(data: data, order: nil, start: 0, count: data.count))
        withExtendedLifetime(data) { run.run() }
        return report(run, resets: resets)
    }

    private func report(_ run: some BatchResults, resets: Bool) -> Logs {
        let loss = Double(run.number(run.graph.reported))
        var sums = resets ? nil : singles
        if sums == nil { sums = EpochSums(run.graph, generation: generation) }
        sums?.add(run, loss: loss)
        singles = sums
        var logs = sums?.logs ?? [:]
        // In standalone Keras the loss is never a mean over batches.
        if generation.isStandalone { logs["loss"] = loss }
        return logs
    }

    /// Lets numbers of single batches begin anew: Keras's `reset_metrics`.
    package func resetMetrics() { singles = nil }
}

extension FitOptions {
    fileprivate func check() throws(LocatedError) {
        for (name, value, least) in [
            ("batch_size", batchSize, 1), ("epochs", epochs, 0), ("initial_epoch", initialEpoch, 0),
            ("validation_freq", validationFrequency, 1), ("steps_per_epoch", stepsPerEpoch ?? 1, 1),
            ("validation_steps", validationSteps ?? 1, 1), ("prefetch", prefetch, 0),
        ] where value < least {
            throw LocatedError(.usage, "fit.\(name)", "expected \(name) of at least \(least), got \(value)")
        }
    }
}

extension TrainingData {
    /// - Parameter outputs: of the model; those that a batch has no targets for have none.
    init(_ batch: Batch, outputs: Int) {
        self.init(
            inputs: batch.x, targets: batch.y.isEmpty ? [Tensor?](repeating: nil, count: outputs) : batch.y.map { $0 },
            sampleWeights: batch.sampleWeight.map { $0.map { $0 } } ?? [Tensor?](repeating: nil, count: max(outputs, batch.y.count)))
    }
}
