internal import Batches
package import KerasSpec
internal import OrderedCollections
public import Tensors
public import Training

/// True and predicted classes of samples.
struct ClassDecisions: Sendable {
    enum Kind: Sendable {
        /// One of several for each sample.
        case single(truth: [Int], predicted: [Int])
        /// Each of several or not, for each sample: row by row.
        case several(truths: [Bool], predictions: [Bool])
    }

    var kind: Kind
    var classes: Int
    /// Rows that belong to each sample: 1, or the places of a sequence.
    var rowsPerSample: Int

    /// Whether each row is decided rightly.
    var isRight: [Bool] {
        switch kind {
        case .single(let truth, let predicted): zip(truth, predicted).map(==)
        case .several(let truths, let predictions):
            stride(from: 0, to: truths.count, by: max(classes, 1)).map { start in
                (start..<start + classes).allSatisfy { truths[$0] == predictions[$0] }
            }
        }
    }

    /// What an output and its targets say; nil where they aren't about classes.
    ///
    /// - Parameters:
    ///   - predictions: an output for all samples.
    ///   - targets: as the loss takes them.
    ///   - loss: of the output.
    init?(_ predictions: Tensor, _ targets: Tensor, loss: Loss) {
        guard predictions.shape.rank >= 2, let columns = predictions.shape.dims.last, columns > 0, predictions.count > 0 else { return nil }
        let values = predictions.floats
        let rows = values.count / columns
        rowsPerSample = max(rows / max(predictions.shape[0], 1), 1)
        /// The first place of the largest of a row.
        func largest(_ values: [Float], _ row: Int) -> Int {
            var best = row * columns
            for place in row * columns..<(row + 1) * columns where values[place] > values[best] { best = place }
            return best - row * columns
        }
        let isHinge = [.hinge, .squaredHinge].contains(loss.kind)
        let isBinary = isHinge || [.binaryCrossentropy, .binaryFocalCrossentropy].contains(loss.kind)
        let threshold: Float = isHinge || loss.fromLogits ? 0 : 0.5
        if loss.targetType == .int32 {
            let labels = targets.asType(.int64).array(as: Int64.self)
            guard labels.count == rows, labels.allSatisfy({ (0..<Int64(columns)).contains($0) }) else { return nil }
            classes = columns
            kind = .single(truth: labels.map { Int($0) }, predicted: (0..<rows).map { largest(values, $0) })
            return
        }
        let truths = targets.floats
        guard truths.count == values.count else { return nil }
        if columns == 1 {
            guard isBinary else { return nil }
            classes = 2
            kind = .single(truth: truths.map { $0 > (isHinge ? 0 : 0.5) ? 1 : 0 }, predicted: values.map { $0 > threshold ? 1 : 0 })
            return
        }
        classes = columns
        let isOneHot = (0..<rows).allSatisfy { row in
            let own = truths[row * columns..<(row + 1) * columns]
            return own.count { $0 == 1 } == 1 && own.count { $0 == 0 } == columns - 1
        }
        if isOneHot {
            kind = .single(truth: (0..<rows).map { largest(truths, $0) }, predicted: (0..<rows).map { largest(values, $0) })
        } else if isBinary {
            kind = .several(truths: truths.map { $0 > 0.5 }, predictions: values.map { $0 > threshold })
        } else {
            return nil
        }
    }

    func report(labels: [String]) -> ClassReport {
        switch kind {
        case .single(let truth, let predicted): ClassReport(truth: truth, predicted: predicted, labels: labels)
        case .several(let truths, let predictions): ClassReport(truths: truths, predictions: predictions, labels: labels)
        }
    }

    /// Of some samples only.
    func rows(ofSamples samples: [Int]) -> ClassDecisions {
        let rows = samples.flatMap { $0 * rowsPerSample..<($0 + 1) * rowsPerSample }
        var part = self
        switch kind {
        case .single(let truth, let predicted): part.kind = .single(truth: rows.map { truth[$0] }, predicted: rows.map { predicted[$0] })
        case .several(let truths, let predictions):
            let places = rows.flatMap { $0 * classes..<($0 + 1) * classes }
            part.kind = .several(truths: places.map { truths[$0] }, predictions: places.map { predictions[$0] })
        }
        return part
    }
}

extension Model {
    /// How well each class is told on data: for each output of classes, by its name.
    ///
    /// Classes are told by the largest number of a row, by 1/2 where there is one number (0 for logits and hinge losses), and by
    /// 1/2 each where a sample may have several.
    ///
    /// - Parameter labels: names of the classes; nil: their numbers.
    /// - Throws: `report.classes` when no output is one of classes, `report.labels` for another number of names.
    public func classReports(
        _ x: [Tensor], _ y: [Tensor], labels: [String]? = nil, batchSize: Int = 32, threads: Int? = nil
    ) throws(LocatedError) -> [String: ClassReport] {
        Dictionary(
            uniqueKeysWithValues: try decisions(x, y, batchSize: batchSize, threads: threads).map { (entry) throws(LocatedError) in
                (entry.output, entry.decisions.report(labels: try Self.names(labels, classes: entry.decisions.classes)))
            })
    }

    /// The same for a model with one output.
    public func classReport(
        _ x: Tensor, _ y: Tensor, labels: [String]? = nil, batchSize: Int = 32, threads: Int? = nil
    ) throws(LocatedError) -> ClassReport {
        guard let report = try classReports([x], [y], labels: labels, batchSize: batchSize, threads: threads).values.first else {
            throw Self.noClasses
        }
        return report
    }

    static func names(_ labels: [String]?, classes: Int) throws(LocatedError) -> [String] {
        guard let labels else { return (0..<classes).map(String.init) }
        guard labels.count == classes else {
            throw LocatedError(.mismatch, "report.labels", "expected names of \(classes) classes, got \(labels.count)", at: ["labels"])
        }
        return labels
    }

    private static let noClasses = LocatedError(
        .mismatch, "report.classes", "expected an output of classes, got none",
        hint: "Classes are class numbers, one-hot rows, or numbers from 0 to 1 with a binary loss.")

    /// Of each output of classes.
    func decisions(
        _ x: [Tensor], _ y: [Tensor], batchSize: Int, threads: Int?
    ) throws(LocatedError) -> [(output: String, decisions: ClassDecisions)] {
        let names = try program().outputNames
        let settings = try compiled(withState: false).settings.outputs(named: names)
        let outputs = try predict(x, batchSize: batchSize, threads: threads)
        var result: [(output: String, decisions: ClassDecisions)] = []
        for (place, name) in names.enumerated() where place < y.count && place < outputs.count {
            guard let loss = settings[place].loss, let own = ClassDecisions(outputs[place], y[place], loss: loss) else { continue }
            result.append((name, own))
        }
        guard !result.isEmpty else { throw Self.noClasses }
        return result
    }
}
