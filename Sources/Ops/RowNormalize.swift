package import Graphs
package import Kernels
package import Tensors

/// Each row along the last axis divided by its own norm: the middle of layer, group, RMS and unit normalization.
package struct RowNormalize: Op {
    package var kind: RowNorm
    package var epsilon: Float

    package init(_ kind: RowNorm, epsilon: Float) {
        self.kind = kind
        self.epsilon = epsilon
    }

    package var name: String { "normalize_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        _ = try resolve(name, axis: -1, rank: inputs[0].shape.rank)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp { BoundRowNormalize(self, site) }
}

private struct BoundRowNormalize: BoundOp {
    let op: RowNormalize
    let columns: Int
    let rows: Int
    let tiles: TileCut
    let isTraining: Bool

    init(_ op: RowNormalize, _ site: Site) {
        self.op = op
        let shape = site.inputs[0].shape
        columns = shape[shape.rank - 1]
        rows = columns == 0 ? 0 : shape.dims.dropLast().reduce(1, *)
        // Multiples of 16 rows, so that tiles' statistics don't share a line of the cache.
        tiles = TileCut(rows, nanosecondsPerUnit: 0.5 * Double(columns) + 10, multiple: columns < 4096 ? 16 : 1)
        isTraining = site.phase == .training
    }

    /// Floats of one statistic of all rows.
    private var pitch: Int { (rows + 15) / 16 * 16 }
    var memory: WorkingMemory {
        WorkingMemory(saved: isTraining ? 2 * pitch * 4 : 0, forwardScratch: isTraining ? 0 : 2 * pitch * 4)
    }
    var cost: Double { Double(rows * columns) * 4 }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained { Retained(inputs: [0]) }

    private func statistics(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        (isTraining ? frame.saved : frame.scratch).assumingMemoryBound(to: Float.self)
    }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = tiles.range(tile), start = range.lowerBound * columns
        let statistics = statistics(frame) + range.lowerBound
        normalizeRows(
            op.kind, frame.input(0) + start, frame.output() + start, mean: statistics, factor: statistics + pitch,
            rows: range.count, columns: columns, epsilon: op.epsilon)
    }

    var backwardStages: [Int] { [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tiles.range(tile), start = range.lowerBound * columns
        guard let gradient = frame.outputGradient() else {
            return frame.noGradient(0, start..<range.upperBound * columns)
        }
        let statistics = statistics(frame) + range.lowerBound
        normalizeRowsGradient(
            op.kind, frame.input(0) + start, gradient + start, mean: statistics, factor: statistics + pitch, target + start,
            rows: range.count, columns: columns, epsilon: op.epsilon, accumulate: frame.accumulates[0])
    }
}
