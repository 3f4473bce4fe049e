package import Graphs
package import Kernels
package import Tensors

/// Long short-term memory over sequences: with [i f g o] = x·kernel + h·recurrent + bias for each step,
/// c = f·c + i·g and h = o·activation(c), where i, f, o go through `recurrentActivation` and g through `activation`.
///
/// Inputs: x (B, T, D), kernel (D, 4U), recurrent (U, 4U), then bias (4U), mask (B, T) of bool, h and c before the first step
/// (B, U each), as far as there are any. The gates' columns are in the order i, f, c, o.
/// Outputs: the sequence of outputs (B, T, U), or the last output (B, U) without `returnsSequences`; h (B, U); c (B, U).
///
/// A step that the mask leaves out keeps h and c, and repeats the output before (zeros before the first one that counts):
/// hence the last output is h, except where no step counts. With `zeroesMasked` it gives zeros instead. `goesBackwards` reads time from its end; outputs come in the
/// order in which they were made. There is no dropout inside, neither on x nor on h.
package struct LSTM: Op {
    package var units: Int
    package var activation: Activation
    package var recurrentActivation: Activation
    package var hasBias: Bool
    package var hasMask: Bool
    package var hasInitialState: Bool
    package var returnsSequences: Bool
    package var goesBackwards: Bool
    /// Whether a step that the mask leaves out gives zeros.
    package var zeroesMasked: Bool

    package init(
        units: Int, activation: Activation = .tanh, recurrentActivation: Activation = .sigmoid, hasBias: Bool = true,
        hasMask: Bool = false, hasInitialState: Bool = false, returnsSequences: Bool = true, goesBackwards: Bool = false,
        zeroesMasked: Bool = false
    ) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.hasBias = hasBias
        self.hasMask = hasMask
        self.hasInitialState = hasInitialState
        self.returnsSequences = returnsSequences
        self.goesBackwards = goesBackwards
        self.zeroesMasked = zeroesMasked
    }

    package var name: String { "lstm" }

    var shapes: RecurrentShapes {
        RecurrentShapes(
            name: name, units: units, gates: 4, bias: hasBias ? [.some(units.multipliedReportingOverflow(by: 4).partialValue)] : nil,
            hasMask: hasMask, stateCount: 2, hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundLSTM(self, site) }
}

/// Memory and steps of an LSTM.
private struct BoundLSTM: BoundOp {
    let walk: Recurrence
    let cell: LSTMCell
    /// Packed recurrent kernel, and its transpose for backward.
    let recurrent: PackedMatrix
    let transposed: PackedMatrix

    init(_ op: LSTM, _ site: Site) {
        walk = Recurrence(
            op.shapes, site, goesBackwards: op.goesBackwards, zeroesMasked: op.zeroesMasked, nanosecondsPerUnit: 4)
        cell = LSTMCell(units: op.units, activation: op.activation, recurrentActivation: op.recurrentActivation)
        recurrent = PackedMatrix(k: op.units, n: 4 * op.units)
        transposed = PackedMatrix(k: 4 * op.units, n: op.units)
    }

    private var units: Int { walk.units }
    private var gates: Int { walk.gates }
    private var steps: Int { walk.steps }

    var cost: Double { walk.cost }
    var retained: Retained { walk.retained }

    var memory: WorkingMemory {
        let sums = walk.aligned(walk.rows * gates)
        return WorkingMemory(
            saved: walk.isTraining ? 4 * (sumsOffset + (cell.gradientReadsSums ? sums : 0)) : 0,
            prepared: walk.preparedBytes(packed: recurrent.count),
            forwardScratch: 4 * ((walk.isPrepared ? 0 : walk.aligned(recurrent.count)) + (walk.isTraining ? 0 : sums)),
            backwardScratch: 4 * (walk.aligned(transposed.count) + sums),
            workerScratch: 4 * (walk.aligned(max(sgemmWorkspace, 4 * walk.sequences.step * units + cell.scratchCount))))
    }

    // MARK: Saved memory: gates, activation(c) after each step, c and h before each step, the gates' sums if wanted. All by
    // sequence and time.

    private var keptOffset: Int { walk.aligned(walk.rows * gates) }
    private var cellOffset: Int { keptOffset + walk.aligned(walk.rows * units) }
    private var hiddenOffset: Int { cellOffset + walk.aligned(walk.rows * units) }
    private var sumsOffset: Int { hiddenOffset + walk.aligned(walk.rows * units) }

    private func gateArray(_ frame: Frame) -> UnsafeMutablePointer<Float> { walk.sums(frame, packed: recurrent.count) }

    /// The gradient of the gates' sums, by sequence and time: behind the packed transpose.
    private func gateGradients(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        walk.scratch(frame, walk.aligned(transposed.count))
    }

