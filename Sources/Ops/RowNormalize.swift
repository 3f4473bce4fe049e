package import Graphs
package import Kernels
package import Tensors

/// Each row along the last axis divided by its own norm: the middle of layer, group, RMS and unit normalization.
///
/// In inference it takes in a product with a vector that follows, and a sum with one: further inputs, in this order.
package struct RowNormalize: Op {
    package var kind: RowNorm
    package var epsilon: Float
    private var hasScale = false
    private var hasShift = false

    package init(_ kind: RowNorm, epsilon: Float) {
        self.kind = kind
        self.epsilon = epsilon
    }

    package var name: String { "normalize_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let count = 1 + (hasScale ? 1 : 0) + (hasShift ? 1 : 0)
        try requireInputs(name, inputs, count...count)
        for input in inputs { try require(name, input, is: .float32) }
        let shape = inputs[0].shape
        let last = try resolve(name, axis: -1, rank: shape.rank)
        for vector in inputs.dropFirst() { try requireVector(name, vector, shape[last], "scale or shift") }
        return [inputs[0]]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { inputs[0].shape.rank >= 2 }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard phase == .inference, !hasShift, others.count == 1, others[0].shape.rank == 1 else { return nil }
        var fused = self
        if let product = consumer as? Binary, product.op == .multiply, !hasScale {
            fused.hasScale = true
        } else if consumer.isSum {
            fused.hasShift = true
        } else {
            return nil
        }
        // A vector of one element, or for rows of one, may broadcast either way.
        return othersFit(others[0]) ? fused : nil
    }

    private func othersFit(_ vector: ValueInfo) -> Bool { vector.dtype == .float32 && (vector.shape[0] ?? 0) > 1 }

    package func bound(to site: Site) -> any BoundOp { BoundRowNormalize(self, site, hasScale: hasScale, hasShift: hasShift) }
}

private struct BoundRowNormalize: BoundOp {
    let op: RowNormalize
    let columns: Int
    let rows: Int
    let tiles: TileCut
    let isTraining: Bool

    let hasScale: Bool
    let hasShift: Bool

    init(_ op: RowNormalize, _ site: Site, hasScale: Bool, hasShift: Bool) {
        self.op = op
        (self.hasScale, self.hasShift) = (hasScale, hasShift)
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
        WorkingMemory(saved: isTraining ? 2 * pitch * 4 : 0)
    }
    var cost: Double { Double(rows * columns) * 4 }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained { Retained(inputs: [0]) }

    private func statistics(_ frame: Frame) -> UnsafeMutablePointer<Float> { frame.saved.assumingMemoryBound(to: Float.self) }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = tiles.range(tile), start = range.lowerBound * columns
        if !isTraining {
            return normalizeRows(
                op.kind, frame.input(0) + start, scale: hasScale ? frame.input(1) : nil,
                shift: hasShift ? frame.input(hasScale ? 2 : 1) : nil, frame.output() + start, rows: range.count,
                columns: columns, epsilon: op.epsilon)
        }
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
