package import Graphs
package import Kernels
package import Tensors

/// z = x op y element by element, with NumPy's broadcasting.
package struct Binary: Op {
    package var op: BinaryOperator

    package init(_ op: BinaryOperator) { self.op = op }

    package var name: String { op.rawValue }
    package var isSum: Bool { op == .add }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBinary(op, site) }
}

private struct BoundBinary: BoundOp {
    let op: BinaryOperator
    let shapes: [Shape]
    let result: Shape
    let wantsGradient: [Bool]
    let walk: PairWalk
    /// By operand: how its gradient is summed; nil when it wasn't broadcast or isn't wanted.
    let reductions: [Reduction?]
    /// Where backward's tiles run: operand, and which part of its work.
    let backwardPlan: [(operand: Int, step: Int?)]
    let memory: WorkingMemory
    /// Floats of the unsummed gradient, at the start of backward scratch.
    let unsummedCount: Int

    init(_ op: BinaryOperator, _ site: Site) {
        self.op = op
        let shapes = site.inputs.map(\.shape), result = site.outputs[0].shape
        (self.shapes, self.result) = (shapes, result)
        self.wantsGradient = site.wantsGradient
        self.walk = PairWalk(result: result, left: shapes[0], right: shapes[1])
        self.reductions = [0, 1].map {
            site.wantsGradient[$0] && shapes[$0].count != result.count
                ? Reduction(from: result, to: shapes[$0]) : nil
        }
        var plan: [(operand: Int, step: Int?)] = []
        let isSum = op == .add || op == .subtract
        for operand in [0, 1] where site.wantsGradient[operand] {
            // A sum's gradient can be summed where it is.
            if !isSum || reductions[operand] == nil { plan.append((operand, nil)) }
            if let reduction = reductions[operand] {
                for step in reduction.steps.indices { plan.append((operand, step)) }
            }
        }
        self.backwardPlan = plan
        let needsUnsummed = !isSum && reductions.contains { $0 != nil }
        self.unsummedCount = needsUnsummed ? (result.count + 15) / 16 * 16 : 0
        let sums = reductions.map { $0?.scratchCount ?? 0 }.max() ?? 0
        self.memory = WorkingMemory(backwardScratch: (unsummedCount + sums) * 4)
    }

    var cost: Double { Double(result.count) }
    var inPlaceInputs: [Int] { [0, 1].filter { shapes[$0].count == result.count } }
    var retained: Retained {
        switch op {
        case .add, .subtract: Retained()
        case .multiply: Retained(inputs: [0, 1].filter { wantsGradient[1 - $0] })
        default: Retained(inputs: [0, 1])
        }
    }

    private func operands(_ frame: Frame, _ block: PairWalk.Block) -> (RowOperand, RowOperand) {
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        return (
            RowOperand(frame.input(0) + block.left, row: l.row, column: l.column),
            RowOperand(frame.input(1) + block.right, row: r.row, column: r.column)
        )
    }

    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        walk.forEachBlock(of: tile) { block in
            let (x, y) = operands(frame, block)
            binary(
                op, x, y, to: frame.output() + block.result, row: walk.row, rows: block.rows, columns: block.columns)
        }
    }

    var backwardStages: [Int] {
        backwardPlan.map { operand, step in step.map { reductions[operand]!.stages[$0] } ?? walk.tiles }
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let (operand, step) = backwardPlan[stage]
        guard let target = frame.inputGradient(operand) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(operand, 0..<shapes[operand].count) }
            return
        }
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let add = frame.accumulates[operand]
        if let step, let reduction = reductions[operand] {
            reduction.run(
                step: step, tile: tile, source: unsummedCount > 0 ? UnsafePointer(scratch) : gradient, target: target,
                scratch: scratch + unsummedCount, alpha: op == .subtract && operand == 1 ? -1 : 1, accumulate: add)
        } else {
            let isSummedLater = reductions[operand] != nil
            walk.forEachBlock(of: tile) { block in
                let (x, y) = op == .add || op == .subtract
                    ? (RowOperand(gradient, row: 0, column: 0), RowOperand(gradient, row: 0, column: 0))
                    : operands(frame, block)
                binaryGradient(
                    op, second: operand == 1, gradient: gradient + block.result, x, y,
                    to: (isSummedLater ? scratch : target) + block.result, row: walk.row, rows: block.rows,
                    columns: block.columns, accumulate: add && !isSummedLater)
            }
        }
    }
}
