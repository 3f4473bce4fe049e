internal import Files
internal import Foundation
package import KerasSpec
internal import OrderedCollections
internal import Plots
public import Tensors

/// How well each class is told: which are taken for which, precision, recall, F1.
public struct ClassReport: Sendable, Hashable {
    /// Of one class, or a mean of all.
    public struct Scores: Sendable, Hashable {
        /// The share of predictions of the class that are right; 0 where there are none.
        public var precision: Double
        /// The share of the class's samples that are found; 0 where there are none.
        public var recall: Double
        /// 2·precision·recall / (precision + recall); 0 where both are.
        public var f1: Double
        /// Samples of the class.
        public var support: Int
    }

    public let labels: [String]
    /// Samples by true class (row) and predicted class (column); nil where a sample may have several classes.
    public let matrix: [[Int]]?
    /// By class.
    public let scores: [Scores]
    /// Samples, or places of sequences.
    public let samples: Int
    /// The share of samples that are right in all.
    public let accuracy: Double

    /// Of samples that have one class each.
    ///
    /// - Parameters: class numbers below the number of labels, as many of both.
    init(truth: [Int], predicted: [Int], labels: [String]) {
        var matrix = [[Int]](repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
        for (a, b) in zip(truth, predicted) { matrix[a][b] += 1 }
        self.labels = labels
        self.matrix = matrix
        scores = labels.indices.map { place in
            Scores(hits: matrix[place][place], predicted: matrix.reduce(0) { $0 + $1[place] }, support: matrix[place].reduce(0, +))
        }
        samples = truth.count
        accuracy = samples == 0 ? 0 : Double(labels.indices.reduce(0) { $0 + matrix[$1][$1] }) / Double(samples)
    }

    /// Of samples that may have any number of classes.
    ///
    /// - Parameters: row by row, a truth value for each label.
    init(truths: [Bool], predictions: [Bool], labels: [String]) {
        self.labels = labels
        matrix = nil
        let count = max(labels.count, 1)
        samples = truths.count / count
        var (hits, predicted, support) = ([Int](repeating: 0, count: count), [Int](repeating: 0, count: count), [Int](repeating: 0, count: count))
        var right = 0
        for sample in 0..<samples {
            var isRight = true
            for place in 0..<count {
                let (truth, guess) = (truths[sample * count + place], predictions[sample * count + place])
                if truth { support[place] += 1 }
                if guess { predicted[place] += 1 }
                if truth, guess { hits[place] += 1 }
                if truth != guess { isRight = false }
            }
            if isRight { right += 1 }
        }
        scores = labels.indices.map { Scores(hits: hits[$0], predicted: predicted[$0], support: support[$0]) }
        accuracy = samples == 0 ? 0 : Double(right) / Double(samples)
    }

    /// The same with other names; as it is where there are none, or another number of them.
    package func named(_ labels: [String]?) -> ClassReport {
        guard let labels, labels.count == self.labels.count else { return self }
        return ClassReport(labels: labels, matrix: matrix, scores: scores, samples: samples, accuracy: accuracy)
    }

    private init(labels: [String], matrix: [[Int]]?, scores: [Scores], samples: Int, accuracy: Double) {
        (self.labels, self.matrix, self.scores, self.samples, self.accuracy) = (labels, matrix, scores, samples, accuracy)
    }

    /// All classes counting the same.
    public var macroAverage: Scores { average { _ in 1 } }
    /// Classes counting as often as they come.
    public var weightedAverage: Scores { average { Double($0.support) } }

    private func average(_ weight: (Scores) -> Double) -> Scores {
        let total = scores.reduce(0) { $0 + weight($1) }
        func mean(_ number: (Scores) -> Double) -> Double {
            total == 0 ? 0 : scores.reduce(0) { $0 + weight($1) * number($1) } / total
        }
        return Scores(
            precision: mean(\.precision), recall: mean(\.recall), f1: mean(\.f1), support: scores.reduce(0) { $0 + $1.support })
    }

    // MARK: Written

    /// A table as scikit-learn's `classification_report` prints it.
    public var text: String {
        let rows = zip(labels, scores).map { ($0, $1) } + [("macro avg", macroAverage), ("weighted avg", weightedAverage)]
        let width = max(rows.map(\.0.count).max() ?? 0, 12)
        func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        var lines = [right("", width) + ["precision", "recall", "f1-score", "support"].map { right($0, 11) }.joined(), ""]
        for (place, (label, own)) in rows.enumerated() {
            if place == labels.count {
                lines += ["", right("accuracy", width) + right("", 22) + right(String(format: "%.4f", accuracy), 11) + right("\(samples)", 11)]
            }
            let numbers = [own.precision, own.recall, own.f1].map { right(String(format: "%.4f", $0), 11) }.joined()
            lines.append(right(label, width) + numbers + right("\(own.support)", 11))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `class,precision,recall,f1,support`, a line for each class.
    public var csv: String {
        "class,precision,recall,f1,support\n"
            + zip(labels, scores).map { "\(Self.field($0)),\($1.precision),\($1.recall),\($1.f1),\($1.support)\n" }.joined()
    }

    /// A line for each true class, a column for each predicted one.
    public var matrixCSV: String? {
        matrix.map { matrix in
            (["true \\ predicted"] + labels).map(Self.field).joined(separator: ",") + "\n"
                + zip(labels, matrix).map { label, row in ([Self.field(label)] + row.map(String.init)).joined(separator: ",") + "\n" }.joined()
        }
    }

    static func field(_ text: String) -> String {
        text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
    }

    package var json: ConfigValue {
        func scores(_ own: Scores) -> ConfigObject {
            ["precision": .float(own.precision), "recall": .float(own.recall), "f1": .float(own.f1), "support": .integer(own.support)]
        }
        var object: ConfigObject = [
            "samples": .integer(samples), "accuracy": .float(accuracy),
            "classes": .array(zip(labels, self.scores).map { .object((["label": .string($0)] as ConfigObject).merging(scores($1)) { $1 }) }),
            "macro_average": .object(scores(macroAverage)), "weighted_average": .object(scores(weightedAverage)),
        ]
        if let matrix { object["confusion_matrix"] = .array(matrix.map { .array($0.map(ConfigValue.integer)) }) }
        return .object(object)
    }

    /// The matrix, coloured. nil where samples may have several classes.
    var drawing: Drawing? {
        matrix.map {
            MatrixChart(title: "Confusion matrix", rowLabel: "true", columnLabel: "predicted", labels: labels, counts: $0).drawing
        }
    }

    /// Writes the matrix as the path's ending says: SVG or PNG. Throws 64 `plot.ending`, `report.matrix`; 73, 74.
    public func plotMatrix(to path: String) throws(LocatedError) {
        guard let drawing else {
            throw LocatedError(.usage, "report.matrix", "expected samples of one class each, got such as may have several")
        }
        try drawing.write(to: path)
    }

    /// Files of a report: what they are called, and their bytes.
    package func files(json document: ConfigValue? = nil) throws(LocatedError) -> [(name: String, bytes: [UInt8])] {
        var files: [(name: String, bytes: [UInt8])] = [
            ("report.json", Array(((document ?? json).jsonText + "\n").utf8)), ("report.txt", Array(text.utf8)), ("classes.csv", Array(csv.utf8)),
        ]
        if let matrixCSV, let drawing {
            files.append(("confusion.csv", Array(matrixCSV.utf8)))
            for name in ["confusion.svg", "confusion.png"] { files.append((name, try drawing.encoded(for: name))) }
        }
        return files
    }
}

extension ClassReport.Scores {
    init(hits: Int, predicted: Int, support: Int) {
        precision = predicted == 0 ? 0 : Double(hits) / Double(predicted)
        recall = support == 0 ? 0 : Double(hits) / Double(support)
        f1 = hits == 0 ? 0 : 2 * Double(hits) / Double(predicted + support)
        self.support = support
    }
}
