package import Graphs
package import Kernels
package import Tensors

/// Gated recurrent units over sequences: for each step, with h from the step before and σ the `recurrentActivation`,
/// z = σ(x·K_z + h·R_z + b_z), r = σ(x·K_r + h·R_r + b_r), h = z·h + (1 − z)·g, where the candidate g is
/// activation(x·K_g + b_g + r·(h·R_g + c_g)) with `resetsAfter`, else activation(x·K_g + b_g + (r·h)·R_g).
///
/// Inputs: x (B, T, D), kernel (D, 3U), recurrent (U, 3U), then bias ((3U), with `resetsAfter` (2, 3U): the input's, then the
/// recurrent kernel's, which is added to h·R), mask (B, T) of bool, h before the first step (B, U), as far as there are any.
/// The columns are in the order z, r, g.
/// Outputs: the sequence of outputs (B, T, U), or the last output (B, U) without `returnsSequences`; h (B, U).
///
/// Masks and directions are those of `LSTM`.
package struct GRU: Op {
    package var units: Int
    package var activation: Activation
    package var recurrentActivation: Activation
    package var resetsAfter: Bool
    package var hasBias: Bool
    package var hasMask: Bool
    package var hasInitialState: Bool
    package var returnsSequences: Bool
    package var goesBackwards: Bool
    /// Whether a step that the mask leaves out gives zeros.
    package var zeroesMasked: Bool

    package init(
        units: Int, activation: Activation = .tanh, recurrentActivation: Activation = .sigmoid, resetsAfter: Bool = true,
        hasBias: Bool = true, hasMask: Bool = false, hasInitialState: Bool = false, returnsSequences: Bool = true,
        goesBackwards: Bool = false, zeroesMasked: Bool = false
    ) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        self.resetsAfter = resetsAfter
        self.hasBias = hasBias
        self.hasMask = hasMask
        self.hasInitialState = hasInitialState
        self.returnsSequences = returnsSequences
        self.goesBackwards = goesBackwards
        self.zeroesMasked = zeroesMasked
    }

    package var name: String { "gru" }

    var shapes: RecurrentShapes {
        let columns = units.multipliedReportingOverflow(by: 3).partialValue
        return RecurrentShapes(
            name: name, units: units, gates: 3, bias: !hasBias ? nil : resetsAfter ? [2, columns] : [columns],
            hasMask: hasMask, stateCount: 1, hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundGRU(self, site) }
}

/// Memory and steps of a GRU.
private struct BoundGRU: BoundOp {
    let walk: Recurrence
    let resetsAfter: Bool
    let cell: GRUCell
    /// Packed recurrent kernels: of z and r (of all three with `resetsAfter`), and of g alone without it; then the transposes
    /// for backward.
    let recurrent: PackedMatrix
    let candidate: PackedMatrix
    let gatesTransposed: PackedMatrix
    let candidateTransposed: PackedMatrix
    /// Columns of one tile of the recurrent kernel's gradient: of z and r, and of g.
    let firstColumns: TileCut
    let lastColumns: TileCut

    init(_ op: GRU, _ site: Site) {
        walk = Recurrence(
            op.shapes, site, goesBackwards: op.goesBackwards, zeroesMasked: op.zeroesMasked, nanosecondsPerUnit: 4)
        resetsAfter = op.resetsAfter
        cell = GRUCell(units: op.units, activation: op.activation, recurrentActivation: op.recurrentActivation)
        let units = op.units
        recurrent = PackedMatrix(k: units, n: op.resetsAfter ? 3 * units : 2 * units)
        candidate = PackedMatrix(k: units, n: op.resetsAfter ? 0 : units)
        gatesTransposed = PackedMatrix(k: 2 * units, n: units)
        candidateTransposed = PackedMatrix(k: units, n: units)
        firstColumns = TileCut(2 * units, step: 128)
        lastColumns = TileCut(units, step: 128)
    }

    private var units: Int { walk.units }
    private var gates: Int { walk.gates }
    private var steps: Int { walk.steps }

    var cost: Double { walk.cost }
    var retained: Retained { walk.retained }

    private var packedCount: Int { walk.aligned(recurrent.count) + walk.aligned(candidate.count) }

