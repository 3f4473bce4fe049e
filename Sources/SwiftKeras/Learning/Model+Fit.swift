package import Augmentation
internal import Layers
internal import Synchronization
public import Tensors
public import Training

extension Model {
    /// Trains a model with one input and one output: Keras's `fit`.
    ///
    /// Begins with the model's weights and, if it has any, its optimizer's state, and leaves both as training made them. The
    /// same seed gives the same weights, bit for bit, on any number of threads.
    ///
    /// - Parameters:
    ///   - x: samples along the first axis.
    ///   - y: what the output should be, as the loss wants it: one-hot rows, class numbers, numbers.
    ///   - batchSize: samples a step.
    ///   - verbose: 0 silent, 1 Keras's progress bar, 2 one line an epoch.
    ///   - validationSplit: the share of the samples, the last ones, that is measured and not trained on.
    ///   - validationData: samples and targets to measure after each epoch instead.
    ///   - shuffle: whether the samples' order changes with each epoch.
    ///   - classWeight: what samples of each class count for.
    ///   - sampleWeight: what each sample counts for.
    ///   - initialEpoch: epochs that were made before.
    ///   - seed: of shuffling (as NumPy shuffles) and of dropout.
    ///   - threads: how many cores to use; all by default.
    /// - Throws: `.mismatch` when data and model disagree, `.usage` when the model isn't compiled.
    @discardableResult
    public func fit(
        _ x: Tensor, _ y: Tensor, batchSize: Int = 32, epochs: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationSplit: Double = 0, validationData: (x: Tensor, y: Tensor)? = nil,
        shuffle: Bool = true, classWeight: [Int: Double]? = nil, sampleWeight: Tensor? = nil, initialEpoch: Int = 0,
        validationFreq: Int = 1, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> History {
        try fit(
            [x], [y], batchSize: batchSize, epochs: epochs, verbose: verbose, callbacks: callbacks,
            validationSplit: validationSplit, validationData: validationData.map { ([$0.x], [$0.y]) }, shuffle: shuffle,
            classWeight: classWeight, sampleWeight: sampleWeight.map { [$0] }, initialEpoch: initialEpoch,
            validationFreq: validationFreq, seed: seed, threads: threads)
    }

    /// Trains a model with several inputs or outputs: one array for each, in the model's order.
    @discardableResult
    public func fit(
        _ x: [Tensor], _ y: [Tensor], batchSize: Int = 32, epochs: Int = 1, verbose: Int = 1,
        callbacks: [any Callback] = [], validationSplit: Double = 0, validationData: (x: [Tensor], y: [Tensor])? = nil,
        shuffle: Bool = true, classWeight: [Int: Double]? = nil, sampleWeight: [Tensor]? = nil, initialEpoch: Int = 0,
        validationFreq: Int = 1, seed: UInt64 = 0, threads: Int? = nil
    ) throws(LocatedError) -> History {
        let progress = verbose == 0 ? nil : ProgressLogger.toStandardOutput(verbose: verbose)
        return try fit(
            TrainingRequest(
                x: x, y: y, validationSplit: validationSplit, validation: validationData, classWeight: classWeight,
                sampleWeight: sampleWeight, batchSize: batchSize, epochs: epochs, initialEpoch: initialEpoch,
                shuffle: shuffle, validationFreq: validationFreq, seed: seed, threads: threads),
            callbacks: (progress.map { [$0] } ?? []) + callbacks)
    }

    /// Trains as `request` says, without printing.
    package func fit(_ request: TrainingRequest, callbacks: [any Callback]) throws(LocatedError) -> History {
        let compiled = try compiled()
        let trainer = try makeTrainer(compiled, threads: request.threads, seed: request.seed)
        var input = request.data
        var validation = request.validation
        if case .arrays(var data) = input {
            // Before the split, as in Keras: samples that are held back count by their classes too.
            if let classWeight = request.classWeight { try data.weigh(classes: classWeight, ofOutput: 0) }
            if validation == nil, request.validationSplit != 0 {
                try data.requireEqualCounts()
                let parts = try data.split(validationSplit: request.validationSplit)
                data = parts.training
                validation = .arrays(parts.validation)
            }
            input = .arrays(data)
        }
        var random = NumPyRandom(seed: UInt32(truncatingIfNeeded: request.seed))
        for case let callback as any ModelCallback in callbacks {
            callback.attach(to: self) { self.keep(trainer, compiled) }
        }
        defer { keep(trainer, compiled) }
        return try trainer.fit(input, validation: validation, options: request.options, random: &random, callbacks: callbacks)
    }

    /// Measures loss and metrics: Keras's `evaluate`. The loss first, then what was given as metrics.
    public func evaluate(
        _ x: Tensor, _ y: Tensor, batchSize: Int = 32, sampleWeight: Tensor? = nil, threads: Int? = nil
    ) throws(LocatedError) -> [Double] {
        Array(try evaluation([x], [y], batchSize: batchSize, sampleWeight: sampleWeight.map { [$0] }, threads: threads).values)
    }

    /// Measures loss and metrics by name, for any number of inputs and outputs.
    public func evaluation(
        _ x: [Tensor], _ y: [Tensor], batchSize: Int = 32, sampleWeight: [Tensor]? = nil, callbacks: [any Callback] = [],
        threads: Int? = nil
    ) throws(LocatedError) -> Logs {
        var options = FitOptions()
        options.batchSize = batchSize
        return try evaluation(
            .arrays(TrainingData(inputs: x, targets: y, sampleWeights: sampleWeight)), options, callbacks: callbacks, threads: threads)
    }

    /// Measures loss and metrics by name.
    package func evaluation(
        _ input: TrainingInput, _ options: FitOptions, callbacks: [any Callback] = [], threads: Int?
    ) throws(LocatedError) -> Logs {
        // Only `fit` moves the optimizer: its state, which may be large, isn't needed unless a callback looks at it.
        var compiled = try compiled(withState: !callbacks.isEmpty)
        if callbacks.isEmpty { compiled.optimizerState = nil }
        let trainer = try makeTrainer(compiled, threads: threads, seed: 0)
        return try trainer.evaluate(input, options: options, callbacks: callbacks)
    }

    /// Takes over what training made.
    private func keep(_ trainer: Trainer, _ compiled: Compiled) {
        let (values, compiled) = trainer.result(compiled)
        state.withLock { state in
            state.weights = values
            state.carried = [:]
            state.compiled = compiled
            state.training = nil
        }
    }
}

extension Trainer {
    /// Weights, and compile settings with the optimizer's state, as they are now.
    func result(_ compiled: Compiled) -> (weights: WeightValues, compiled: Compiled) {
        var compiled = compiled
        compiled.optimizerState = optimizerState
        compiled.notes = []
        // Callbacks may have changed it; Keras saves the rate of the moment.
        if schedule == nil { compiled.settings.optimizer.learningRate = learningRate }
        return (WeightValues(table: table, tensors: weights), compiled)
    }
}

/// Everything that `fit` is asked for.
package struct TrainingRequest: Sendable {
    package var data: TrainingInput
    package var validation: TrainingInput?
    package var validationSplit = 0.0
    package var classWeight: [Int: Double]? {
        didSet { if case .source = data { options.classWeight = classWeight } }
    }
    package var options = FitOptions()
    package var seed: UInt64 = 0
    package var threads: Int?

    package init(_ data: TrainingInput) { self.data = data }

    package init(
        x: [Tensor], y: [Tensor], validationSplit: Double = 0, validation: (x: [Tensor], y: [Tensor])? = nil,
        classWeight: [Int: Double]? = nil, sampleWeight: [Tensor]? = nil, batchSize: Int = 32, epochs: Int = 1,
        initialEpoch: Int = 0, shuffle: Bool = true, validationFreq: Int = 1, seed: UInt64 = 0, threads: Int? = nil
    ) {
        data = .arrays(TrainingData(inputs: x, targets: y, sampleWeights: sampleWeight))
        self.validation = validation.map { .arrays(TrainingData(inputs: $0.x, targets: $0.y)) }
        self.validationSplit = validationSplit
        self.classWeight = classWeight
        options.batchSize = batchSize
        options.epochs = epochs
        options.initialEpoch = initialEpoch
        options.shuffle = shuffle
        options.validationFrequency = validationFreq
        self.seed = seed
        self.threads = threads
    }
}

extension TrainingRequest {
    /// Trains on pictures as a generator varies them, epoch by epoch; those that are held back are standardized as it does,
    /// and not varied.
    ///
    /// Throws `augment.inputs` unless there is one array of pictures and one of targets, and what the generator throws.
    package mutating func vary(with generator: ImageDataGenerator) throws(LocatedError) {
        guard case .arrays(var data) = data, data.inputs.count == 1, data.targets.count == 1, let y = data.targets[0] else {
            throw LocatedError(
                .mismatch, "augment.inputs", "expected one array of pictures and one of targets, got others", at: ["x"])
        }
        if validation == nil, validationSplit != 0 {
            try data.requireEqualCounts()
            let parts = try data.split(validationSplit: validationSplit)
            let (own, held) = (parts.training.samples, parts.validation.samples)
            if generator.featurewiseCenter || generator.featurewiseStdNormalization || generator.zcaWhitening {
                try generator.fit(data.inputs[0].rows(own))
            }
            let pictures = try held.map { (row) throws(LocatedError) in
                let picture = data.inputs[0].rows(row..<row + 1)
                return try generator.standardize(picture.reshaped(to: Shape(Array(picture.shape.dims.dropFirst()))))
            }
            validation = .arrays(TrainingData(inputs: [Tensor(rows: pictures)], targets: [y.rows(held)]))
            data = TrainingData(inputs: [data.inputs[0].rows(own)], targets: [y.rows(own)])
        } else if generator.featurewiseCenter || generator.featurewiseStdNormalization || generator.zcaWhitening {
            try generator.fit(data.inputs[0])
        }
        guard let targets = data.targets[0] else { return }
        let flow = try generator.flow(data.inputs[0], targets, batchSize: options.batchSize, shuffle: options.shuffle)
        self.data = .source(flow)
        options.classWeight = classWeight
    }
}

extension Tensor {
    /// Arrays of one shape as the rows of another.
    fileprivate init(rows: [Tensor]) {
        let shape = rows.first?.shape.dims ?? []
        self.init(uninitialized: Shape([rows.count] + shape))
        withUnsafeMutableBytes { target in
            var offset = 0
            for row in rows {
                row.asType(.float32).withUnsafeBytes { bytes in
                    guard let from = bytes.baseAddress, let to = target.baseAddress else { return }
                    (to + offset).copyMemory(from: from, byteCount: bytes.count)
                    offset += bytes.count
                }
            }
        }
    }
}

extension TrainingData {
    /// Before a split, so that no part of an array is silently left out.
    fileprivate func requireEqualCounts() throws(LocatedError) {
        for tensor in inputs + targets.compactMap(\.self) + sampleWeights.compactMap(\.self) {
            guard tensor.shape.rank > 0, tensor.shape[0] == count else {
                throw LocatedError(
                    .mismatch, "data.samples",
                    "expected \(count) samples in every array, as in the first, got the shape \(tensor.shape)")
            }
        }
    }
}
