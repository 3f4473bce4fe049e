import Batches
import Foundation
import KerasSpec
@testable import SwiftKeras
import Synchronization
import TestSupport
import Testing
import Training

/// Batches from sources: the same training as with arrays, made ready ahead, and drawn forward after an interruption.
@Suite("Sources")
struct SourceTests {
    private static func samples(_ count: Int) -> (x: Tensor, y: Tensor) {
        var features: [Float] = []
        for place in 0..<count * 6 {
            let step = place * 37 + place / 6 * 11
            features.append(Float(step % 29) / 29)
        }
        let labels: [Int32] = (0..<count).map { Int32($0 * 7 % 3) }
        return (Tensor(features, shape: [count, 6]), Tensor(labels, shape: [count, 1]))
    }

    private static func model(_ generation: TrainingGeneration = .keras2, optimizer: any Optimizer = Adam()) throws -> Sequential {
        let model = try Sequential(
            [Dense(8, activation: .relu, inputShape: [6]), Dropout(0.25), Dense(3, activation: .softmax)], seed: 5)
        try model.compile(loss: .sparseCategoricalCrossentropy, optimizer: optimizer, metrics: [.accuracy])
        model.state.withLock { $0.compiled?.generation = generation }
        return model
    }

    /// Batches of six samples, counted, with a note of how often it was drawn from.
    private final class Counting: BatchSource {
        let batchesPerPass: Int?
        let isReproducible: Bool
        private let passes: Int
        private let state = Mutex((batch: 0, pass: 0, drawn: [Int]()))

        init(_ batches: Int, knows: Bool = true, passes: Int = .max, isReproducible: Bool = true) {
            (batchesPerPass, self.passes, self.isReproducible) = (knows ? batches : nil, passes, isReproducible)
            length = batches
        }
        private let length: Int

        var drawn: [Int] { state.withLock { $0.drawn } }

        func next() throws(LocatedError) -> Batch? {
            return state.withLock { state in
                guard state.pass < passes else { return nil }
                if state.batch == length {
                    (state.batch, state.pass) = (0, state.pass + 1)
                    return nil
                }
                defer { state.batch += 1 }
                state.drawn.append(state.batch)
                let (x, y) = SourceTests.samples(6 * (state.batch + 1))
                return Batch(x.rows(6 * state.batch..<6 * state.batch + 6), y.rows(6 * state.batch..<6 * state.batch + 6))
            }
        }
    }

    /// What a training met.
    private final class Witness: Callback {
        var steps: [Int] = []
        var events: [String] = []
        var stopsAt: Int?
        init(stopsAt: Int? = nil) { self.stopsAt = stopsAt }

