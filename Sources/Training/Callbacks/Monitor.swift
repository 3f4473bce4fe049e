package import Tensors

/// Whether better is less or more.
public enum MonitorMode: String, Sendable, CaseIterable {
    /// More for accuracies, AUC and F-scores, else less.
    case auto
    case min, max
}

/// A number of the logs that a callback watches, and the best it has been.
package struct Monitor {
    package let name: String
    package let wantsMore: Bool
    package let minDelta: Double
    package var best: Double

    /// - Parameters:
    ///   - minDelta: what counts as better.
    ///   - baseline: what has to be beaten from the start.
    package init(_ name: String, mode: MonitorMode, minDelta: Double = 0, baseline: Double? = nil) {
        self.name = name
        wantsMore =
            switch mode {
            case .max: true
            case .min: false
            case .auto: name.contains("acc") || name.hasSuffix("auc") || name.hasSuffix("fmeasure") || name.hasSuffix("f1_score")
            }
        self.minDelta = abs(minDelta)
        best = baseline ?? (wantsMore ? -.infinity : .infinity)
    }

    /// Throws when training reports no such number.
    package func require(in training: TrainingControl) throws(LocatedError) {
        guard training.metrics.contains(name) else {
            throw LocatedError(
                .usage, "callback.monitor", "expected one of \(training.metrics.joined(separator: ", ")) to watch, got \(name)",
                hint: name.hasPrefix("val_") ? "Validation data or a validation split gives val_ numbers." : nil)
        }
    }

    /// Whether a number is the best so far, which it then is.
    package mutating func improves(_ current: Double) -> Bool {
        guard wantsMore ? current - minDelta > best : current + minDelta < best else { return false }
        best = current
        return true
    }
}
