import SwiftKeras

/// What `verify --training` prints.
struct TrainingVerificationText {
    let report: TrainingVerification

    init(_ report: TrainingVerification) { self.report = report }

    /// A line for the losses, for the gradients and for every number of steps, and one for each array that departs.
    var lines: [String] {
        var lines: [String] = []
        if let worst = report.losses.max(by: { $0.absoluteError < $1.absoluteError }) {
            let passed = report.losses.allSatisfy(\.passed)
            var text = "\(mark(passed)) \(counted(report.losses.count, "loss", "losses"))  largest error \(worst.absoluteError.scientific)"
            if worst.absoluteError > 0 { text += ", step \(worst.step): expected \(Float(worst.expected)), got \(Float(worst.got))" }
            lines.append(text)
            if let first = report.losses.first(where: { !$0.passed }) {
                lines.append("     first step that departs: \(first.step), expected \(Float(first.expected)), got \(Float(first.got))")
            }
        }
        lines += group("\(counted(report.gradients.count, "gradient", "gradients")) of the first step", report.gradients)
        for weights in report.weights {
            lines += group(
                "\(counted(weights.arrays.count, "weight", "weights")) after \(counted(weights.steps, "step", "steps"))", weights.arrays)
        }
        return lines
    }

    private func group(_ what: String, _ arrays: [ArrayDistance]) -> [String] {
        guard let worst = arrays.max(by: { $0.severity < $1.severity }) else { return [] }
        let failed = arrays.filter { !$0.passed }
        var text = "\(mark(failed.isEmpty)) \(what)"
        if worst.maxAbsoluteError == 0 {
            text += "  equal"
        } else {
            text += "  worst \(worst.name): error \(worst.maxAbsoluteError.scientific), \(worst.relativeError.scientific) of its largest element"
        }
        if let repeated = arrays.compactMap({ array in array.repeatedError.map { array.scale == 0 ? 0 : $0 / array.scale } }).max() {
            text += "; farthest repeated array \(repeated.scientific)"
        }
        return [text] + failed.map { "     FAIL \(line($0))" }
    }

    private func line(_ array: ArrayDistance) -> String {
        var text = "\(array.name) \(array.shape)  error \(array.maxAbsoluteError.scientific), allowed \(array.limit.scientific)"
        if let worst = array.worst {
            text += ", worst at \(worst.index): expected \(Float(worst.expected)), got \(Float(worst.got))"
        }
        return text
    }

    private func mark(_ passed: Bool) -> String { passed ? "ok  " : "FAIL" }

    private func counted(_ count: Int, _ one: String, _ many: String) -> String { "\(count) \(count == 1 ? one : many)" }

    /// `training` in `verify --json`.
    var document: ConfigValue {
        func entry(_ array: ArrayDistance) -> ConfigValue {
            [
                "name": .string(array.name), "shape": .integers(array.shape.dims),
                "max_absolute_error": .float(array.maxAbsoluteError), "relative_error": .float(array.relativeError),
                "repeated_error": array.repeatedError.map(ConfigValue.float) ?? .null, "limit": .float(array.limit),
                "passed": .bool(array.passed),
            ]
        }
        return [
            "passed": .bool(report.passed), "batch_size": .integer(report.batchSize), "steps": .integer(report.steps),
            "random": .bool(report.isRandom),
            "losses": .array(
                report.losses.map {
                    [
                        "step": .integer($0.step), "expected": .float($0.expected), "got": .float($0.got), "passed": .bool($0.passed),
                    ]
                }),
            "gradients": .array(report.gradients.map(entry)),
            "weights": .array(report.weights.map { ["after": .integer($0.steps), "arrays": .array($0.arrays.map(entry))] }),
        ]
    }
}