    var memory: WorkingMemory {
        let sums = walk.aligned(walk.rows * gates), block = walk.sequences.step * units
        // Forward: h·R of a part, or r·h. Backward: what arrives at h and at repeated outputs, one sum, d(r·h), and two rows.
        let forward = walk.sequences.step * (resetsAfter ? gates : units)
        let backward = (3 + (resetsAfter ? 0 : 1)) * block + 2 * units
        return WorkingMemory(
            saved: walk.isTraining ? 4 * (sumsOffset + (cell.gradientReadsSums ? sums : 0)) : 0,
            prepared: walk.preparedBytes(packed: packedCount),
            forwardScratch: 4 * ((walk.isPrepared ? 0 : packedCount) + (walk.isTraining ? 0 : sums)),
            backwardScratch: 4 * (sharesOffset + walk.aligned(walk.rows * units)),
            workerScratch: 4 * walk.aligned(max(sgemmWorkspace, max(forward, backward))))
    }

    // MARK: Saved memory: gates and candidate, h before each step, h·R_g + c_g (with `resetsAfter`), the sums if wanted. All by
    // sequence and time.

    private var hiddenOffset: Int { walk.aligned(walk.rows * gates) }
    private var innerOffset: Int { hiddenOffset + walk.aligned(walk.rows * units) }
    private var sumsOffset: Int { innerOffset + (resetsAfter ? walk.aligned(walk.rows * units) : 0) }

    private func gateArray(_ frame: Frame) -> UnsafeMutablePointer<Float> { walk.sums(frame, packed: packedCount) }

    private func packedCandidate(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        walk.packedRecurrent(frame) + walk.aligned(recurrent.count)
    }

    // MARK: Backward scratch: the packed transposes, the gradients of the sums, and by sequence and time what meets R_g: with
    // `resetsAfter` the gradient of h·R_g + c_g, else r·h.

    private var candidateTransposedOffset: Int { walk.aligned(gatesTransposed.count) }
    private var gradientsOffset: Int { candidateTransposedOffset + walk.aligned(candidateTransposed.count) }
    private var sharesOffset: Int { gradientsOffset + walk.aligned(walk.rows * gates) }

    // MARK: Forward

    private func pack(_ frame: Frame) {
        recurrent.pack(frame.input(2), stride: gates, to: walk.packedRecurrent(frame))
        if !resetsAfter { candidate.pack(frame.input(2) + 2 * units, stride: gates, to: packedCandidate(frame)) }
    }

    func prepare(_ frame: Frame) {
        guard walk.isPrepared else { return }
        pack(frame)
        walk.prepareKernel(frame, packed: packedCount)
    }

    var forwardStages: [Int] { [walk.projection.count + (walk.isPrepared ? 0 : 1), walk.sequences.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 1 { return run(frame, walk.sequences.range(tile)) }
        if tile == walk.projection.count { return pack(frame) }
        walk.project(frame, tile, packed: packedCount, to: gateArray(frame))
    }

    /// Takes some sequences through all steps.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let hidden = frame.output(1)
        walk.begin(frame, part)
        for step in 0..<steps {
            let time = walk.time(step)
            if walk.isTraining {
                for sequence in part {
                    (walk.saved(frame, hiddenOffset) + (sequence * steps + time) * units)
                        .update(from: hidden + sequence * units, count: units)
                }
            }
            if resetsAfter {
                stepAfter(frame, part, time, hasState: walk.hasState(step))
            } else {
                stepBefore(frame, part, time, hasState: walk.hasState(step))
            }
            for sequence in part {
                walk.give(frame, sequence, step, isCounted: walk.counts(frame, sequence, time))
            }
        }
    }

