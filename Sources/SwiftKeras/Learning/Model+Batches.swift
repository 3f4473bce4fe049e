internal import Synchronization
public import Tensors
public import Training

/// A training by single batches: a trainer that is kept from one to the next.
final class SingleSteps: @unchecked Sendable {
    private let trainer: Trainer
    private let compiled: Compiled
    /// Guards the trainer, and says whether it is ahead of the model.
    private let isAhead = Mutex(false)

    init(_ trainer: Trainer, _ compiled: Compiled) {
        self.trainer = trainer
        self.compiled = compiled
    }

    func train(_ data: TrainingData, resets: Bool?) throws(LocatedError) -> Logs {
        try run { (trainer) throws(LocatedError) in
            try trainer.trainOnBatch(data, resets: resets ?? (compiled.generation != .keras3))
        }
    }

    func test(_ data: TrainingData, resets: Bool?) throws(LocatedError) -> Logs {
        try run(changes: false) { (trainer) throws(LocatedError) in
            try trainer.testOnBatch(data, resets: resets ?? (compiled.generation != .keras3))
        }
    }

    func reset() { isAhead.withLock { _ in trainer.resetMetrics() } }

    private func run(changes: Bool = true, _ body: (Trainer) throws(LocatedError) -> Logs) throws(LocatedError) -> Logs {
        let result = isAhead.withLock { isAhead -> Result<Logs, LocatedError> in
            do throws(LocatedError) {
                let logs = try body(trainer)
                if changes { isAhead = true }
                return .success(logs)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// What was made since this was last asked; nil for nothing.
    func takeChanges() -> (weights: WeightValues, compiled: Compiled)? {
        isAhead.withLock { isAhead in
            guard isAhead else { return nil }
            isAhead = false
            return trainer.result(compiled)
        }
    }
}

extension Model {
    /// One step on one batch: Keras's `train_on_batch`. Gives loss and metrics by name; their values are Keras's list.
    ///
    /// - Parameters:
    ///   - x: one array for each input.
    ///   - y: one for each output.
    ///   - sampleWeight: what each sample counts for, one array for each output.
    ///   - classWeight: what samples of each class count for, in the first output.
    ///   - resetMetrics: whether numbers are of this batch alone. Keras 1 and 2 do so, Keras 3 reports means since
    ///     `resetMetrics()`; nil: as the model's Keras does.
    @discardableResult
    public func trainOnBatch(
        _ x: [Tensor], _ y: [Tensor], sampleWeight: [Tensor]? = nil, classWeight: [Int: Double]? = nil, resetMetrics: Bool? = nil
    ) throws(LocatedError) -> Logs {
        var data = TrainingData(inputs: x, targets: y, sampleWeights: sampleWeight)
        if let classWeight { try data.weigh(classes: classWeight, ofOutput: 0) }
        return try singleSteps().train(data, resets: resetMetrics)
    }

    /// One step on one batch, of a model with one input and one output.
    @discardableResult
    public func trainOnBatch(
        _ x: Tensor, _ y: Tensor, sampleWeight: Tensor? = nil, classWeight: [Int: Double]? = nil, resetMetrics: Bool? = nil
    ) throws(LocatedError) -> Logs {
        try trainOnBatch([x], [y], sampleWeight: sampleWeight.map { [$0] }, classWeight: classWeight, resetMetrics: resetMetrics)
    }

    /// Loss and metrics of one batch: Keras's `test_on_batch`.
    public func testOnBatch(
        _ x: [Tensor], _ y: [Tensor], sampleWeight: [Tensor]? = nil, resetMetrics: Bool? = nil
    ) throws(LocatedError) -> Logs {
        try singleSteps().test(TrainingData(inputs: x, targets: y, sampleWeights: sampleWeight), resets: resetMetrics)
    }

    /// Loss and metrics of one batch, of a model with one input and one output.
    public func testOnBatch(
        _ x: Tensor, _ y: Tensor, sampleWeight: Tensor? = nil, resetMetrics: Bool? = nil
    ) throws(LocatedError) -> Logs {
        try testOnBatch([x], [y], sampleWeight: sampleWeight.map { [$0] }, resetMetrics: resetMetrics)
    }

    /// The outputs for one batch: Keras's `predict_on_batch`.
    public func predictOnBatch(_ x: Tensor) throws(LocatedError) -> Tensor {
        try predict(x, batchSize: max(x.shape.dims.first ?? 1, 1))
    }

    /// The outputs for one batch, one array for each input and output.
    public func predictOnBatch(_ x: [Tensor]) throws(LocatedError) -> [Tensor] {
        try predict(x, batchSize: max(x.first?.shape.dims.first ?? 1, 1))
    }

    /// Lets the numbers that `trainOnBatch` and `testOnBatch` report begin anew: Keras's `reset_metrics`.
    public func resetMetrics() { state.withLock { $0.steps }?.reset() }

    private func singleSteps() throws(LocatedError) -> SingleSteps {
        if let steps = state.withLock({ $0.steps }) { return steps }
        let compiled = try compiled()
        let steps = SingleSteps(try makeTrainer(compiled, threads: nil, seed: 0), compiled)
        state.withLock { $0.steps = steps }
        return steps
    }
}
