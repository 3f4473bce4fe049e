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
