package import Graphs
import Kernels
package import Tensors

/// The sum of one or more arrays, from the first to the last, with NumPy's broadcasting.
package struct AddN: Op {
    package init() {}

    package var name: String { "add_n" }
    package var isSum: Bool { true }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...Int.max)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)))]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { inputs.allSatisfy { $0.shape == inputs[0].shape } }

    package func bound(to site: Site) -> any BoundOp { BoundAddN(site) }
}

private struct BoundAddN: BoundOp {
    let shapes: [Shape]
    let result: Shape
    let elements: TileCut
    /// By input from the second on: the walk that adds it to what is there (the first walk takes the first two).
    let walks: [PairWalk]
    /// Whether all shapes are equal: one sweep, tile by tile.
    let isPlain: Bool
    let reductions: [Reduction?]
    let backwardPlan: [(input: Int, step: Int?)]

    init(_ site: Site) {
        let shapes = site.inputs.map(\.shape), result = site.outputs[0].shape
        (self.shapes, self.result) = (shapes, result)
        self.isPlain = shapes.allSatisfy { $0.count == result.count }
        self.elements = TileCut(elements: result.count, nanoseconds: 0.15 * Double(shapes.count + 1))
        self.walks = isPlain
            ? []
            : shapes.indices.dropFirst().map {
                PairWalk(result: result, left: $0 == 1 ? shapes[0] : result, right: shapes[$0])
            }
        let reductions = shapes.indices.map {
            site.wantsGradient[$0] && shapes[$0].count != result.count ? Reduction(from: result, to: shapes[$0]) : nil
        }
        self.reductions = reductions
        var plan: [(input: Int, step: Int?)] = []
        for input in shapes.indices where site.wantsGradient[input] {
            if let reduction = reductions[input] {
                for step in reduction.steps.indices { plan.append((input, step)) }
            } else {
                plan.append((input, nil))
            }
        }
        self.backwardPlan = plan
    }

    var memory: WorkingMemory {
        WorkingMemory(backwardScratch: (reductions.map { $0?.scratchCount ?? 0 }.max() ?? 0) * 4)
    }
    var cost: Double { Double(result.count * shapes.count) }
    // The first walk alone reads input 0; later ones read what has been written.
    var inPlaceInputs: [Int] { shapes[0].count == result.count ? [0] : [] }

    var forwardStages: [Int] { isPlain ? [elements.count] : walks.map(\.tiles) }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if isPlain {
            let range = elements.range(tile), start = range.lowerBound
            let output = frame.output() + start
            if shapes.count == 1 {
                return transfer(frame.input(0) + start, to: output, count: range.count, accumulate: false)
            }
            add(frame.input(0) + start, frame.input(1) + start, output, count: range.count)
            for input in shapes.indices.dropFirst(2) {
                add(output, frame.input(input) + start, output, count: range.count)
            }
        } else {
            let walk = walks[stage]
            let (l, r) = (walk.leftSteps, walk.rightSteps)
            let left = stage == 0 ? frame.input(0) : UnsafePointer(frame.output())
            walk.forEachBlock(of: tile) { block in
                binary(
                    .add, RowOperand(left + block.left, row: l.row, column: l.column),
                    RowOperand(frame.input(stage + 1) + block.right, row: r.row, column: r.column),
                    to: frame.output() + block.result, row: walk.row, rows: block.rows, columns: block.columns)
            }
        }
    }

    var backwardStages: [Int] {
        backwardPlan.map { input, step in step.map { reductions[input]!.stages[$0] } ?? elements.count }
    }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let (input, step) = backwardPlan[stage]
        guard let step, let reduction = reductions[input] else {
            return frame.passGradient(to: input, elements.range(tile))
        }
        guard let target = frame.inputGradient(input) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(input, 0..<shapes[input].count) }
            return
        }
        reduction.run(
            step: step, tile: tile, source: gradient, target: target,
            scratch: frame.scratch.assumingMemoryBound(to: Float.self), alpha: 1, accumulate: frame.accumulates[input])
    }
}
