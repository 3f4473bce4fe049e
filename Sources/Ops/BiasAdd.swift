package import Graphs
import Kernels
package import Tensors

/// y = x + b along one axis: inputs x and b, b with that axis's extent.
package struct BiasAdd: Op {
    /// Negative counts from the end: -1 is channels last.
    package var axis: Int

    package init(axis: Int = -1) { self.axis = axis }

    package var name: String { "bias_add" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let axis = try resolve(name, axis: axis, rank: inputs[0].shape.rank)
        guard inputs[1].shape.rank == 1 else {
            throw mismatch(name, expected: "a bias of one axis", got: "\(inputs[1].shape)")
        }
        var shape = inputs[0].shape
        if let extent = shape[axis], let bias = inputs[1].shape[0], extent != bias {
            throw mismatch(name, expected: "a bias of shape (\(extent),)", got: "\(inputs[1].shape)")
        }
        shape[axis] = shape[axis] ?? inputs[1].shape[0]
        return [ValueInfo(shape)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBiasAdd(axis, site) }
}

private struct BoundBiasAdd: BoundOp {
    let count: Int
    let walk: PairWalk
    let elements: TileCut
    let wantsInput: Bool
    let reduction: Reduction?

    init(_ axis: Int, _ site: Site) {
        let shape = site.inputs[0].shape
        let axis = resolved(axis: axis, rank: shape.rank)
        let bias = Shape([shape[axis]] + [Int](repeating: 1, count: shape.rank - axis - 1))
        self.count = shape.count
        self.walk = PairWalk(result: shape, left: shape, right: bias, nanosecondsPerElement: 0.2)
        self.elements = TileCut(elements: count, nanoseconds: 0.2)
        self.wantsInput = site.wantsGradient[0]
        self.reduction =
            site.wantsGradient[1]
            ? Reduction(shape.dims, summing: shape.dims.indices.map { $0 != axis }) : nil
    }

    var memory: WorkingMemory { WorkingMemory(backwardScratch: (reduction?.scratchCount ?? 0) * 4) }
    var cost: Double { Double(count) }
    var inPlaceInputs: [Int] { [0] }

    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        walk.forEachBlock(of: tile) { block in
            binary(
                .add, RowOperand(frame.input(0) + block.left, row: l.row, column: l.column),
                RowOperand(frame.input(1) + block.right, row: r.row, column: r.column),
                to: frame.output() + block.result, row: walk.row, rows: block.rows, columns: block.columns)
        }
    }

    var backwardStages: [Int] { (wantsInput ? [elements.count] : []) + (reduction?.stages ?? []) }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let step = wantsInput ? stage - 1 : stage
        if step < 0 {
            let range = elements.range(tile)
            return frame.passGradient(to: 0, range)
        }
        guard let reduction, let target = frame.inputGradient(1) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(1, 0..<reduction.targetCount) }
            return
        }
        reduction.run(
            step: step, tile: tile, source: gradient, target: target,
            scratch: frame.scratch.assumingMemoryBound(to: Float.self), alpha: 1, accumulate: frame.accumulates[1])
    }
}

extension Frame {
    /// The gradient of input `index` is that of output 0, element by element, times `alpha`.
    func passGradient(to index: Int, _ range: Range<Int>, alpha: Float = 1) {
        guard let target = inputGradient(index) else { return }
        guard let gradient = outputGradient() else { return noGradient(index, range) }
        transfer(
            gradient + range.lowerBound, to: target + range.lowerBound, count: range.count, alpha: alpha,
            accumulate: accumulates[index])
    }
}
