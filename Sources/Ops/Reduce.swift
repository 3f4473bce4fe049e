package import Graphs
import Kernels
package import Tensors

/// The sum or the mean over some axes, in a fixed order.
package struct Reduce: Op {
    package enum Kind: String, Hashable, Sendable { case sum, mean }

    package var kind: Kind
    /// Negative ones count from the end; nil means all.
    package var axes: [Int]?
    /// Whether the axes stay, with extent 1.
    package var keepsAxes: Bool

    package init(_ kind: Kind, axes: [Int]? = nil, keepsAxes: Bool = false) {
        self.kind = kind
        self.axes = axes
        self.keepsAxes = keepsAxes
    }

    package var name: String { "reduce_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        let rank = inputs[0].shape.rank
        for axis in axes ?? [] { _ = try resolve(name, axis: axis, rank: rank) }
        let flags = summed(rank)
        var dims: [Int?] = []
        for (axis, extent) in inputs[0].shape.dims.enumerated() {
            if !flags[axis] { dims.append(extent) } else if keepsAxes { dims.append(1) }
        }
        return [ValueInfo(PartialShape(dims))]
    }

    private func summed(_ rank: Int) -> [Bool] {
        guard let axes else { return [Bool](repeating: true, count: rank) }
        var flags = [Bool](repeating: false, count: rank)
        for axis in axes { flags[resolved(axis: axis, rank: rank)] = true }
        return flags
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundReduce(kind, site.inputs[0].shape, summed(site.inputs[0].shape.rank))
    }
}

private struct BoundReduce: BoundOp {
    let reduction: Reduction
    let alpha: Float
    /// Spreads the gradient over the input.
    let walk: PairWalk
    let count: Int

    init(_ kind: Reduce.Kind, _ shape: Shape, _ flags: [Bool]) {
        self.reduction = Reduction(shape.dims, summing: flags)
        self.count = shape.count
        let terms = zip(shape.dims, flags).reduce(1) { $1.1 ? $0 * $1.0 : $0 }
        self.alpha = kind == .sum ? 1 : 1 / Float(terms)
        let kept = Shape(zip(shape.dims, flags).map { $1 ? 1 : $0 })
        self.walk = PairWalk(result: shape, left: kept, right: [])
    }

    var memory: WorkingMemory { WorkingMemory(forwardScratch: reduction.scratchCount * 4) }
    var cost: Double { Double(count) }

    var forwardStages: [Int] { reduction.stages }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        reduction.run(
            step: stage, tile: tile, source: frame.input(0), target: frame.output(),
            scratch: frame.scratch.assumingMemoryBound(to: Float.self), alpha: alpha, accumulate: false)
    }

    var backwardStages: [Int] { [walk.tiles] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(0, 0..<count) }
            return
        }
        let steps = walk.leftSteps, add = frame.accumulates[0]
        walk.forEachBlock(of: tile) { block in
            for row in 0..<block.rows {
                let from = gradient + block.left + row * steps.row, to = target + block.result + row * walk.row
                if !add { to.update(repeating: 0, count: block.columns) }
                addScaled(from, step: steps.column, alpha, to: to, count: block.columns)
            }
        }
    }
}
