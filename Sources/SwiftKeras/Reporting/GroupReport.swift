internal import Foundation
package import KerasSpec
internal import OrderedCollections
public import Tensors
public import Training

/// How a model does on each group of samples, and how far groups are apart.
public struct GroupReport: Sendable, Hashable {
    public struct Group: Sendable, Hashable {
        public var name: String
        public var samples: Int
        /// Whether there are so few samples that its numbers say little.
        public var isSmall: Bool
        /// What `evaluate` gives on these samples, then rates of errors.
        public var numbers: Logs
    }

    /// The distance between the groups with the largest and the smallest number; small groups don't count.
    public struct Gap: Sendable, Hashable {
        public var number: String
        public var gap: Double
        public var largest: String
        public var smallest: String
    }

    public var attribute: String
    public var groups: [Group]
    /// By number; none where fewer than two groups are large enough.
    public var gaps: [Gap]

    init(attribute: String, groups: [Group]) {
        self.attribute = attribute
        self.groups = groups
        let large = groups.filter { !$0.isSmall }
        var names: [String] = []
        for group in large { for name in group.numbers.keys where !names.contains(name) { names.append(name) } }
        gaps = names.compactMap { name in
            let known = large.compactMap { group in group.numbers[name].map { (group.name, $0) } }.filter { $0.1.isFinite }
            guard known.count > 1, let largest = known.max(by: { $0.1 < $1.1 }), let smallest = known.min(by: { $0.1 < $1.1 }) else { return nil }
            return Gap(number: name, gap: largest.1 - smallest.1, largest: largest.0, smallest: smallest.0)
        }
    }

    /// A table for people.
    public var text: String {
        func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(1, width - text.count)) + text }
        func left(_ text: String, _ width: Int) -> String { text + String(repeating: " ", count: max(0, width - text.count)) }
        var names: [String] = []
        for group in groups { for name in group.numbers.keys where !names.contains(name) { names.append(name) } }
        let width = max(attribute.count, groups.map { $0.name.count + ($0.isSmall ? 2 : 0) }.max() ?? 0, 11)
        let widths = names.map { max($0.count + 2, 10) }
        func number(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "-" }
        var lines = [left(attribute, width) + right("samples", 10) + zip(names, widths).map { right($0, $1) }.joined()]
        for group in groups {
            lines.append(
                left(group.name + (group.isSmall ? " *" : ""), width) + right("\(group.samples)", 10)
                    + zip(names, widths).map { right(number(group.numbers[$0]), $1) }.joined())
        }
        lines.append(
            left("largest gap", width) + right("", 10)
                + zip(names, widths).map { name, width in right(number(gaps.first { $0.number == name }?.gap), width) }.joined())
        for gap in gaps where gap.number == "error_rate" && gap.gap > 0 {
            lines.append("most errors: \(gap.largest); fewest: \(gap.smallest)")
        }
        if groups.contains(where: \.isSmall) { lines.append("* so few samples that the numbers say little; left out of the gaps") }
        return lines.joined(separator: "\n") + "\n"
    }

    package var json: ConfigValue {
        func object(_ numbers: Logs) -> ConfigValue {
            .object(ConfigObject(uniqueKeysWithValues: numbers.map { ($0.key, .float($0.value)) }))
        }
        return [
            "attribute": .string(attribute),
            "groups": .array(groups.map {
                ["group": .string($0.name), "samples": .integer($0.samples), "small": .bool($0.isSmall), "metrics": object($0.numbers)]
            }),
            "gaps": .object(
                ConfigObject(
                    uniqueKeysWithValues: gaps.map {
                        ($0.number, ["gap": .float($0.gap), "largest": .string($0.largest), "smallest": .string($0.smallest)] as ConfigValue)
                    })),
        ]
    }
}

extension Model {
    /// Looks at a model group by group: what `evaluate` gives on the samples of each group and, for outputs of classes, the
    /// share of errors (`error_rate`); of two classes also the share of zeros taken for ones (`false_positive_rate`), of ones
    /// taken for zeros (`false_negative_rate`) and of ones among the predictions (`positive_rate`).
    ///
    /// - Parameters:
    ///   - groups: as many labels as there are samples.
    ///   - smallest: groups of fewer samples are marked, and left out of the gaps.
    /// - Throws: `groups.count` when there are other labels than samples.
    public func groupReports(
        _ x: [Tensor], _ y: [Tensor], groups: SampleGroups, smallest: Int = 30, batchSize: Int = 32, threads: Int? = nil
    ) throws(LocatedError) -> [GroupReport] {
        let count = x.first?.shape.dims.first ?? 0
        for attribute in groups.attributes where attribute.labels.count != count {
            throw LocatedError(
                .mismatch, "groups.count", "expected a group for each of the \(count) samples, got \(attribute.labels.count)", at: [attribute.name])
        }
        for array in x + y where array.shape.dims.first != count {
            throw LocatedError(
                .mismatch, "data.samples", "expected \(count) samples in every array, as in the first, got the shape \(array.shape)")
        }
        // Numbers beside classes are measured, too.
        let decisions: [(output: String, decisions: ClassDecisions)]
        do throws(LocatedError) { decisions = try self.decisions(x, y, batchSize: batchSize, threads: threads) } catch {
            guard error.code == "report.classes" else { throw error }
            decisions = []
        }
        return try groups.attributes.map { (attribute) throws(LocatedError) in
            GroupReport(
                attribute: attribute.name,
                groups: try attribute.members.map { (name, samples) throws(LocatedError) in
                    var numbers = try locating("\(attribute.name) \(name)") { () throws(LocatedError) in
                        try evaluation(
                            x.map { $0.gathered(samples) }, y.map { $0.gathered(samples) }, batchSize: batchSize, threads: threads)
                    }
                    for (output, own) in decisions {
                        let prefix = decisions.count > 1 ? output + "_" : ""
                        for (key, value) in own.rows(ofSamples: samples).rates { numbers[prefix + key] = value }
                    }
                    return GroupReport.Group(name: name, samples: samples.count, isSmall: samples.count < smallest, numbers: numbers)
                })
        }
    }
}

extension ClassDecisions {
    /// Shares of errors; those of zeros or ones only where there are any.
    var rates: [(String, Double)] {
        let right = isRight
        var rates = [("error_rate", right.isEmpty ? 0 : Double(right.count { !$0 }) / Double(right.count))]
        guard classes == 2, case .single(let truth, let predicted) = kind else { return rates }
        let zeros = zip(truth, predicted).filter { $0.0 == 0 }, ones = zip(truth, predicted).filter { $0.0 == 1 }
        if !zeros.isEmpty { rates.append(("false_positive_rate", Double(zeros.count { $0.1 == 1 }) / Double(zeros.count))) }
        if !ones.isEmpty { rates.append(("false_negative_rate", Double(ones.count { $0.1 == 0 }) / Double(ones.count))) }
        if !predicted.isEmpty { rates.append(("positive_rate", Double(predicted.count { $0 == 1 }) / Double(predicted.count))) }
        return rates
    }
}
