import Graphs
import Kernels
import Tensors

/// What a loss computes for some rows of its prediction: one number a row, the last axis being the row.
///
/// Inputs of the op: predictions (…, n), then targets, which are data and get no gradient.
protocol RowLoss: Sendable {
    /// Nanoseconds that an element takes, roughly.
    var nanoseconds: Double { get }
    /// Floats a row that forward leaves for backward.
    var statistics: Int { get }

    func forward(_ rows: LossRows)
    /// Writes `rows.gradient`, or adds to it.
    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>)
}

/// The memory of some rows of a loss.
struct LossRows {
    var count: Int
    var columns: Int
    var predictions: UnsafePointer<Float>
    /// As many as predictions, or one label a row.
    var targets: UnsafeRawPointer
    var losses: UnsafeMutablePointer<Float>
    var statistics: UnsafeMutablePointer<Float>
    /// Of the predictions; forward has none.
    var gradient: UnsafeMutablePointer<Float>?
    var accumulates: Bool

    var floats: UnsafePointer<Float> { targets.assumingMemoryBound(to: Float.self) }
    var labels: UnsafePointer<Int32> { targets.assumingMemoryBound(to: Int32.self) }
}

/// A row loss bound to a place.
struct BoundRowLoss<Loss: RowLoss>: BoundOp {
    private let loss: Loss
    private let rows: Int
    private let columns: Int
    private let tiles: TileCut
    private let targetBytes: Int
    private let wantsGradient: Bool

    init(_ loss: Loss, _ site: Site) {
        let (x, t) = (site.inputs[0].shape, site.inputs[1])
        self.loss = loss
        columns = x.dims.last ?? 1
        rows = x.dims.dropLast().reduce(1, *)
        tiles = TileCut(rows, nanosecondsPerUnit: loss.nanoseconds * Double(max(columns, 4)), multiple: 16)
        targetBytes = t.shape.count == rows && t.dtype == .int32 ? 4 : columns * 4
        wantsGradient = site.wantsGradient[0]
    }

    var memory: WorkingMemory { WorkingMemory(saved: rows * loss.statistics * 4) }
    var cost: Double { Double(rows * columns) * loss.nanoseconds * 4 }
    var retained: Retained { Retained(inputs: [0, 1]) }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) { loss.forward(part(frame, tiles.range(tile), gradient: nil)) }

    var backwardStages: [Int] { wantsGradient ? [tiles.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tiles.range(tile)
        guard let arriving = frame.outputGradient() else {
            return frame.noGradient(0, range.lowerBound * columns..<range.upperBound * columns)
        }
        loss.backward(part(frame, range, gradient: target), arriving: arriving + range.lowerBound)
    }

    private func part(_ frame: Frame, _ range: Range<Int>, gradient: UnsafeMutablePointer<Float>?) -> LossRows {
        let first = range.lowerBound
        return LossRows(
            count: range.count, columns: columns, predictions: frame.input(0) + first * columns,
            targets: UnsafeRawPointer(frame.inputs[1]) + first * targetBytes, losses: frame.output() + first,
            statistics: frame.saved.assumingMemoryBound(to: Float.self) + first * loss.statistics,
            gradient: gradient.map { $0 + first * columns }, accumulates: gradient != nil && frame.accumulates[0])
    }
}

// MARK: Shape rules

/// One loss a row, for targets like the predictions.
func lossOutputs(_ op: String, _ inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
    let row = try rowShape(op, inputs, targets: .float32)
    let (x, t) = (inputs[0].shape, inputs[1].shape)
    guard x.rank == t.rank, zip(x.dims, t.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else {
        throw mismatch(op, expected: "targets of the predictions' shape \(x)", got: "\(t)")
    }
    return [row]
}

/// One loss a row, for targets that are the rows' class numbers: of one axis less, or with a last axis of 1.
func sparseLossOutputs(_ op: String, _ inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
    let row = try rowShape(op, inputs, targets: .int32)
    var labels = inputs[1].shape
    if labels.rank == row.shape.rank + 1, labels.dims.last.map({ $0 == nil || $0 == 1 }) ?? false {
        labels = PartialShape(labels.dims.dropLast())
    }
    guard labels.rank == row.shape.rank, zip(labels.dims, row.shape.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 })
    else {
        throw mismatch(op, expected: "one class number for each of \(row.shape)", got: "\(inputs[1].shape)")
    }
    return [row]
}

private func rowShape(_ op: String, _ inputs: [ValueInfo], targets: DType) throws(LocatedError) -> ValueInfo {
    try requireInputs(op, inputs, 2...2)
    try require(op, inputs[0], is: .float32, "predictions")
    try require(op, inputs[1], is: targets, "targets")
    guard inputs[0].shape.rank >= 1 else {
        throw mismatch(op, expected: "predictions with an axis", got: "\(inputs[0].shape)")
    }
    return ValueInfo(PartialShape(inputs[0].shape.dims.dropLast()))
}

/// Keras's `epsilon()`.
let kerasEpsilon: Float = 1e-7
