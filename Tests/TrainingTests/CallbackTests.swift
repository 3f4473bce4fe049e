import Batches
import Layers
import Tensors
import Testing
@testable import Training

/// Callbacks that look at numbers, without a training: what they do to the learning rate.
@Suite struct MonitorTests {
    @Test func better() {
        var loss = Monitor("val_loss", mode: .auto, minDelta: 0.1)
        let steps = [1, 0.95, 0.85].map { loss.improves($0) }
        #expect(steps == [true, false, true] && loss.best == 0.85)
        var accuracy = Monitor("val_accuracy", mode: .auto, baseline: 0.5)
        let rises = [0.4, 0.5, 0.6, .nan].map { accuracy.improves($0) }
        #expect(rises == [false, false, true, false])
        for name in ["auc", "val_auc", "acc", "f1_score"] { #expect(Monitor(name, mode: .auto).wantsMore) }
        #expect(Monitor("acc", mode: .min).wantsMore == false && Monitor("loss", mode: .max).wantsMore)
    }

    @Test func wrongFactor() {
        #expect(throws: LocatedError.self) { try ReduceLROnPlateau(factor: 1) }
    }
}

/// Progress of sources: steps instead of samples, and an end that nobody knows beforehand.
@Suite struct SourceProgressTests {
    private func text(knows: Bool, verbosity: ProgressBar.Verbosity) throws -> String {
        let program = try Networks.sequential([2], [])
        let trainer = try Trainer(
            program, table: ParameterTable(), weights: [], outputs: [OutputTraining(name: "input", loss: .meanSquaredError)],
            optimizer: SGD(), generation: .keras3)
        var written = ""
        let logger = ProgressLogger(verbosity, isDynamic: false, now: { 0 }, write: { written += $0 })
        let batch = Batch(Tensor(zeros: [3, 2]), Tensor(zeros: [3, 2]))
        var options = FitOptions()
        options.epochs = 2
        var random = NumPyRandom(seed: 0)
        let source = SequenceSource([batch, batch], batchesPerPass: knows ? 2 : nil)
        _ = try trainer.fit(.source(source), options: options, random: &random, callbacks: [logger])
        return written
    }

    @Test func steps() throws {
        let known = try text(knows: true, verbosity: .bar)
        #expect(known.contains("1/2 [==============>...............]") && known.contains("2/2 [==============================]"))
        // From the second epoch on it is known.
        let unknown = try text(knows: false, verbosity: .bar)
        #expect(unknown.contains("1/Unknown") && unknown.contains("Epoch 2/2\n\n1/2 ["))
        for knows in [true, false] {
            let lines = try text(knows: knows, verbosity: .line).split(separator: "\n")
            #expect(lines == ["Epoch 1/2", " - 0s - loss: 0.0000e+00", "Epoch 2/2", " - 0s - loss: 0.0000e+00"])
        }
    }

    @Test func evaluation() throws {
        let trainer = try Trainer(
            try Networks.sequential([2], []), table: ParameterTable(), weights: [],
            outputs: [OutputTraining(name: "input", loss: .meanSquaredError)], optimizer: SGD(), generation: .keras2)
        var written = ""
        let logger = TestProgressLogger(isDynamic: false, now: { 0 }, write: { written += $0 })
        var options = FitOptions()
        options.batchSize = 2
        _ = try trainer.evaluate(
            .arrays(TrainingData(inputs: [Tensor(zeros: [4, 2])], targets: [Tensor(zeros: [4, 2])])), options: options, callbacks: [logger])
        #expect(written.hasSuffix("4/4 [==============================] - 0s 0us/step\n"))
    }
}