    /// h·R + c of the whole part is made first, then the step of each sequence.
    private func stepAfter(_ frame: Frame, _ part: Range<Int>, _ time: Int, hasState: Bool) {
        let hidden = frame.output(1), inner = walk.worker(frame), first = part.lowerBound
        let bias = walk.shapes.bias == nil ? nil : frame.input(walk.shapes.biasInput) + gates
        if hasState {
            recurrent.product(
                part.count, hidden + first * units, lda: units, packed: walk.packedRecurrent(frame), to: inner, ldc: gates,
                bias: bias, accumulate: false)
        } else {
            for row in 0..<part.count {
                if let bias {
                    (inner + row * gates).update(from: bias, count: gates)
                } else {
                    (inner + row * gates).update(repeating: 0, count: gates)
                }
            }
        }
        if cell.isUsual && !walk.isTraining {
            for sequence in part where walk.counts(frame, sequence, time) {
                cell.step(
                    gateArray(frame) + (sequence * steps + time) * gates, inner + (sequence - first) * gates,
                    h: hidden + sequence * units)
            }
            return
        }
        for sequence in part where walk.counts(frame, sequence, time) {
            let row = sequence * steps + time, z = gateArray(frame) + row * gates
            let own = inner + (sequence - first) * gates, ownCandidate = own + 2 * units
            add(z, own, z, count: 2 * units)
            saveSums(frame, row, z, gatesOnly: true)
            cell.activateGates(z)
            cell.addProduct(z + units, ownCandidate, to: z + 2 * units)
            saveSums(frame, row, z, gatesOnly: false)
            if walk.isTraining { (walk.saved(frame, innerOffset) + row * units).update(from: ownCandidate, count: units) }
            cell.finish(z, h: hidden + sequence * units)
        }
    }

    /// The gates of the whole part are made first, then r·h, then the candidates.
    private func stepBefore(_ frame: Frame, _ part: Range<Int>, _ time: Int, hasState: Bool) {
        let hidden = frame.output(1), reset = walk.worker(frame), first = part.lowerBound
        let firstRow = gateArray(frame) + (first * steps + time) * gates
        if hasState {
            recurrent.product(
                part.count, hidden + first * units, lda: units, packed: walk.packedRecurrent(frame), to: firstRow,
                ldc: steps * gates, accumulate: true)
        }
        for sequence in part {
            let row = sequence * steps + time, z = gateArray(frame) + row * gates
            saveSums(frame, row, z, gatesOnly: true)
            cell.activateGates(z)
            cell.multiply(z + units, hidden + sequence * units, to: reset + (sequence - first) * units)
        }
        if hasState {
            candidate.product(
                part.count, reset, lda: units, packed: packedCandidate(frame), to: firstRow + 2 * units, ldc: steps * gates,
                accumulate: true)
        }
        for sequence in part where walk.counts(frame, sequence, time) {
            let row = sequence * steps + time, z = gateArray(frame) + row * gates
            saveSums(frame, row, z, gatesOnly: false)
            cell.finish(z, h: hidden + sequence * units)
        }
    }

    private func saveSums(_ frame: Frame, _ row: Int, _ z: UnsafePointer<Float>, gatesOnly: Bool) {
        guard walk.isTraining, cell.gradientReadsSums else { return }
        let target = walk.saved(frame, sumsOffset) + row * gates
        if gatesOnly {
            target.update(from: z, count: 2 * units)
        } else {
            (target + 2 * units).update(from: z + 2 * units, count: units)
        }
    }

    // MARK: Backward

    private var recurrentTiles: Int {
        walk.wants[2] ? walk.recurrentRows.count * (firstColumns.count + lastColumns.count) : 0
    }
    /// One for the input's bias, one for the recurrent kernel's.
    private var biasTiles: Int { walk.wantsBias ? (resetsAfter ? 2 : 1) : 0 }

