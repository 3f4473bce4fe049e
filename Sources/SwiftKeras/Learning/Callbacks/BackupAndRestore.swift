internal import Datasets
internal import Files
internal import Foundation
internal import KerasSpec
internal import Layers
internal import OrderedCollections
public import Tensors
public import Training

/// Keeps a copy of a training's state on disk, and goes on from it when a training that was cut off is started again: the same
/// program with the same data and seed ends with the same weights, bit for bit, as if nothing had happened.
///
/// The copy is one file, `backup.npz` in `backupDirectory`: weights, the optimizer's arrays and numbers, epoch and batch, what
/// the epoch has added up for its numbers, and what other callbacks remember (`ResumableCallback`). It is put in place whole or
/// not at all, and taken away when training ends. A source is drawn forward to where the training was; one that says it isn't
/// reproducible can't be, and the training says so.
/// Source of the behaviour: keras/src/callbacks/backup_and_restore.py (3.15).
public final class BackupAndRestore: ClosingCallback {
    private let path: String
    private let directory: String
    private let frequency: ModelCheckpoint.Frequency
    private let deletesAtEnd: Bool
    private var epoch = 0
    private var batchesSinceSaved = 0

    /// - Parameters:
    ///   - backupDirectory: where the copy is kept; made if it is missing.
    ///   - saveFreq: after each epoch, or after every so many batches too.
    ///   - deleteCheckpoint: whether the copy is taken away when training has ended.
    public init(
        backupDirectory: String, saveFreq: ModelCheckpoint.Frequency = .epoch, deleteCheckpoint: Bool = true
    ) throws(LocatedError) {
        if case .batches(let count) = saveFreq, count < 1 {
            throw LocatedError(.usage, "callback.save_freq", "expected at least one batch, got \(count)")
        }
        guard !backupDirectory.isEmpty else {
            throw LocatedError(.usage, "callback.backup_dir", "expected a folder's name, got none")
        }
        directory = backupDirectory
        path = backupDirectory + "/backup.npz"
        frequency = saveFreq
        deletesAtEnd = deleteCheckpoint
    }

    public func onTrainBegin(_ training: TrainingControl) throws(LocatedError) {
        do { try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true) } catch {
            throw LocatedError(.cannotCreate, "output.folder", "expected a folder that can be made, got: \(error.localizedDescription)", at: [directory])
        }
        guard FileManager.default.fileExists(atPath: path) else { return }
        try locating(path) { () throws(LocatedError) in try TrainingBackup(reading: path).restore(training) }
        epoch = training.start?.epoch ?? 0
    }

    public func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { self.epoch = epoch }

    public func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        batchesSinceSaved += 1
        var isDue = training.isInterrupted
        if case .batches(let count) = frequency, batchesSinceSaved >= count { isDue = true }
        if isDue { try save(training, TrainingControl.Start(epoch: epoch, batch: batch + 1)) }
    }

    public func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        if !training.isInterrupted { try save(training, TrainingControl.Start(epoch: epoch + 1, batch: 0)) }
    }

    public func onTrainEnd(_ training: TrainingControl) throws(LocatedError) {
        if deletesAtEnd, !training.isInterrupted { try? FileManager.default.removeItem(atPath: path) }
    }

    private func save(_ training: TrainingControl, _ next: TrainingControl.Start) throws(LocatedError) {
        batchesSinceSaved = 0
        try NPZ.write(TrainingBackup(training, next).arrays, to: path)
    }
}

/// All that a training's next step hangs on, as named arrays.
private struct TrainingBackup {
    var arrays: [(name: String, tensor: Tensor)] = []

    /// Numbers beside the arrays, in this order: epoch, batch, iterations, learning rate, seed (low and high half), Nadam's
    /// product, loss scale and its steps; NaN where there is none.
    private static let numbers = "numbers"
    private static let sums = "epoch/sums"
    private static let history = "history/"

