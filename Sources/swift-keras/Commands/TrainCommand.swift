import ArgumentParser
import SwiftKeras

/// Trains a model on data.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a model: Keras's fit. Goes on from the optimizer state in the file.",
        discussion: """
            DATA as for evaluate. Without --loss and --optimizer the compile settings in the file are taken. OUT.h5 and \
            OUT.keras are whole models with their optimizer's state; OUT.json with --weights-out W.h5 the pair that to_json() and \
            save_weights() make.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "What to train on.", completion: .file())
    var data: String
    @OptionGroup var compile: CompileOptions
    @OptionGroup var pictures: PictureOptions
    @OptionGroup var source: DataOptions
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "Passes over the data.")
    var epochs = 1

    @Option(name: .long, help: "Samples a step.")
    var batchSize = 32

    @Option(name: .long, help: "The share of the samples, the last ones, to validate on.")
    var validationSplit = 0.0

    @Option(name: .long, help: "Data to validate on after each epoch, as DATA; of a data set, its test part.", completion: .file())
    var validationData: String?

    @Option(
        name: .long,
        help: ArgumentHelp("What samples of each class count for: 0=1,1=5.5. Every class of the data needs its weight.", valueName: "class=weight,…"))
    var classWeight: ClassWeights?

    @Option(name: .long, help: "Keras's name of the optimizer: sgd, rmsprop, adam, adamw, nadam, adagrad, adadelta, adamax, ftrl, lion, lamb, adafactor, muon, ….")
    var optimizer: String?

    @Option(name: .long, help: "The optimizer's learning rate.")
    var learningRate: Double?

    @Option(name: .long, help: "Of initial weights, shuffling and dropout.")
    var seed: UInt64 = 0

    @Option(name: .long, help: "Epochs that were made before.")
    var initialEpoch = 0

    @Option(name: .long, help: "End when the validation loss (or loss) has not fallen for so many epochs.")
    var earlyStopping: Int?

    @Option(name: .long, help: "Divide the learning rate by ten when the validation loss (or loss) has not fallen for so many epochs.")
    var reduceLearningRate: Int?

    @Flag(name: .long, help: "Validate and save the averages of the weights that the optimizer keeps (use_ema).")
    var swapAverages = false

    @Flag(name: .long, help: "End with status 65 when the loss is no longer a number.")
    var terminateOnNan = false

    @Flag(name: .long, help: "Keep the samples in their order.")
    var noShuffle = false

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    @Option(name: .long, help: "Where to write the model: .h5 or .keras, .weights.h5 for its weights alone, or .json with --weights-out.", completion: .file())
    var output: String

    @Option(name: .long, help: "Where to write the weights when OUT is a .json.", completion: .file())
    var weightsOut: String?

    @Option(name: .long, help: "Where to write loss and metrics of each epoch as JSON.", completion: .file())
    var history: String?

    @Option(name: .long, help: "Where to draw loss and metrics over the epochs: .svg or .png.", completion: .file())
    var historyPlot: String?

    @Option(
        name: .long,
        help: "Vary the pictures, in ImageDataGenerator's words: rotation=40,width_shift=0.2,zoom=[0.8,1.5],horizontal_flip; see augment.")
    var augment: String?

    @Option(
        name: .long, help: "A model to write after each epoch, .h5 or .keras; {epoch:02d} and {val_loss:.2f} are filled in.",
        completion: .file())
    var checkpoint: String?

    @Flag(name: .long, help: "Write --checkpoint only when the validation loss (or loss) is the lowest so far.")
    var checkpointBest = false

    @Option(name: .long, help: "A .csv of loss and metrics, a line for each epoch.", completion: .file())
    var csvLog: String?

    @Option(name: .long, help: "A folder for event files that TensorBoard shows.", completion: .directory)
    var tensorboard: String?

    @Option(name: .long, help: "With --tensorboard: write histograms of the weights after every so many epochs.")
    var histogramEvery: Int?

    @Flag(name: .long, help: "With --histogram-every: pictures of the weights, too.")
    var weightImages = false

    @Option(name: .long, help: "With --tensorboard: write the training's numbers after every so many batches, too.")
    var updateEvery: Int?

    @Option(
        name: .long,
        help: "A folder to keep the training's state in; the same command goes on from it after an interruption.",
        completion: .directory)
    var backup: String?

    @Option(name: .long, help: "Keep the state after so many batches, too.")
    var backupEvery: Int?

    func validate() throws {
        for (name, value) in [("batch-size", batchSize), ("backup-every", backupEvery), ("histogram-every", histogramEvery), ("update-every", updateEvery)] {
            if let value, value < 1 { throw ValidationError("--\(name): expected at least 1, got \(value)") }
        }
        for (name, value) in [("epochs", epochs), ("initial-epoch", initialEpoch), ("early-stopping", earlyStopping), ("reduce-learning-rate", reduceLearningRate)] {
            if let value, value < 0 { throw ValidationError("--\(name): expected at least 0, got \(value)") }
        }
        if !(validationSplit >= 0 && validationSplit < 1) {
            throw ValidationError("--validation-split: expected a share from 0 to below 1, got \(validationSplit)")
        }
        if validationSplit > 0, validationData != nil { throw ValidationError("expected --validation-split or --validation-data, got both") }
        if backupEvery != nil, backup == nil { throw ValidationError("expected --backup DIR with --backup-every, got none") }
        if checkpointBest, checkpoint == nil { throw ValidationError("expected --checkpoint FILE with --checkpoint-best, got none") }
    }

    func run() throws {
        let augmentation = try augment.map { text throws(LocatedError) in
            try locating("--augment") { () throws(LocatedError) in try AugmentationOptions(parsing: text) }
        }
        let destination = try ModelDestination(output: output, weightsOutput: weightsOut)
        try destination.requireWritable(with: history)
        if let historyPlot { try History.requirePlot(historyPlot) }
        let model = try model.load(needsWeights: false, common)
        model.seedInitialWeights(seed)
        for note in try compile.apply(to: model, optimizer: try chosenOptimizer(model)) { common.note(note) }
        for note in try model.trainingNotes() { common.note(note.description) }
        try model.requireExpressible(in: destination)
        let reader = DataReader(model: model, pictures: pictures, options: source)
        let samples = try reader.read(data).training
        let held = try validationData.map { (name) throws(LocatedError) in try reader.read(name).evaluation }
        let watched = validationSplit > 0 || held != nil ? "val_loss" : "loss"
        let interruption = Interruption()
        var callbacks: [any Callback] = [interruption]
        let lost = LostLoss()
        if !common.quiet { callbacks.append(ProgressLogger.toStandardError(verbose: Terminal.isInteractive ? 1 : 2)) }
        if let earlyStopping {
            callbacks.append(EarlyStopping(monitor: watched, patience: earlyStopping))
        }
        if terminateOnNan { callbacks += [TerminateOnNaN(), lost] }
        if swapAverages { callbacks.append(SwapEMAWeights(swapOnEpoch: true)) }
        if let reduceLearningRate { callbacks.append(try ReduceLROnPlateau(monitor: watched, patience: reduceLearningRate)) }
        if let checkpoint {
            let known = try ModelDestination(output: checkpoint, weightsOutput: nil)
            try model.requireExpressible(in: known)
            callbacks.append(try ModelCheckpoint(filepath: checkpoint, monitor: watched, saveBestOnly: checkpointBest))
        }
        if let csvLog { callbacks.append(try CSVLogger(filename: csvLog, append: initialEpoch > 0)) }
        for (name, isGiven) in [("histogram-every", histogramEvery != nil), ("update-every", updateEvery != nil), ("weight-images", weightImages)]
        where isGiven && tensorboard == nil {
            throw LocatedError(.usage, "train.tensorboard", "expected --tensorboard DIR with --\(name), got none")
        }
        if weightImages, histogramEvery == nil {
            throw LocatedError(.usage, "train.tensorboard", "expected --histogram-every N with --weight-images, got none")
        }
        if let tensorboard {
            callbacks.append(
                try TensorBoard(
                    logDir: tensorboard, histogramFreq: histogramEvery ?? 0, writeImages: weightImages,
                    updateFreq: updateEvery.map { .batches($0) } ?? .epoch))
        }
        if let backup {
            callbacks.append(
                try BackupAndRestore(backupDirectory: backup, saveFreq: backupEvery.map { .batches($0) } ?? .epoch))
        }
        var request = TrainingRequest(
            x: samples.x, y: samples.y, validationSplit: validationSplit, validation: held.map { ($0.x, $0.y) },
            classWeight: classWeight?.values, batchSize: batchSize, epochs: epochs, initialEpoch: initialEpoch, shuffle: !noShuffle, seed: seed, threads: threads)
        if let augmentation {
            try locating("--augment") { () throws(LocatedError) in
                for warning in try request.augment(with: augmentation, for: model) { common.note(warning) }
            }
        }
        let isQuiet = common.quiet
        request.options.warn = { text in if !isQuiet { Terminal.note(text) } }
        let result = try model.fit(request, callbacks: callbacks)
        if interruption.happened {
            common.note(
                "interrupted: \(output) was not written; "
                    + (backup == nil ? "--backup DIR keeps the state to go on from" : "the same command goes on from \(backup ?? "")"))
            throw ExitCode(130)
        }
        if lost.isLost {
            throw LocatedError(.invalid, "train.nan", "expected a finite loss, got one that is not a number", at: [data])
        }
        let document: ConfigValue = [
            "history": .object(
                ConfigObject(uniqueKeysWithValues: result.history.map { ($0.key, .array($0.value.map(ConfigValue.float))) }))
        ]
        try model.write(to: destination, with: history.map { (document.jsonText + "\n", $0) })
        if let historyPlot, !result.epoch.isEmpty { try result.plot(to: historyPlot) }
        if common.json { Terminal.put(json: document) }
    }

    /// The optimizer of the command line; nil where the file's is to go on.
    private func chosenOptimizer(_ model: Model) throws(LocatedError) -> (any Optimizer)? {
        var chosen = try optimizer.map { (name) throws(LocatedError) in 
            try locating("--optimizer") { () throws(LocatedError) in try Optimizers.named(name) as any Optimizer }
        }
        if let learningRate {
            guard learningRate >= 0, learningRate.isFinite else {
                throw LocatedError(.usage, "train.learningRate", "expected a number of at least 0, got \(learningRate)", at: ["--learning-rate"])
            }
            var optimizer: any Optimizer
            if let named = chosen { optimizer = named } else { optimizer = try model.compileSettings()?.optimizer ?? RMSprop() }
            optimizer.learningRate = learningRate
            chosen = optimizer
        }
        return chosen
    }
}

/// Remembers whether a batch's loss was lost.
private final class LostLoss: Callback {
    private(set) var isLost = false

    func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
        if let loss = logs["loss"], !loss.isFinite { isLost = true }
    }
}