        func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { steps.append(0) }
        func onTrainBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
            steps[steps.count - 1] += 1
            if batch == stopsAt { (training.stopsTraining, training.isInterrupted) = (true, true) }
        }
        func onTestBegin(_ training: TrainingControl) throws(LocatedError) { events.append("begin") }
        func onTestBatchBegin(_ batch: Int, size: Int, _ training: TrainingControl) throws(LocatedError) { events.append("\(batch) of \(size)") }
        func onTestBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
            events.append(logs.keys.joined(separator: "+"))
        }
        func onTestEnd(_ logs: Logs, _ training: TrainingControl) throws(LocatedError) { events.append("end") }
        func onPredictBegin() throws(LocatedError) { events.append("begin") }
        func onPredictBatchEnd(_ batch: Int, outputs: [Tensor]) throws(LocatedError) { events.append("\(batch): \(outputs[0].shape)") }
        func onPredictEnd() throws(LocatedError) { events.append("end") }
    }

    private static func weights(_ model: Model) throws -> [Tensor] { try model.weights().tensors }

    @Test("arrays in batches train as arrays do, bit for bit", arguments: [0, 1, 10])
    func arrays(prefetch: Int) throws {
        let (x, y) = Self.samples(50)
        let weight = Tensor((0..<50).map { Float($0 % 4) / 2 })
        let given = try Self.model()
        let history = try given.fit(
            x, y, batchSize: 8, epochs: 3, verbose: 0, validationData: (x, y), classWeight: [0: 1, 1: 2, 2: 0.5], sampleWeight: weight,
            seed: 9)
        let drawn = try Self.model()
        let source = try ArraySource([x], [y], sampleWeight: [weight], batchSize: 8, shuffle: true, seed: 9)
        let other = try drawn.fit(
            source, epochs: 3, verbose: 0, validationData: try ArraySource([x], [y], batchSize: 8), classWeight: [0: 1, 1: 2, 2: 0.5],
            prefetch: prefetch, seed: 9)
        #expect(try Self.weights(given) == Self.weights(drawn))
        #expect(history.history == other.history)
        #expect(try given.evaluation([x], [y]) == drawn.evaluation(try ArraySource([x], [y])))
        #expect(try given.predict(x) == drawn.predict(try ArraySource([x], batchSize: 7))[0])
    }

    @Test("generators, sequences and AsyncSequences")
    func kinds() throws {
        let (x, y) = Self.samples(24)
        let batches = (0..<4).map { Batch(x.rows($0 * 6..<$0 * 6 + 6), y.rows($0 * 6..<$0 * 6 + 6)) }
        func trained(_ source: some BatchSource) throws -> [Tensor] {
            let model = try Self.model()
            let history = try model.fit(source, stepsPerEpoch: 4, epochs: 2, verbose: 0)
            #expect(history.epoch == [0, 1])
            return try Self.weights(model)
        }
        let expected = try trained(SequenceSource(batches))
        let counter = Mutex(0), place = Mutex(-1)
        #expect(try trained(GeneratorSource { counter.withLock { $0 += 1; return batches[($0 - 1) % 4] } }) == expected)
        #expect(try trained(SequenceSource(sequence(first: 0) { ($0 + 1) % 4 }.lazy.map { batches[$0] })) == expected)
        let stream = AsyncStream<Batch> {
            batches[place.withLock { $0 += 1; return $0 } % 4]
        }
        #expect(try trained(AsyncSource(stream)) == expected)
    }

    @Test("epochs of a number of steps follow each other on the source")
    func steps() throws {
        // Standalone Keras goes on with the next pass.
        let source = Counting(5)
        let witness = Witness()
        try Self.model().fit(source, stepsPerEpoch: 3, epochs: 4, verbose: 0, callbacks: [witness])
        #expect(witness.steps == [3, 3, 3, 3] && source.drawn == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
        // Keras 3 ends the epoch.
        let other = Counting(5)
        let third = Witness()
        try Self.model(.keras3).fit(other, stepsPerEpoch: 3, epochs: 4, verbose: 0, callbacks: [third])
        #expect(third.steps == [3, 2, 3, 2] && other.drawn == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
        // As long as a pass: nobody notices.
        let whole = Witness()
        try Self.model(.keras3).fit(Counting(5), stepsPerEpoch: 5, epochs: 3, verbose: 0, callbacks: [whole])
        #expect(whole.steps == [5, 5, 5])
        // A pass an epoch.
        let passes = Witness()
        try Self.model().fit(Counting(5), epochs: 2, verbose: 0, callbacks: [passes])
        #expect(passes.steps == [5, 5])
    }

    @Test("a source that runs out ends the training, and says so")
    func runsOut() throws {
        func warnings(_ source: Counting, steps: Int?, epochs: Int, _ generation: TrainingGeneration) throws -> (steps: [Int], said: Int) {
            var request = TrainingRequest(.source(source))
            request.options.stepsPerEpoch = steps
            request.options.epochs = epochs
            let witness = Witness()
            let counter = Said()
            request.options.warn = { _ in counter.add() }
            _ = try Self.model(generation).fit(request, callbacks: [witness])
            return (witness.steps, counter.count)
        }
        #expect(try warnings(Counting(5, knows: false, passes: 1), steps: 3, epochs: 9, .keras3) == ([3, 2], 2))
        #expect(try warnings(Counting(5, knows: false, passes: 1), steps: nil, epochs: 3, .keras3) == ([5], 1))
        #expect(try warnings(Counting(5, knows: false), steps: nil, epochs: 3, .keras3) == ([5, 5, 5], 0))
        let error = #expect(throws: LocatedError.self) {
            try warnings(Counting(5, knows: false), steps: nil, epochs: 1, .keras2)
        }
        #expect(error?.code == "fit.steps_per_epoch" && error?.category == .usage)
        #expect(try Self.model().evaluate(Counting(3), steps: 2).count == 2)
    }

    /// Ten samples of four numbers, drawn two by two and no more: what tf-keras 2.21's and (up to where it trains on batches that it
    /// has seen, or on none) Keras 3.15.1's `fit` of the same generator reports. Keras 2.3.1's ends with StopIteration in the same batch.
    @Test("a generator that runs out within an epoch ends that epoch as genuine Keras's does", arguments: [
        (5, 3, [0.7333205342292786, 1.032773733139038], [3, 2], [0.9413342475891113, 0.1839466542005539]),
        (4, 2, [0.41345202922821045, 1.3770354986190796], [2, 2], []),
    ])
    func generatorRunsOut(_ count: Int, _ steps: Int, _ losses: [Double], _ made: [Int], _ validation: [Double]) throws {
        let x = Tensor((0..<40).map { Float($0) / 40 }, shape: [10, 4])
        let y = Tensor((0..<10).map { Float($0 * 4) / 40 }, shape: [10, 1])
        for generation in [TrainingGeneration.keras2, .tfKeras, .keras3] {
            let model = try Sequential([Dense(1, kernelInitializer: .ones, inputShape: [4])], seed: 1)
            try model.compile(loss: .meanSquaredError, optimizer: SGD(learningRate: 0.1))
            model.state.withLock { $0.compiled?.generation = generation }
            let place = Mutex(0)
            let source = GeneratorSource {
                let start = place.withLock { $0 += 2; return $0 - 2 }
                return start < 2 * count ? Batch(x.rows(start..<start + 2), y.rows(start..<start + 2)) : nil
            }
            var request = TrainingRequest(.source(source))
            (request.options.stepsPerEpoch, request.options.epochs) = (steps, 4)
            let said = Said(), witness = Witness()
            request.options.warn = { text in if text.contains("ran out of data") { said.add() } }
            if !validation.isEmpty { request.validation = .source(try ArraySource([x], [y], batchSize: 32)) }
            let history = try model.fit(request, callbacks: [witness])
            #expect(history.epoch == [0, 1] && witness.steps == made && said.count > 0)
            func expect(_ name: String, _ genuine: [Double]) throws {
                let got = try #require(history[name])
                #expect(got.count == genuine.count && zip(got, genuine).allSatisfy { abs($0 - $1) < 2e-6 }, "\(generation) \(got)")
            }
            try expect("loss", losses)
            if !validation.isEmpty { try expect("val_loss", validation) }
        }
    }

    private final class Said: Sendable {
        private let number = Mutex(0)
        var count: Int { number.withLock { $0 } }
        func add() { number.withLock { $0 += 1 } }
    }

    @Test("an error comes where its batch would have come", arguments: [0, 4])
    func errors(prefetch: Int) throws {
        let (x, y) = Self.samples(6)
        let drawn = Mutex(0)
        let source = GeneratorSource { () throws(LocatedError) in
            let number = drawn.withLock { $0 += 1; return $0 }
            if number == 4 { throw LocatedError(.invalid, "pictures.broken", "expected a picture, got none") }
            return Batch(x, y)
        }
        let model = try Self.model()
        let witness = Witness()
        let error = #expect(throws: LocatedError.self) {
            try model.fit(source, stepsPerEpoch: 9, verbose: 0, callbacks: [witness], prefetch: prefetch)
        }
        #expect(error?.code == "pictures.broken" && witness.steps == [3])
        // Wrong data names its batch.
        let wrong = #expect(throws: LocatedError.self) {
            try model.fit(SequenceSource([Batch(x, y), Batch(y, y)]), verbose: 0, prefetch: prefetch)
        }
        #expect(wrong?.code == "data.input_shape" && wrong?.location.first == "batch 1")
    }

    @Test("ended early, a source is left alone, even one that never gives another batch")
    func cancelled() throws {
        let source = Counting(100)
        let witness = Witness(stopsAt: 1)
        try Self.model().fit(source, epochs: 3, verbose: 0, callbacks: [witness], prefetch: 4)
        let after = source.drawn.count
        // Two were trained on, four wait, one was being made.
        #expect(after <= 7)
        usleep(20_000)
        #expect(source.drawn.count == after)
        let (x, y) = Self.samples(6)
        let stream = AsyncStream<Batch> { continuation in for _ in 0..<2 { continuation.yield(Batch(x, y)) } }
        try Self.model().fit(AsyncSource(stream), stepsPerEpoch: 50, verbose: 0, callbacks: [Witness(stopsAt: 1)])
    }

    @Test("batches of other sizes")
    func sizes() throws {
        let (x, y) = Self.samples(60)
        let sizes = [7, 1, 12, 3, 9, 2, 4, 5, 6, 11]
        var start = 0
        let batches = sizes.map { size in
            defer { start += size }
            return Batch(x.rows(start..<start + size), y.rows(start..<start + size))
        }
        let model = try Self.model(), single = try Self.model()
        let history = try model.fit(SequenceSource(batches), epochs: 2, verbose: 0)
        var loss = 0.0
        for epoch in 0..<2 {
            loss = 0
            for batch in batches { loss += (try single.trainOnBatch(batch.x, batch.y)["loss"] ?? 0) * Double(batch.x[0].shape[0]) / 60 }
            #expect(abs(loss - history["loss"]![epoch]) < 1e-6)
        }
        #expect(try Self.weights(model) == Self.weights(single))
    }

    @Test("single batches: what they report, and that the model follows")
    func singleBatches() throws {
        let (x, y) = Self.samples(12)
        let (a, b) = ((x.rows(0..<6), y.rows(0..<6)), (x.rows(6..<12), y.rows(6..<12)))
        let own = try Self.model(), running = try Self.model(.keras3)
        let before = try own.predict(x)
        let first = try own.trainOnBatch(a.0, a.1), second = try own.trainOnBatch(b.0, b.1)
        #expect(Array(first.keys) == ["loss", "accuracy"])
        #expect(try own.predict(x) != before)
        // Keras 3 reports means until they are reset.
        let firstMean = try running.trainOnBatch(a.0, a.1), mean = try running.trainOnBatch(b.0, b.1)
        #expect(firstMean["loss"] == first["loss"])
        #expect(abs(mean["loss"]! - (first["loss"]! + second["loss"]!) / 2) < 1e-5)
        #expect(abs(mean["accuracy"]! - (first["accuracy"]! + second["accuracy"]!) / 2) < 1e-6)
        running.resetMetrics()
        let tested = try running.testOnBatch(a.0, a.1)
        #expect(try abs(tested["loss"]! - running.evaluate(a.0, a.1)[0]) < 1e-6)
        // Weights put in by hand are trained from.
        let saved = try Self.weights(own)
        try own.trainOnBatch(a.0, a.1)
        let moved = try Self.weights(own)
        own.setWeights(WeightValues(table: try own.parameterTable(), tensors: saved))
        #expect(try Self.weights(own) == saved && saved != moved)
    }

    @Test("samples an epoch, as Keras 1 counts them")
    func samplesPerEpoch() throws {
        let (x, y) = Self.samples(30)
        let witness = Witness()
        try Self.model().fitGenerator(
            try ArraySource([x], [y], batchSize: 8), samplesPerEpoch: 30, nbEpoch: 2, verbose: 0, callbacks: [witness])
        #expect(witness.steps == [3, 3])
        #expect(#expect(throws: LocatedError.self) {
            try Self.model().fitGenerator(try ArraySource([x], [y], batchSize: 8), samplesPerEpoch: 7, verbose: 0)
        }?.code == "fit.samples_per_epoch")
    }

    @Test("cut off anywhere and resumed, a source's training ends with the same bits", arguments: [(0, 0), (0, 3), (1, 2), (2, 4)])
    func resumed(epoch: Int, batch: Int) throws {
        let folder = NSTemporaryDirectory() + "swift-keras-sources-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (x, y) = Self.samples(38)
        func source() throws -> ArraySource { try ArraySource([x], [y], batchSize: 6, shuffle: true, seed: 4) }
        func plateau() throws -> ReduceLROnPlateau { try ReduceLROnPlateau(monitor: "loss", factor: 0.5, patience: 1, minDelta: 0.5) }
        let whole = try Self.model()
        let history = try whole.fit(
            source(), stepsPerEpoch: 5, epochs: 4, verbose: 0, callbacks: [plateau()], validationData: source(), validationSteps: 2)
        let cut = try Self.model()
        final class Stop: Callback {
            let place: (Int, Int)
            var epoch = 0
            init(_ place: (Int, Int)) { self.place = place }
            func onEpochBegin(_ epoch: Int, _ training: TrainingControl) throws(LocatedError) { self.epoch = epoch }
            func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
                if (epoch, batch) == place { (training.stopsTraining, training.isInterrupted) = (true, true) }
            }
        }
        try cut.fit(
            source(), stepsPerEpoch: 5, epochs: 4, verbose: 0,
            callbacks: [plateau(), Stop((epoch, batch)), try BackupAndRestore(backupDirectory: folder)], validationData: source(),
            validationSteps: 2)
        let resumed = try Self.model()
        let rest = try resumed.fit(
            source(), stepsPerEpoch: 5, epochs: 4, verbose: 0, callbacks: [plateau(), try BackupAndRestore(backupDirectory: folder)],
            validationData: source(), validationSteps: 2)
        #expect(try Self.weights(resumed) == Self.weights(whole))
        // And with the same numbers of all epochs.
        #expect(rest == history)
    }

    @Test("a source that can't be drawn forward is not, and that is said")
    func irreproducible() throws {
        let folder = NSTemporaryDirectory() + "swift-keras-sources-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let backup = try BackupAndRestore(backupDirectory: folder)
        try Self.model().fit(
            Counting(5, isReproducible: false), epochs: 2, verbose: 0, callbacks: [Witness(stopsAt: 2), backup], prefetch: 0)
        let source = Counting(5, isReproducible: false)
        var request = TrainingRequest(.source(source))
        request.options.epochs = 1
        request.options.prefetch = 0
        let said = Said()
        request.options.warn = { _ in said.add() }
        let witness = Witness()
        _ = try Self.model().fit(request, callbacks: [backup, witness])
        #expect(said.count == 1 && witness.steps == [5])
    }

    @Test("callbacks of evaluate and predict")
    func hooks() throws {
        let (x, y) = Self.samples(10)
        let model = try Self.model()
        let expected = ["begin", "0 of 6", "loss+accuracy", "1 of 4", "loss+accuracy", "end"]
        for number in 0..<2 {
            let witness = Witness()
            if number == 0 {
                _ = try model.evaluation([x], [y], batchSize: 6, callbacks: [witness])
            } else {
                _ = try model.evaluation(try ArraySource([x], [y], batchSize: 6), callbacks: [witness])
            }
            #expect(witness.events == expected)
        }
        for number in 0..<2 {
            let witness = Witness()
            if number == 0 {
                _ = try model.predict([x], batchSize: 6, callbacks: [witness])
            } else {
                _ = try model.predict(try ArraySource([x], batchSize: 6), callbacks: [witness])
            }
            #expect(witness.events == ["begin", "0: (6, 3)", "1: (4, 3)", "end"])
        }
    }

    @Test("batches are made while others are trained on", .timeLimit(.minutes(1)))
    func overlap() throws {
        /// The first step doesn't end before four more batches were made.
        final class Waiting: Callback {
            let source: Counting
            init(_ source: Counting) { self.source = source }
            func onBatchEnd(_ batch: Int, size: Int, _ logs: Logs, _ training: TrainingControl) throws(LocatedError) {
                while batch == 0, source.drawn.count < 5 { usleep(100) }
            }
        }
        let source = Counting(20)
        try Self.model().fit(source, verbose: 0, callbacks: [Waiting(source)], prefetch: 4)
        #expect(source.drawn == Array(0..<20))
    }
}