    init(_ training: TrainingControl, _ next: TrainingControl.Start) {
        let state = training.optimizerState
        if next.batch > 0 { arrays.append((Self.sums, Tensor(training.epochSums))) }
        for (callback, own) in training.callbackMemory.sorted(by: { $0.key < $1.key }) {
            for (name, tensor) in own.sorted(by: { $0.key < $1.key }) { arrays.append(("callback/\(callback)/\(name)", tensor)) }
        }
        let history = training.history
        arrays.append((Self.history + "epoch", Tensor(history.epoch.map(Double.init))))
        for (name, values) in history.history { arrays.append(("\(Self.history)logs/\(name)", Tensor(values))) }
        let seed = training.seed
        arrays.append((
            Self.numbers,
            Tensor([
                Double(next.epoch), Double(next.batch), Double(state.iterations), training.learningRate,
                Double(seed & 0xffff_ffff), Double(seed >> 32), state.momentumProduct.map(Double.init) ?? .nan,
                state.scaling?.scale ?? .nan, state.scaling.map { Double($0.goodSteps) } ?? .nan,
            ])
        ))
        for (path, tensor) in zip(training.weightPaths, training.weights) { arrays.append(("weight/\(path)", tensor)) }
        for (slot, own) in state.slots.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for (path, tensor) in own.sorted(by: { $0.key < $1.key }) { arrays.append(("slot/\(slot.rawValue)/\(path)", tensor)) }
        }
    }

    init(reading path: String) throws(LocatedError) {
        let file = try NPZ(reading: path)
        for name in file.names { arrays.append((name, try file.tensor(name))) }
    }

    func restore(_ training: TrainingControl) throws(LocatedError) {
        let known = Dictionary(arrays.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        guard let numbers = known[Self.numbers], numbers.dtype == .float64, numbers.shape.count == 9 else {
            throw LocatedError(.invalid, "backup.numbers", "expected the state of a training, got another archive")
        }
        let values = numbers.array(as: Double.self)
        guard let epoch = Int(exactly: values[0]), let batch = Int(exactly: values[1]), let iterations = Int(exactly: values[2]),
            epoch >= 0, batch >= 0, iterations >= 0
        else { throw LocatedError(.invalid, "backup.numbers", "expected counts of epochs, batches and steps, got \(values.prefix(3))") }
        let seed = training.seed
        guard values[4] == Double(seed & 0xffff_ffff), values[5] == Double(seed >> 32) else {
            throw LocatedError(
                .usage, "backup.seed", "expected the seed of the training that was cut off, got \(seed)",
                hint: "Give the same seed, or remove the backup to begin anew.")
        }
        var weights: [Tensor] = []
        for (path, own) in zip(training.weightPaths, training.weights) {
            guard let saved = known["weight/\(path)"], saved.shape == own.shape, saved.dtype == own.dtype else {
                throw LocatedError(
                    .mismatch, "backup.weights",
                    "expected \(own.dtype.rawValue) of shape \(own.shape), got \(known["weight/\(path)"].map { "\($0.dtype.rawValue) of shape \($0.shape)" } ?? "none")",
                    at: [path], hint: "The backup is another model's. Remove it to begin anew.")
            }
            weights.append(saved)
        }
        var state = OptimizerState(iterations: iterations)
        for (name, tensor) in arrays where name.hasPrefix("slot/") {
            let parts = name.dropFirst(5).split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2, let slot = OptimizerSlot(rawValue: parts[0]) else {
                throw LocatedError(.invalid, "backup.slot", "expected an optimizer's array, got \(name)")
            }
            state.slots[slot, default: [:]][parts[1]] = tensor
        }
        if !values[6].isNaN { state.momentumProduct = Float(values[6]) }
        if !values[7].isNaN {
            state.scaling = OptimizerState.Scaling(scale: values[7], goodSteps: Int(exactly: values[8]) ?? 0)
        }
        for (name, tensor) in arrays where name.hasPrefix("callback/") {
            let parts = name.dropFirst(9).split(separator: "/", maxSplits: 1).map(String.init)
            if parts.count == 2 { training.startMemory[parts[0], default: [:]][parts[1]] = tensor }
        }
        if let epochs = known[Self.history + "epoch"], epochs.dtype == .float64 {
            let prefix = Self.history + "logs/"
            training.history = History(
                epoch: epochs.array(as: Double.self).compactMap { Int(exactly: $0) },
                history: OrderedDictionary(
                    arrays.filter { $0.name.hasPrefix(prefix) && $0.tensor.dtype == .float64 }.map {
                        (String($0.name.dropFirst(prefix.count)), $0.tensor.array(as: Double.self))
                    }, uniquingKeysWith: { first, _ in first }))
        }
        if let sums = known[Self.sums], sums.dtype == .float64 { training.startSums = sums.array(as: Double.self) }
        try training.setWeights(weights)
        try training.restore(state)
        if !training.followsSchedule { training.learningRate = values[3] }
        training.start = TrainingControl.Start(epoch: epoch, batch: batch)
    }
}