    var backwardStages: [Int] {
        guard walk.wants.contains(true) else { return [] }
        return [1, walk.sequences.count, walk.inputTiles + walk.kernelTiles + recurrentTiles + biasTiles]
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        switch stage {
        case 0:
            gatesTransposed.packTransposed(frame.input(2), stride: gates, to: walk.scratch(frame, 0))
            candidateTransposed.packTransposed(
                frame.input(2) + 2 * units, stride: gates, to: walk.scratch(frame, candidateTransposedOffset))
        case 1: runBackwards(frame, walk.sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, block = walk.sequences.step * units
        // What arrives at h after the step, and at outputs that later steps repeat; their sum; then d(r·h); then two rows.
        let dh = walk.worker(frame), carried = dh + block, total = carried + block
        let resetGradients = total + block
        let row2 = resetsAfter ? resetGradients : resetGradients + block
        walk.begin(frame, part, states: dh, carried: carried)
        let gradients = walk.scratch(frame, gradientsOffset), shares = walk.scratch(frame, sharesOffset)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = walk.time(step), hasState = walk.hasState(step)
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                walk.arrive(frame, sequence, step, at: carried + local)
                let dz = gradients + row * gates
                guard walk.counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: gates)
                    (shares + row * units).update(repeating: 0, count: units)
                    if walk.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total + local, count: units)
                let z = walk.saved(frame, 0) + row * gates, before = walk.saved(frame, hiddenOffset) + row * units
                let sums = keptSums(frame, row)
                cell.finishGradient(
                    gates: z, sums: sums, before: before, dh: total + local, sumGradients: dz, dhBefore: dh + local, scratch: row2)
                (carried + local).update(repeating: 0, count: units)
                if resetsAfter {
                    cell.resetGradient(
                        gates: z, sums: sums, dz + 2 * units, walk.saved(frame, innerOffset) + row * units, sumGradients: dz,
                        scratch: row2)
                    cell.multiply(dz + 2 * units, z + units, to: shares + row * units)
                } else {
                    cell.multiply(z + units, before, to: shares + row * units)
                }
            }
            let firstRow = gradients + (first * steps + time) * gates
            if !resetsAfter {
                if hasState {
                    candidateTransposed.product(
                        part.count, firstRow + 2 * units, lda: steps * gates,
                        packed: walk.scratch(frame, candidateTransposedOffset), to: resetGradients, ldc: units,
                        accumulate: false)
                } else {
                    resetGradients.update(repeating: 0, count: part.count * units)
                }
                for sequence in part where walk.counts(frame, sequence, time) {
                    let row = sequence * steps + time, local = (sequence - first) * units
                    let z = walk.saved(frame, 0) + row * gates
                    cell.resetGradient(
                        gates: z, sums: keptSums(frame, row), resetGradients + local,
                        walk.saved(frame, hiddenOffset) + row * units, sumGradients: gradients + row * gates, scratch: row2)
                    cell.addProduct(resetGradients + local, z + units, to: dh + local)
                }
            }
            guard hasState else { continue }
            gatesTransposed.product(
                part.count, firstRow, lda: steps * gates, packed: walk.scratch(frame, 0), to: dh, ldc: units, accumulate: true)
            if resetsAfter {
                candidateTransposed.product(
                    part.count, shares + (first * steps + time) * units, lda: steps * units,
                    packed: walk.scratch(frame, candidateTransposedOffset), to: dh, ldc: units, accumulate: true)
            }
        }
        walk.finish(frame, part, states: dh)
    }

    private func keptSums(_ frame: Frame, _ row: Int) -> UnsafePointer<Float>? {
        cell.gradientReadsSums ? UnsafePointer(walk.saved(frame, sumsOffset) + row * gates) : nil
    }

    /// The gradients of x and the weights.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(walk.scratch(frame, gradientsOffset))
        let shares = UnsafePointer(walk.scratch(frame, sharesOffset))
        var tile = tile
        if tile < walk.inputTiles { return walk.inputGradient(frame, tile, gradients) }
        tile -= walk.inputTiles
        if tile < walk.kernelTiles { return walk.kernelGradient(frame, tile, gradients) }
        tile -= walk.kernelTiles
        if tile < recurrentTiles { return recurrentGradient(frame, tile, gradients, shares) }
        tile -= recurrentTiles
        guard tile == 1 else {
            return walk.biasGradient(frame, at: 0, columns: gates, gradients, stride: gates)
        }
        walk.biasGradient(frame, at: gates, columns: 2 * units, gradients, stride: gates)
        walk.biasGradient(frame, at: gates + 2 * units, columns: units, shares, stride: units)
    }

    private func recurrentGradient(
        _ frame: Frame, _ tile: Int, _ gradients: UnsafePointer<Float>, _ shares: UnsafePointer<Float>
    ) {
        let before = UnsafePointer(walk.saved(frame, hiddenOffset)), rows = walk.recurrentRows
        let inGates = rows.count * firstColumns.count
        if tile < inGates {
            return walk.weightGradient(frame, 2, tile, rows, firstColumns, before, depth: units, gradients, stride: gates)
        }
        let (left, right, stride) = resetsAfter ? (before, shares, units) : (shares, gradients + 2 * units, gates)
        walk.weightGradient(
            frame, 2, tile - inGates, rows, lastColumns, left, depth: units, right, stride: stride, column: 2 * units)
    }
}