    // MARK: Forward

    func prepare(_ frame: Frame) {
        guard walk.isPrepared else { return }
        recurrent.pack(frame.input(2), to: walk.packedRecurrent(frame))
        walk.prepareKernel(frame, packed: recurrent.count)
    }

    var forwardStages: [Int] { [walk.projection.count + (walk.isPrepared ? 0 : 1), walk.sequences.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 1 { return run(frame, walk.sequences.range(tile)) }
        if tile == walk.projection.count { return recurrent.pack(frame.input(2), to: walk.packedRecurrent(frame)) }
        walk.project(frame, tile, packed: recurrent.count, to: gateArray(frame))
    }

    /// Takes some sequences through all steps.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound
        let gateArray = gateArray(frame), packed = walk.packedRecurrent(frame)
        let hidden = frame.output(1), cellState = frame.output(2)
        walk.begin(frame, part)
        for step in 0..<steps {
            let time = walk.time(step)
            if walk.hasState(step) {
                recurrent.product(
                    part.count, hidden + first * units, lda: units, packed: packed,
                    to: gateArray + (first * steps + time) * gates, ldc: steps * gates, accumulate: true)
            }
            for sequence in part {
                let row = sequence * steps + time
                let h = hidden + sequence * units, c = cellState + sequence * units, z = gateArray + row * gates
                if walk.isTraining {
                    (walk.saved(frame, hiddenOffset) + row * units).update(from: h, count: units)
                    (walk.saved(frame, cellOffset) + row * units).update(from: c, count: units)
                    if cell.gradientReadsSums { (walk.saved(frame, sumsOffset) + row * gates).update(from: z, count: gates) }
                }
                let isCounted = walk.counts(frame, sequence, time)
                if isCounted {
                    cell.forward(z, c: c, h: h, kept: walk.isTraining ? walk.saved(frame, keptOffset) + row * units : nil)
                }
                walk.give(frame, sequence, step, isCounted: isCounted)
            }
        }
    }

    // MARK: Backward

    private var recurrentTiles: Int { walk.wants[2] ? walk.recurrentRows.count * walk.gateColumns.count : 0 }
    private var biasTiles: Int { walk.wantsBias ? walk.gateColumns.count : 0 }

    var backwardStages: [Int] {
        guard walk.wants.contains(true) else { return [] }
        return [1, walk.sequences.count, walk.inputTiles + walk.kernelTiles + recurrentTiles + biasTiles]
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        switch stage {
        case 0: transposed.packTransposed(frame.input(2), to: walk.scratch(frame, 0))
        case 1: runBackwards(frame, walk.sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, block = walk.sequences.step * units
        // What arrives at h and c after the step, and at outputs that later steps repeat; then one row's share for its h.
        let dh = walk.worker(frame), dc = dh + block, carried = dc + block, total = carried + block, scratch = total + block
        walk.begin(frame, part, states: dh, dc, carried: carried)
        let gradients = gateGradients(frame), gateArray = walk.saved(frame, 0)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = walk.time(step)
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                walk.arrive(frame, sequence, step, at: carried + local)
                let dz = gradients + row * gates
                guard walk.counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: gates)
                    if walk.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total, count: units)
                cell.backward(
                    gates: gateArray + row * gates,
                    sums: cell.gradientReadsSums ? walk.saved(frame, sumsOffset) + row * gates : nil,
                    kept: walk.saved(frame, keptOffset) + row * units, cellBefore: walk.saved(frame, cellOffset) + row * units,
                    dh: total, dc: dc + local, dz: dz, scratch: scratch)
                (dh + local).update(repeating: 0, count: units)
                (carried + local).update(repeating: 0, count: units)
            }
            if walk.hasState(step) {
                transposed.product(
                    part.count, gradients + (first * steps + time) * gates, lda: steps * gates,
                    packed: walk.scratch(frame, 0), to: dh, ldc: units, accumulate: true)
            }
        }
        walk.finish(frame, part, states: dh, dc)
    }

    /// The gradients of x and the weights.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(gateGradients(frame))
        var tile = tile
        if tile < walk.inputTiles { return walk.inputGradient(frame, tile, gradients) }
        tile -= walk.inputTiles
        if tile < walk.kernelTiles { return walk.kernelGradient(frame, tile, gradients) }
        tile -= walk.kernelTiles
        if tile < recurrentTiles {
            return walk.weightGradient(
                frame, 2, tile, walk.recurrentRows, walk.gateColumns, walk.saved(frame, hiddenOffset), depth: units, gradients,
                stride: gates)
        }
        let columns = walk.gateColumns.range(tile - recurrentTiles)
        walk.biasGradient(
            frame, at: columns.lowerBound, columns: columns.count, gradients + columns.lowerBound, stride: gates)
    }
}
