import Engine
import Foundation
import Graphs
import KerasFormat
import KerasSpec
import Layers
import OrderedCollections
import TestSupport
import Tensors
import Testing
@testable import Training

/// Whole calls of `fit` and `evaluate` against genuine Keras 2.3.1.
@Suite struct FitTests {
    struct Case {
        var program: ModelProgram
        var table: ParameterTable
        /// Values by the table's index.
        var initial: [Tensor]
        var final: [Tensor]
        var data: TrainingData
        var settings: CompileSettings
        var json: ConfigObject

        init(_ json: ConfigObject) throws {
            self.json = json
            let folder = try Fixtures.temporaryFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let path = folder.appendingPathComponent("model.json").path
            try JSON.text(try #require(json["model"])).write(toFile: path, atomically: true, encoding: .utf8)
            program = try ModelProgram(try #require(try KerasFile.read(path).spec))
            table = try program.lower(inputs: try #require(program.declaredInputs), training: false).parameters
            let paths = program.layerSlots(in: table).flatMap(\.slots).map(\.path)
            let slots = table.slots
            func weights(_ key: String) throws -> [Tensor] {
                let arrays = try Self.arrays(json[key])
                let byPath = Dictionary(uniqueKeysWithValues: zip(paths, arrays))
                return try slots.map { try #require(byPath[$0.path]) }
            }
            initial = try weights("initial")
            final = try weights("final")
            let weighted = try #require(json["sample_weight"]?.object)
            data = TrainingData(
                inputs: try Self.arrays(json["x"]), targets: try Self.arrays(json["y"]),
                sampleWeights: try program.outputNames.map { name in try weighted[name].map(Self.array) })
            let training = TrainingSpec(compileSettings: try #require(json["training"]?.object), dialect: .keras2)
            settings = try CompileSettings(
                config: training.compileSettings, optimizer: Optimizers.decode(TrainingConversion.optimizer(of: training)))
        }

        static func arrays(_ value: ConfigValue?) throws -> [Tensor] { try #require(value?.array).map(array) }

        static func array(_ value: ConfigValue) throws -> Tensor {
            let shape = try #require(value.object?["shape"]?.array).compactMap(\.integer)
            return Tensor(try #require(value.object?["values"]?.array).map { Float($0.number ?? .nan) }, shape: Shape(shape))
        }

        func trainer(pool: ThreadPool = .shared) throws -> Trainer {
            try Trainer(
                program, table: table, weights: initial, outputs: try settings.outputs(named: program.outputNames),
                optimizer: settings.optimizer, generation: .keras2, pool: pool)
        }

        /// Trains as the fixture's arguments say.
        func fit(_ trainer: Trainer, callbacks: [any Callback] = []) throws -> History {
            let arguments = try #require(json["fit"]?.object)
            var options = FitOptions()
            options.batchSize = try #require(arguments["batch_size"]?.integer)
            options.epochs = try #require(arguments["epochs"]?.integer)
            options.initialEpoch = arguments["initial_epoch"]?.integer ?? 0
            options.shuffle = arguments["shuffle"]?.bool ?? true
            var training = data
            var validation: TrainingData?
            if let share = arguments["validation_split"]?.number {
                (training, validation) = try data.split(validationSplit: share)
            }
            var random = NumPyRandom(seed: UInt32(try #require(json["seed"]?.integer)))
            return try trainer.fit(training, validation: validation, options: options, random: &random, callbacks: callbacks)
        }
    }

    static let file = Fixtures.path("fit/histories.json")
    static let names = ["split_and_shuffle", "penalties_and_constraints", "several_outputs", "frozen_and_normalized"]

    static func fixture(_ name: String) throws -> Case {
        let text = try String(contentsOfFile: file, encoding: .utf8)
        return try Case(try #require(try JSON.parse(text).object?[name]?.object))
    }

    @Test(arguments: names) func matchesKeras(_ name: String) throws {
        let given = try Self.fixture(name)
        let trainer = try given.trainer()
        let history = try given.fit(trainer)

        let expected = try #require(given.json["history"]?.array)
        #expect(Array(history.history.keys) == expected.map { $0.array?[0].string })
        for entry in expected {
            let name = try #require(entry.array?[0].string)
            let values = try #require(entry.array?[1].array).compactMap(\.number)
            let got = try #require(history[name])
            #expect(got.count == values.count)
            for (a, b) in zip(got, values) { #expect(abs(a - b) < 2e-6 * max(1, abs(b)), "\(name)") }
        }
        #expect(history.epoch == (try #require(given.json["epoch"]?.array)).map(\.integer))
        for (index, slot) in given.table.slots.enumerated() {
            #expect(mismatch(trainer.weights[index], given.final[index], relative: 1e-5, absolute: 2e-6) == nil, "\(slot.path)")
        }
        let evaluated = try trainer.evaluate(given.data, batchSize: 10)
        #expect(Array(evaluated.keys) == (try #require(given.json["metrics_names"]?.array)).map(\.string))
        for (a, b) in zip(evaluated.values, try #require(given.json["evaluated"]?.array).compactMap(\.number)) {
            #expect(abs(a - b) < 5e-6 * max(1, abs(b)))
        }
    }

    /// The same bits whatever the number of threads, and again when run again.
    @Test func reproducible() throws {
        let given = try Self.fixture("split_and_shuffle")
        let trainers = try [1, 2, 3].map { try given.trainer(pool: ThreadPool(threads: $0)) }
        for trainer in trainers { _ = try given.fit(trainer) }
        #expect(trainers[1].weights == trainers[0].weights && trainers[2].weights == trainers[0].weights)
    }

    /// Two epochs, then the state carried over to a new trainer, give what four epochs give.
    @Test func resumes() throws {
        let given = try Self.fixture("split_and_shuffle")
        let (data, _) = try given.data.split(validationSplit: 0.25)
        var options = FitOptions()
        options.batchSize = 8
        options.shuffle = false
        var random = NumPyRandom(seed: 0)
        let whole = try given.trainer()
        options.epochs = 4
        _ = try whole.fit(data, options: options, random: &random)

        let first = try given.trainer()
        options.epochs = 2
        _ = try first.fit(data, options: options, random: &random)
        let second = try given.trainer()
        try second.setWeights(first.weights)
        try second.restore(first.optimizerState)
        options.initialEpoch = 2
        options.epochs = 4
        let history = try second.fit(data, options: options, random: &random)
        #expect(history.epoch == [2, 3])
        #expect(second.weights == whole.weights && second.iterations == whole.iterations)
    }

    /// What genuine Keras's progress lines would be is in `ProgressBarTests`; here, that they come at the right moments.
    @Test func progressLines() throws {
        let given = try Self.fixture("split_and_shuffle")
        var lines = ""
        var time = 0.0
        let logger = ProgressLogger(.line, isDynamic: false) { time += 0.001; return time } write: { lines += $0 }
        _ = try given.fit(try given.trainer(), callbacks: [logger])
        let expected = """
            Train on 27 samples, validate on 10 samples
            Epoch 1/4
             - 0s - loss: 1.1222 - accuracy: 0.3333 - val_loss: 0.9382 - val_accuracy: 0.6000
            Epoch 2/4

            """
        #expect(lines.hasPrefix(expected), "\(lines)")
    }

    private final class Recorder: Callback {
        var events: [String] = []
        func onTrainBegin(_ training: TrainingControl) throws(LocatedError) { events.append("begin") }
        func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { events.append("epoch \(epoch)") }
        func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
            events.append("batch \(batch) of \(size)")
            if batch == 1 { training.stopsTraining = true }
        }
        func onEpochEnd(_ epoch: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
            events.append(logs.keys.joined(separator: " "))
        }
        func onTrainEnd(_ training: TrainingControl) throws(LocatedError) { events.append("end") }
    }

    /// Stopped in the middle of an epoch: no validation, and the epoch's means over what ran.
    @Test func callbacks() throws {
        let given = try Self.fixture("split_and_shuffle")
        let recorder = Recorder()
        let history = try given.fit(try given.trainer(), callbacks: [recorder])
        #expect(recorder.events == ["begin", "epoch 0", "batch 0 of 8", "batch 1 of 8", "loss accuracy", "end"])
        #expect(history.epoch == [0])
    }

    @Test func earlyStoppingAndSchedule() throws {
        let given = try Self.fixture("split_and_shuffle")
        let stopping = EarlyStopping(monitor: "val_loss", patience: 2, restoreBestWeights: true)
        var rates: [Double] = []
        let schedule = LearningRateScheduler { epoch, rate in
            rates.append(rate)
            return rate
        }
        let trainer = try given.trainer()
        let history = try given.fit(trainer, callbacks: [stopping, schedule])
        // It got worse from the second epoch on.
        #expect(stopping.stoppedEpoch == 2 && history.epoch == [0, 1, 2])
        #expect(rates == [0.5, 0.5, 0.5])
        let best = try trainer.evaluate(try given.data.split(validationSplit: 0.25).validation)
        #expect(abs(best["loss"]! - history["val_loss"]![0]) < 1e-6)
        let error = #expect(throws: LocatedError.self) {
            try given.fit(try given.trainer(), callbacks: [EarlyStopping(monitor: "val_acc")])
        }
        #expect(error?.code == "callback.monitor")
    }

    /// A series of losses, and the rates that genuine Keras 3.15.1 had after each (fixtures/generate/plateau.py).
    @Test func reduceOnPlateau() throws {
        let text = try String(contentsOfFile: Fixtures.path("fit/plateau.json"), encoding: .utf8)
        let file = try #require(try JSON.parse(text).object)
        let losses = try #require(file["losses"]?.array).compactMap(\.number)
        for entry in try #require(file["cases"]?.array) {
            let settings = try #require(entry.object?["settings"]?.object)
            let callback = try ReduceLROnPlateau(
                monitor: "loss", factor: settings["factor"]?.number ?? 0.1, patience: settings["patience"]?.integer ?? 10,
                mode: MonitorMode(rawValue: settings["mode"]?.string ?? "auto")!, minDelta: settings["min_delta"]?.number ?? 1e-4,
                cooldown: settings["cooldown"]?.integer ?? 0, minLR: settings["min_lr"]?.number ?? 0)
            let trainer = try Self.fixture("split_and_shuffle").trainer()
            trainer.learningRate = 0.1
            let control = TrainingControl(trainer, epochs: 99, batchSize: 1, samples: 1, validationSamples: 0, metrics: ["loss"])
            try callback.onTrainBegin(control)
            let expected = try #require(entry.object?["rates"]?.array).compactMap(\.number)
            for (epoch, loss) in losses.enumerated() {
                try callback.onEpochEnd(epoch, ["loss": loss], control)
                #expect(abs(trainer.learningRate / expected[epoch] - 1) < 1e-5, "\(settings) epoch \(epoch)")
            }
        }
    }

    // MARK: Wrong data

    private func code(_ name: String = "split_and_shuffle", _ change: (inout TrainingData) throws -> Void) throws -> String? {
        let given = try Self.fixture(name)
        var data = given.data
        try change(&data)
        let error = #expect(throws: LocatedError.self) { try given.trainer().evaluate(data) }
        return error?.code
    }

    @Test func refusesData() throws {
        #expect(try code { $0.inputs = [$0.inputs[0].rows(0..<36)] } == "data.samples")
        #expect(try code { $0.inputs = [] } == "data.inputs")
        #expect(try code { $0.inputs = [Tensor(zeros: [37, 7])] } == "data.input_shape")
        #expect(try code { $0.targets = [Tensor(zeros: [37, 4])] } == "data.target_shape")
        #expect(try code { $0.targets = [Tensor(zeros: [37])] } == "data.target_shape")
        #expect(try code { $0.targets = [nil] } == "data.targets")
        #expect(try code { $0 = $0.rows(0..<0) } == "data.empty")
        #expect(try code { $0.sampleWeights = [Tensor(zeros: [37, 2])] } == "data.sample_weight")
        #expect(try code("penalties_and_constraints") { $0.targets = [Tensor([Int32](repeating: 3, count: 37))] } == "data.labels")
        #expect(try code("penalties_and_constraints") { $0.targets = [Tensor([Int32](repeating: -1, count: 37))] } == "data.labels")
        #expect(try code("penalties_and_constraints") { $0.targets = [Tensor([Float](repeating: 0.5, count: 37))] } == "data.labels")
        #expect(try code("penalties_and_constraints") { $0.targets = [Tensor(zeros: [37, 3])] } == "data.target_shape")
    }

    @Test func validationSplits() throws {
        let data = TrainingData(inputs: [Tensor((0..<10).map(Float.init))], targets: [nil])
        let parts = try data.split(validationSplit: 0.2)
        #expect(parts.training.samples == 0..<8 && parts.validation.samples == 8..<10)
        for share in [0, 1, -0.5, 1.5, .nan, 0.999] {
            #expect(throws: LocatedError.self) { try data.split(validationSplit: share) }
        }
    }

    @Test func classWeights() throws {
        var data = TrainingData(
            inputs: [Tensor(zeros: [3, 1])], targets: [Tensor([0, 1, 0, 0, 1, 0] as [Float], shape: [3, 2])],
            sampleWeights: [Tensor([1, 2, 3] as [Float])])
        try data.weigh(classes: [0: 10, 1: 100], ofOutput: 0)
        #expect(data.sampleWeights[0]?.floats == [100, 20, 30])
        let error = #expect(throws: LocatedError.self) { try data.weigh(classes: [0: 1], ofOutput: 0) }
        #expect(error?.code == "class_weight.missing")
    }
}
