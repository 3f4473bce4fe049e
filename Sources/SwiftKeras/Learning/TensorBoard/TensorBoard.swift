internal import Layers
internal import OrderedCollections
public import Tensors
public import Training

/// Writes what TensorBoard shows: loss, metrics and learning rate of each epoch under `train` and `validation`, as Keras 3 names
/// them, and if it is wanted those of batches, and how weights are spread.
///
/// What Keras's own can write and this doesn't: pictures of weights, embeddings, profiles.
/// Source: keras/src/callbacks/tensorboard.py (3.15).
public final class TensorBoard: ModelCallback, ResumableCallback {
    /// When numbers of the training are written, beside those of epochs.
    public enum Frequency: Hashable, Sendable {
        case epoch
        /// After every so many batches, counted through epochs; 1 is Keras's `"batch"`.
        case batches(Int)
    }

    private let folder: String
    private let histogramFrequency: Int
    private let writesGraph: Bool
    private let writesStepsPerSecond: Bool
    private let frequency: Frequency
    private var files: [String: EventFile] = [:]
    private var model: Model?
    private var batches = 0
    private var epochStart: (time: ContinuousClock.Instant, batches: Int)?

    /// - Parameters:
    ///   - logDir: a folder for the folders `train` and `validation`.
    ///   - histogramFreq: after every so many epochs, histograms of all weights are written; 0: never.
    ///   - writeGraph: whether the model's architecture is written.
    ///   - writeStepsPerSecond: whether the speed of each epoch is written.
    ///   - updateFreq: when numbers of the training are written.
    /// - Throws: `callback.…` for frequencies that make no sense.
    public init(
        logDir: String = "logs", histogramFreq: Int = 0, writeGraph: Bool = true, writeStepsPerSecond: Bool = false,
        updateFreq: Frequency = .epoch
    ) throws(LocatedError) {
        guard histogramFreq >= 0 else {
            throw LocatedError(.usage, "callback.histogram_freq", "expected 0 or a number of epochs, got \(histogramFreq)")
        }
        if case .batches(let count) = updateFreq, count < 1 {
            throw LocatedError(.usage, "callback.update_freq", "expected at least one batch, got \(count)")
        }
        guard !logDir.isEmpty else { throw LocatedError(.usage, "callback.log_dir", "expected a folder's name, got none") }
        folder = logDir
        histogramFrequency = histogramFreq
        writesGraph = writeGraph
        writesStepsPerSecond = writeStepsPerSecond
        frequency = updateFreq
    }

    public func attach(to model: Model, update: @escaping () -> Void) { self.model = model }

    /// The file of `train` or `validation`, made when there is something to write.
    private func file(_ part: String) throws(LocatedError) -> EventFile {
        if let file = files[part] { return file }
        let file = try EventFile(in: folder + "/" + part, number: files.count)
        files[part] = file
        return file
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        files = [:]
        batches = 0
        // Before hours of work.
        let file = try file("train")
        // As Keras does: a model that can't be told as JSON is left out.
        if writesGraph, let model, let json = try? model.toJSON() {
            try file.text("keras", json, plugin: "graph_keras_model", content: "1", step: 0)
        }
    }

    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) { files = [:] }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {
        epochStart = (ContinuousClock().now, batches)
    }

    public func onTrainBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        batches += 1
        guard case .batches(let count) = frequency, batches % count == 0 else { return }
        for (name, value) in logs { try file("train").scalar("batch_\(name)", value, step: batches) }
    }

    public func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        for (name, value) in logs {
            try file("validation").scalar("evaluation_\(name)_vs_iterations", value, step: training.iterations)
        }
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        for (name, value) in logs where !name.hasPrefix("val_") { try file("train").scalar("epoch_\(name)", value, step: epoch) }
        try file("train").scalar("epoch_learning_rate", training.learningRate, step: epoch)
        if writesStepsPerSecond, let epochStart {
            let elapsed = epochStart.time.duration(to: ContinuousClock().now).components
            let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
            try file("train").scalar("epoch_steps_per_second", Double(batches - epochStart.batches) / max(seconds, 1e-9), step: epoch)
        }
        for (name, value) in logs where name.hasPrefix("val_") {
            try file("validation").scalar("epoch_\(name.dropFirst(4))", value, step: epoch)
        }
        guard histogramFrequency > 0, epoch % histogramFrequency == 0 else { return }
        for (path, tensor) in zip(training.weightPaths, training.weights) {
            try file("train").histogram("\(path)/histogram", tensor.floats, step: epoch)
        }
    }

    public func memory(_ training: TrainingControl) -> [String: Tensor] { ["batches": Tensor([Double(batches)])] }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let number = memory["batches"], number.dtype == .float64, number.count == 1 else { return }
        batches = Int(exactly: number.array(as: Double.self)[0]) ?? 0
    }
}
