package import Tensors
internal import OrderedCollections

/// How `fit` goes about it; defaults are Keras's.
package struct FitOptions: Sendable {
    /// Samples a step; the last step of an epoch takes what is left.
    package var batchSize = 32
    /// The number of the last epoch, counted from 1.
    package var epochs = 1
    /// Epochs that were made before.
    package var initialEpoch = 0
    package var shuffle = true
    /// Validation after every so many epochs.
    package var validationFrequency = 1

    package init() {}
}

extension Trainer {
    /// Trains.
    ///
    /// Samples are shuffled as Keras 2.3 does it: one list of indices, shuffled again for each epoch by NumPy's generator.
    ///
    /// - Parameters:
    ///   - validation: measured after epochs, in order.
    ///   - random: of the shuffling; goes on where it was.
    /// - Throws: what data or callbacks throw. Weights and optimizer keep what the steps made so far gave.
    package func fit(
        _ data: TrainingData, validation: TrainingData? = nil, options: FitOptions = FitOptions(),
        random: inout NumPyRandom, callbacks: [any Callback] = []
    ) throws(LocatedError) -> History {
        try options.check()
        let data = try prepared(data)
        let validation = try validation.map { (data) throws(LocatedError) in
            try locating("validation_data") { () throws(LocatedError) in try prepared(data) }
        }
        let first = try training(PlanKey(data, batch: min(options.batchSize, data.count)))
        let names = first.graph.names
        let control = TrainingControl(
            self, epochs: options.epochs, batchSize: options.batchSize, samples: data.count,
            validationSamples: validation?.count ?? 0, metrics: names + (validation == nil ? [] : names.map { "val_" + $0 }))
        var history = History()
        var order = Array(0..<data.count)

        for callback in callbacks { try callback.onTrainBegin(control) }
        var beginning = control.start ?? TrainingControl.Start(epoch: options.initialEpoch, batch: 0)
        // An epoch whose batches were all made is over.
        if beginning.batch > (data.count - 1) / options.batchSize { beginning = TrainingControl.Start(epoch: beginning.epoch + 1, batch: 0) }
        if options.shuffle {
            for _ in stride(from: options.initialEpoch, to: min(beginning.epoch, options.epochs), by: 1) { random.shuffle(&order) }
        }
        for epoch in stride(from: beginning.epoch, to: options.epochs, by: 1) {
            for callback in callbacks { try callback.onEpochBegin(epoch, control) }
            if options.shuffle { random.shuffle(&order) }
            let made = epoch == beginning.epoch ? beginning.batch : 0
            var sums = MetricSums(first.graph, generation: generation)
            var loss = 0.0
            var seen = 0
            for (batch, start) in stride(from: 0, to: data.count, by: options.batchSize).enumerated() where batch >= made {
                let size = min(options.batchSize, data.count - start)
                for callback in callbacks { try callback.onBatchBegin(batch, size: size, control) }
                let run = size == first.batch.count ? first : try training(PlanKey(data, batch: size))
                run.batch.fill(data, order, from: start)
                run.step(seed: seed)
                let batchLoss = run.number(run.graph.total)
                sums.add(run)
                loss += Double(batchLoss) * Double(size)
                seen += size
                if !callbacks.isEmpty {
                    var logs: Logs = ["loss": Double(batchLoss)]
                    sums.report(into: &logs)
                    for callback in callbacks { try callback.onBatchEnd(batch, size: size, logs, control) }
                }
                if control.stopsTraining { break }
            }
            var logs: Logs = [:]
            if let validation, !control.isInterrupted, seen == data.count || !control.stopsTraining, (epoch + 1) % options.validationFrequency == 0 {
                for (name, value) in try measure(validation, batchSize: options.batchSize) { logs["val_" + name] = value }
            }
            logs["loss"] = loss / Double(max(seen, 1))
            sums.report(into: &logs)
            for callback in callbacks { try callback.onEpochEnd(epoch, logs, control) }
            history.append(epoch, logs)
            if control.stopsTraining { break }
        }
        if options.epochs > beginning.epoch { try finalize() }
        for callback in callbacks { try callback.onTrainEnd(control) }
        return history
    }

    /// One step on a batch: Keras's `train_on_batch`. Gives the batch's loss and metrics.
    package func trainOnBatch(_ data: TrainingData) throws(LocatedError) -> Logs {
        let data = try prepared(data)
        let run = try training(PlanKey(data, batch: data.count))
        run.batch.fill(data, Array(0..<data.count), from: 0)
        run.step(seed: seed)
        var sums = MetricSums(run.graph, generation: generation)
        sums.add(run)
        var logs: Logs = ["loss": Double(run.number(run.graph.total))]
        sums.report(into: &logs)
        return logs
    }

    /// Measures loss and metrics without training: Keras's `evaluate`.
    ///
    /// - Parameter progress: called after each batch with the samples measured so far.
    package func evaluate(
        _ data: TrainingData, batchSize: Int = 32, progress: ((_ samples: Int) -> Void)? = nil
    ) throws(LocatedError) -> Logs {
        var options = FitOptions()
        options.batchSize = batchSize
        try options.check()
        let data = try prepared(data)
        return try measure(data, batchSize: batchSize, progress: progress)
    }

    private func measure(
        _ data: TrainingData, batchSize: Int, progress: ((_ samples: Int) -> Void)? = nil
    ) throws(LocatedError) -> Logs {
        let weights = self.weights
        let size = min(batchSize, data.count)
        let whole = try testing(PlanKey(data, batch: size), weights: weights)
        let rest = data.count % size
        let last = rest == 0 ? whole : try testing(PlanKey(data, batch: rest), weights: weights)
        var sums = MetricSums(whole.graph, generation: generation)
        var loss = 0.0
        let order = Array(0..<data.count)
        for start in stride(from: 0, to: data.count, by: size) {
            let run = start + size <= data.count ? whole : last
            run.batch.fill(data, order, from: start)
            run.run()
            loss += Double(run.number(run.graph.total)) * Double(run.batch.count)
            sums.add(run)
            progress?(start + run.batch.count)
        }
        var logs: Logs = ["loss": loss / Double(data.count)]
        sums.report(into: &logs)
        return logs
    }
}

extension FitOptions {
    fileprivate func check() throws(LocatedError) {
        for (name, value, least) in [
            ("batch_size", batchSize, 1), ("epochs", epochs, 0), ("initial_epoch", initialEpoch, 0),
            ("validation_freq", validationFrequency, 1),
        ] where value < least {
            throw LocatedError(.usage, "fit.\(name)", "expected \(name) of at least \(least), got \(value)")
        }
    }
}
