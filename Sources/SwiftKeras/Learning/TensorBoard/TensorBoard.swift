internal import Files
internal import KerasSpec
internal import Layers
internal import OrderedCollections
public import Tensors
public import Training

/// Writes what TensorBoard shows: loss, metrics and learning rate of each epoch under `train` and `validation`, as Keras 3 names
/// them, and if it is wanted those of batches, and how weights are spread.
///
/// What Keras's own can write and this doesn't: profiles, and the graph of TensorFlow's operations, which there are none of.
/// Source: keras/src/callbacks/tensorboard.py (3.15).
public final class TensorBoard: ModelCallback, ResumableCallback {
    /// When numbers of the training are written, beside those of epochs.
    public enum Frequency: Hashable, Sendable {
        case epoch
        /// After every so many batches, counted through epochs; 1 is Keras's `"batch"`.
        case batches(Int)
    }

    /// Which files say what the rows of embeddings are.
    public enum EmbeddingsMetadata: Hashable, Sendable {
        /// One for all.
        case file(String)
        /// By the names of the model's Embedding layers.
        case files([String: String])
    }

    private let folder: String
    private let histogramFrequency: Int
    private let writesGraph: Bool
    private let writesImages: Bool
    private let writesStepsPerSecond: Bool
    private let embeddingsFrequency: Int
    private let embeddingsMetadata: EmbeddingsMetadata?
    private let frequency: Frequency
    private var files: [String: EventFile] = [:]
    private var model: Model?
    private var update: (() -> Void)?
    private var batches = 0
    private var batchStart = ContinuousClock().now
    private var epochStart: (time: ContinuousClock.Instant, batches: Int)?

    /// - Parameters:
    ///   - logDir: a folder for the folders `train` and `validation`.
    ///   - histogramFreq: after every so many epochs, histograms of all weights are written; 0: never.
    ///   - writeGraph: whether the model's architecture is written.
    ///   - writeImages: whether pictures of the weights are written beside their histograms: of vectors, of matrices, of kernels
    ///     of one dimension (three of their filters), as Keras draws them.
    ///   - writeStepsPerSecond: whether the speed of each epoch (and batch, when these are written) is written.
    ///   - updateFreq: when numbers of the training are written.
    ///   - profileBatch: 0; Keras's profiles are TensorFlow's.
    ///   - embeddingsFreq: after every so many epochs, all weights are written to `train/keras_embedding.ckpt-EPOCH.weights.h5`; 0:
    ///     never.
    ///   - embeddingsMetadata: what `projector_config.pbtxt` says about the model's embeddings.
    /// - Throws: `callback.…` for frequencies that make no sense, 69 `callback.profile_batch`.
    public init(
        logDir: String = "logs", histogramFreq: Int = 0, writeGraph: Bool = true, writeImages: Bool = false,
        writeStepsPerSecond: Bool = false, updateFreq: Frequency = .epoch, profileBatch: Int = 0, embeddingsFreq: Int = 0,
        embeddingsMetadata: EmbeddingsMetadata? = nil
    ) throws(LocatedError) {
        guard profileBatch == 0 else {
            throw LocatedError(
                .unsupported, "callback.profile_batch", "expected 0, got \(profileBatch): profiles are of TensorFlow's operations",
                hint: "swift-keras benchmark tells where time goes.")
        }
        guard embeddingsFreq >= 0 else {
            throw LocatedError(.usage, "callback.embeddings_freq", "expected 0 or a number of epochs, got \(embeddingsFreq)")
        }
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
        writesImages = writeImages
        embeddingsFrequency = embeddingsFreq
        self.embeddingsMetadata = embeddingsMetadata
        writesStepsPerSecond = writeStepsPerSecond
        frequency = updateFreq
    }

    public func attach(to model: Model, update: @escaping () -> Void) { (self.model, self.update) = (model, update) }

    /// The file of `train` or `validation`, made when there is something to write.
    private func file(_ part: String) throws(LocatedError) -> EventFile {
        if let file = files[part] { return file }
        let file = try EventFile(in: folder + "/" + part)
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
        if embeddingsFrequency > 0, let model { try writeProjector(of: model) }
    }

    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) { files = [:] }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) {
        epochStart = (ContinuousClock().now, batches)
    }

    /// What TensorBoard's projector reads of the model's own Embedding layers. Keras has one name for all of their arrays.
    ///
    /// Throws 64 `callback.embeddings_metadata` for names of layers that aren't there.
    private func writeProjector(of model: Model) throws(LocatedError) {
        var rest: [String: String] = [:]
        if case .files(let files) = embeddingsMetadata { rest = files }
        var text = ""
        for layer in model.spec.layers where layer.className == "Embedding" {
            text += "embeddings {\n  tensor_name: \"layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE\"\n"
            var path = rest.removeValue(forKey: layer.name)
            if case .file(let one) = embeddingsMetadata { path = one }
            if let path { text += "  metadata_path: \(ProtobufWriter.quoted(path))\n" }
            text += "}\n"
        }
        if let unknown = rest.keys.min() {
            throw LocatedError(
                .usage, "callback.embeddings_metadata", "expected names of the model's Embedding layers, got \"\(unknown)\"")
        }
        try AtomicFile.write(Array(text.utf8), to: folder + "/projector_config.pbtxt")
    }

    public func onTrainBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) {
        if writesStepsPerSecond { batchStart = ContinuousClock().now }
    }

    public func onTrainBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        batches += 1
        guard case .batches(let count) = frequency, batches % count == 0 else { return }
        if writesStepsPerSecond {
            try file("train").scalar("batch_steps_per_second", 1 / max(Self.seconds(since: batchStart), 1e-9), step: batches)
        }
        for (name, value) in logs {
            let value = name == "loss" ? training.runningLoss ?? value : value
            try file("train").scalar("batch_\(name)", value, step: batches)
        }
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
            let seconds = Self.seconds(since: epochStart.time)
            try file("train").scalar("epoch_steps_per_second", Double(batches - epochStart.batches) / max(seconds, 1e-9), step: epoch)
        }
        for (name, value) in logs where name.hasPrefix("val_") {
            try file("validation").scalar("epoch_\(name.dropFirst(4))", value, step: epoch)
        }
        if histogramFrequency > 0, epoch % histogramFrequency == 0 {
            for (path, tensor) in zip(training.weightPaths, training.weights) {
                try file("train").histogram("\(path)/histogram", tensor.floats, step: epoch)
                if writesImages, let drawn = WeightPictures(tensor) {
                    try file("train").pictures("\(path)/image", width: drawn.width, height: drawn.height, drawn.encoded(), step: epoch)
                }
            }
        }
        if embeddingsFrequency > 0, epoch % embeddingsFrequency == 0, let model {
            update?()
            try model.saveWeights(folder + "/train/keras_embedding.ckpt-\(epoch).weights.h5")
        }
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let elapsed = start.duration(to: ContinuousClock().now).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }

    public func memory(_ training: TrainingControl) -> [String: Tensor] { ["batches": Tensor([Double(batches)])] }

    public func restore(_ memory: [String: Tensor], _ training: TrainingControl) {
        guard let number = memory["batches"], number.dtype == .float64, number.count == 1 else { return }
        batches = Int(exactly: number.array(as: Double.self)[0]) ?? 0
    }
}
