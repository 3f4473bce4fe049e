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

    private var shapes: RecurrentShapes {
        let columns = units.multipliedReportingOverflow(by: 3).partialValue
        return RecurrentShapes(
            name: name, units: units, gates: 3, bias: !hasBias ? nil : resetsAfter ? [2, columns] : [columns],
            hasMask: hasMask, stateCount: 1, hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    var biasInput: Int { shapes.biasInput }
    var maskInput: Int { shapes.maskInput }
    var stateInput: Int { shapes.stateInput }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundGRU(self, site) }
}

/// Extents, memory and tiles of a GRU; its two halves are in extensions.
private struct BoundGRU: BoundOp {
    let op: GRU
    let cell: GRUCell
    let isTraining: Bool
    let wants: [Bool]
    let (batch, steps, features): (Int, Int, Int)
    /// Packed recurrent kernels: of z and r (of all three with `resetsAfter`), and of g alone without it; then the transposes
    /// for backward.
    let recurrent: PackedMatrix
    let candidate: PackedMatrix
    let gatesTransposed: PackedMatrix
    let candidateTransposed: PackedMatrix
    /// Whether the recurrent kernel is packed once for each version of the weights.
    let isPrepared: Bool
    /// Rows of x, of all sequences together, that are multiplied by the kernel at once.
    let projection: TileCut
    /// Sequences that go through time together.
    let sequences: TileCut
    /// Of the kernels' gradients: rows and columns of one tile, and rows of the input's gradient.
    let kernelRows: TileCut
    let recurrentRows: TileCut
    let gateColumns: TileCut
    let firstColumns: TileCut
    let lastColumns: TileCut
    let inputRows: TileCut

    init(_ op: GRU, _ site: Site) {
        self.op = op
        cell = GRUCell(units: op.units, activation: op.activation, recurrentActivation: op.recurrentActivation)
        isTraining = site.phase == .training
        wants = site.wantsGradient
        let x = site.inputs[0].shape
        (batch, steps, features) = (x[0], x[1], x[2])
        let units = op.units, gates = 3 * op.units
        recurrent = PackedMatrix(k: units, n: op.resetsAfter ? gates : 2 * units)
        candidate = PackedMatrix(k: units, n: op.resetsAfter ? 0 : units)
        gatesTransposed = PackedMatrix(k: 2 * units, n: units)
        candidateTransposed = PackedMatrix(k: units, n: units)
        isPrepared = !isTraining && site.constantInputs[2]
        // A product takes about 0.02 ns for each multiplication and addition.
        let perRow = 0.04 * Double(features + 1) * Double(gates)
        projection = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: 32)
        inputRows = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: 32)
        // Eight parts at most, and rows in eights, as the product takes them: each part reads the recurrent kernel anew.
        let perSequence = Double(steps) * (0.04 * Double(units * gates) + 4 * Double(units))
        let isSmall = perSequence * Double(batch) < TileCut.nanoseconds
        sequences = TileCut(batch, step: isSmall ? batch : max((batch + 7) / 8 + 7, 8) / 8 * 8)
        kernelRows = TileCut(features, step: 64)
        recurrentRows = TileCut(units, step: 64)
        gateColumns = TileCut(gates, step: 128)
        firstColumns = TileCut(2 * units, step: 128)
        lastColumns = TileCut(units, step: 128)
    }

    var units: Int { op.units }
    var gates: Int { 3 * op.units }
    /// Steps of all sequences.
    var rows: Int { batch * steps }

    var cost: Double { 2 * Double(rows) * Double(gates) * Double(features + units) }

    /// Elements up to the next multiple of 64 bytes.
    private func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    private var packedCount: Int { aligned(recurrent.count) + aligned(candidate.count) }

    var memory: WorkingMemory {
        let packed = isPrepared ? 0 : packedCount
        // Forward: h·R of a part, or r·h. Backward: what arrives at h and at repeated outputs, one sum, d(r·h), and two rows.
        let forward = sequences.step * (op.resetsAfter ? gates : units)
        let backward = (3 + (op.resetsAfter ? 0 : 1)) * sequences.step * units + 2 * units
        return WorkingMemory(
            saved: isTraining ? 4 * (sumsOffset + (cell.gradientReadsSums ? aligned(rows * gates) : 0)) : 0,
            prepared: isPrepared ? packedCount * 4 : 0,
            forwardScratch: 4 * (packed + (isTraining ? 0 : aligned(rows * gates))),
            backwardScratch: 4 * (sharesOffset + aligned(rows * units)),
            workerScratch: 4 * aligned(max(sgemmWorkspace, max(forward, backward))))
    }

    var retained: Retained {
        var inputs: [Int] = [2]
        if wants[1] { inputs.append(0) }
        if wants[0] { inputs.append(1) }
        if op.hasMask { inputs.append(op.maskInput) }
        return Retained(inputs: inputs.sorted())
    }

    // MARK: Saved memory: gates and candidate, h before each step, h·R_g + c_g (with `resetsAfter`), the sums if wanted. All by
    // sequence and time.

    var hiddenOffset: Int { aligned(rows * gates) }
    var innerOffset: Int { hiddenOffset + aligned(rows * units) }
    var sumsOffset: Int { innerOffset + (op.resetsAfter ? aligned(rows * units) : 0) }

    func saved(_ frame: Frame, _ offset: Int) -> UnsafeMutablePointer<Float> {
        frame.saved.assumingMemoryBound(to: Float.self) + offset
    }

    /// Where the sums are made: kept for backward in training.
    func gateArray(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        if isTraining { return saved(frame, 0) }
        return frame.scratch.assumingMemoryBound(to: Float.self) + (isPrepared ? 0 : packedCount)
    }

    func packedRecurrent(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        (isPrepared ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
    }

    func packedCandidate(_ frame: Frame) -> UnsafeMutablePointer<Float> { packedRecurrent(frame) + aligned(recurrent.count) }

    // MARK: Backward scratch: the packed transposes, the gradients of the sums, and by sequence and time what meets R_g: with
    // `resetsAfter` the gradient of h·R_g + c_g, else r·h.

    var candidateTransposedOffset: Int { aligned(gatesTransposed.count) }
    var gradientsOffset: Int { candidateTransposedOffset + aligned(candidateTransposed.count) }
    var sharesOffset: Int { gradientsOffset + aligned(rows * gates) }

    func scratch(_ frame: Frame, _ offset: Int) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self) + offset
    }

    func worker(_ frame: Frame) -> UnsafeMutablePointer<Float> { frame.workerScratch.assumingMemoryBound(to: Float.self) }

    /// The time that a step reads.
    func time(_ step: Int) -> Int { op.goesBackwards ? steps - 1 - step : step }

    /// Whether a step of a sequence counts.
    func counts(_ frame: Frame, _ sequence: Int, _ time: Int) -> Bool {
        !op.hasMask || frame.mask(op.maskInput)[sequence * steps + time] != 0
    }

    // MARK: Forward

    private func pack(_ frame: Frame) {
        recurrent.pack(frame.input(2), stride: gates, to: packedRecurrent(frame))
        if !op.resetsAfter { candidate.pack(frame.input(2) + 2 * units, stride: gates, to: packedCandidate(frame)) }
    }

    func prepare(_ frame: Frame) {
        if isPrepared { pack(frame) }
    }

    var forwardStages: [Int] { [projection.count + (isPrepared ? 0 : 1), sequences.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 1 { return run(frame, sequences.range(tile)) }
        if tile == projection.count { return pack(frame) }
        let part = projection.range(tile)
        sgemm(
            part.count, gates, features, frame.input(0) + part.lowerBound * features, lda: features, frame.input(1),
            ldb: gates, gateArray(frame) + part.lowerBound * gates, ldc: gates,
            bias: op.hasBias ? frame.input(op.biasInput) : nil, workspace: worker(frame))
    }

    /// Takes some sequences through all steps. Output 1 holds h on the way.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, elements = part.count * units
        let hidden = frame.output(1)
        if op.hasInitialState {
            (hidden + first * units).update(from: frame.input(op.stateInput) + first * units, count: elements)
        } else {
            (hidden + first * units).update(repeating: 0, count: elements)
        }
        if !op.returnsSequences { (frame.output() + first * units).update(repeating: 0, count: elements) }
        for step in 0..<steps {
            let time = time(step)
            if isTraining {
                for sequence in part {
                    (saved(frame, hiddenOffset) + (sequence * steps + time) * units)
                        .update(from: hidden + sequence * units, count: units)
                }
            }
            if op.resetsAfter {
                stepAfter(frame, part, time, hasState: step > 0 || op.hasInitialState)
            } else {
                stepBefore(frame, part, time, hasState: step > 0 || op.hasInitialState)
            }
            for sequence in part {
                let isCounted = counts(frame, sequence, time), h = hidden + sequence * units
                if op.returnsSequences {
                    let output = frame.output() + (sequence * steps + step) * units
                    if isCounted {
                        output.update(from: h, count: units)
                    } else if step > 0, !op.zeroesMasked {
                        output.update(from: output - units, count: units)
                    } else {
                        output.update(repeating: 0, count: units)
                    }
                } else if isCounted && (step == steps - 1 || op.hasMask && !op.zeroesMasked) {
                    (frame.output() + sequence * units).update(from: h, count: units)
                }
            }
        }
    }

    /// h·R + c of the whole part is made first, then the step of each sequence.
    private func stepAfter(_ frame: Frame, _ part: Range<Int>, _ time: Int, hasState: Bool) {
        let hidden = frame.output(1), inner = worker(frame), first = part.lowerBound
        for sequence in part {
            let row = inner + (sequence - first) * gates
            if op.hasBias {
                row.update(from: frame.input(op.biasInput) + gates, count: gates)
            } else {
                row.update(repeating: 0, count: gates)
            }
        }
        if hasState {
            recurrent.product(
                part.count, hidden + first * units, lda: units, packed: packedRecurrent(frame), to: inner, ldc: gates,
                accumulate: true)
        }
        for sequence in part where counts(frame, sequence, time) {
            let row = sequence * steps + time, z = gateArray(frame) + row * gates
            let own = inner + (sequence - first) * gates, ownCandidate = own + 2 * units
            add(z, own, z, count: 2 * units)
            saveSums(frame, row, z, gatesOnly: true)
            cell.activateGates(z)
            cell.addProduct(z + units, ownCandidate, to: z + 2 * units)
            saveSums(frame, row, z, gatesOnly: false)
            if isTraining { (saved(frame, innerOffset) + row * units).update(from: ownCandidate, count: units) }
            cell.finish(z, h: hidden + sequence * units)
        }
    }

    /// The gates of the whole part are made first, then r·h, then the candidates.
    private func stepBefore(_ frame: Frame, _ part: Range<Int>, _ time: Int, hasState: Bool) {
        let hidden = frame.output(1), reset = worker(frame), first = part.lowerBound
        let firstRow = gateArray(frame) + (first * steps + time) * gates
        if hasState {
            recurrent.product(
                part.count, hidden + first * units, lda: units, packed: packedRecurrent(frame), to: firstRow,
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
        for sequence in part where counts(frame, sequence, time) {
            let row = sequence * steps + time, z = gateArray(frame) + row * gates
            saveSums(frame, row, z, gatesOnly: false)
            cell.finish(z, h: hidden + sequence * units)
        }
    }

    private func saveSums(_ frame: Frame, _ row: Int, _ z: UnsafePointer<Float>, gatesOnly: Bool) {
        guard isTraining, cell.gradientReadsSums else { return }
        let target = saved(frame, sumsOffset) + row * gates
        if gatesOnly {
            target.update(from: z, count: 2 * units)
        } else {
            (target + 2 * units).update(from: z + 2 * units, count: units)
        }
    }

    // MARK: Backward

    private var inputTiles: Int { wants[0] ? inputRows.count : 0 }
    private var kernelTiles: Int { wants[1] ? kernelRows.count * gateColumns.count : 0 }
    private var recurrentTiles: Int { wants[2] ? recurrentRows.count * (firstColumns.count + lastColumns.count) : 0 }
    /// One for the input's bias, one for the recurrent kernel's.
    private var biasTiles: Int { op.hasBias && wants[op.biasInput] ? (op.resetsAfter ? 2 : 1) : 0 }

    var backwardStages: [Int] {
        guard wants.contains(true) else { return [] }
        return [1, sequences.count, inputTiles + kernelTiles + recurrentTiles + biasTiles]
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        switch stage {
        case 0:
            gatesTransposed.packTransposed(frame.input(2), stride: gates, to: scratch(frame, 0))
            candidateTransposed.packTransposed(
                frame.input(2) + 2 * units, stride: gates, to: scratch(frame, candidateTransposedOffset))
        case 1: runBackwards(frame, sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, elements = part.count * units, block = sequences.step * units
        // What arrives at h after the step, and at outputs that later steps repeat; their sum; then d(r·h); then two rows.
        let dh = worker(frame), carried = dh + block, total = carried + block
        let resetGradients = total + block
        let row2 = op.resetsAfter ? resetGradients : resetGradients + block
        func start(_ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>?) {
            if let source {
                target.update(from: source + first * units, count: elements)
            } else {
                target.update(repeating: 0, count: elements)
            }
        }
        start(dh, frame.outputGradient(1))
        start(carried, op.returnsSequences ? nil : frame.outputGradient(0))
        let sequenceGradient = op.returnsSequences ? frame.outputGradient(0) : nil
        let gradients = scratch(frame, gradientsOffset), shares = scratch(frame, sharesOffset)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = time(step), hasState = step > 0 || op.hasInitialState
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                if let sequenceGradient {
                    add(carried + local, sequenceGradient + (sequence * steps + step) * units, carried + local, count: units)
                }
                let dz = gradients + row * gates
                guard counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: gates)
                    (shares + row * units).update(repeating: 0, count: units)
                    if op.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total + local, count: units)
                let z = saved(frame, 0) + row * gates, before = saved(frame, hiddenOffset) + row * units
                let sums = cell.gradientReadsSums ? UnsafePointer(saved(frame, sumsOffset) + row * gates) : nil
                cell.finishGradient(
                    gates: z, sums: sums, before: before, dh: total + local, sumGradients: dz, dhBefore: dh + local, scratch: row2)
                (carried + local).update(repeating: 0, count: units)
                if op.resetsAfter {
                    cell.resetGradient(
                        gates: z, sums: sums, dz + 2 * units, saved(frame, innerOffset) + row * units, sumGradients: dz,
                        scratch: row2)
                    cell.multiply(dz + 2 * units, z + units, to: shares + row * units)
                } else {
                    cell.multiply(z + units, before, to: shares + row * units)
                }
            }
            let firstRow = gradients + (first * steps + time) * gates
            if !op.resetsAfter {
                if hasState {
                    candidateTransposed.product(
                        part.count, firstRow + 2 * units, lda: steps * gates,
                        packed: scratch(frame, candidateTransposedOffset), to: resetGradients, ldc: units, accumulate: false)
                } else {
                    resetGradients.update(repeating: 0, count: elements)
                }
                for sequence in part where counts(frame, sequence, time) {
                    let row = sequence * steps + time, local = (sequence - first) * units
                    let z = saved(frame, 0) + row * gates
                    let sums = cell.gradientReadsSums ? UnsafePointer(saved(frame, sumsOffset) + row * gates) : nil
                    cell.resetGradient(
                        gates: z, sums: sums, resetGradients + local, saved(frame, hiddenOffset) + row * units,
                        sumGradients: gradients + row * gates, scratch: row2)
                    cell.addProduct(resetGradients + local, z + units, to: dh + local)
                }
            }
            guard hasState else { continue }
            gatesTransposed.product(
                part.count, firstRow, lda: steps * gates, packed: scratch(frame, 0), to: dh, ldc: units, accumulate: true)
            if op.resetsAfter {
                candidateTransposed.product(
                    part.count, shares + (first * steps + time) * units, lda: steps * units,
                    packed: scratch(frame, candidateTransposedOffset), to: dh, ldc: units, accumulate: true)
            }
        }
        guard op.hasInitialState, let target = frame.inputGradient(op.stateInput) else { return }
        transfer(dh, to: target + first * units, count: elements, accumulate: frame.accumulates[op.stateInput])
    }

    /// The gradients of x and the weights: products of what all steps left.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(scratch(frame, gradientsOffset)), shares = UnsafePointer(scratch(frame, sharesOffset))
        let before = UnsafePointer(saved(frame, hiddenOffset))
        var tile = tile
        if tile < inputTiles {
            guard let target = frame.inputGradient(0) else { return }
            let part = inputRows.range(tile)
            return sgemm(
                transposeB: true, part.count, features, gates, gradients + part.lowerBound * gates, lda: gates,
                frame.input(1), ldb: gates, target + part.lowerBound * features, ldc: features,
                accumulate: frame.accumulates[0], workspace: worker(frame))
        }
        tile -= inputTiles
        if tile < kernelTiles {
            return weightGradient(
                frame, 1, frame.input(0), depth: features, gradients, stride: gates, column: 0, kernelRows, gateColumns, tile)
        }
        tile -= kernelTiles
        if tile < recurrentTiles {
            let inGates = recurrentRows.count * firstColumns.count
            if tile < inGates {
                return weightGradient(
                    frame, 2, before, depth: units, gradients, stride: gates, column: 0, recurrentRows, firstColumns, tile)
            }
            return op.resetsAfter
                ? weightGradient(
                    frame, 2, before, depth: units, shares, stride: units, column: 2 * units, recurrentRows, lastColumns,
                    tile - inGates)
                : weightGradient(
                    frame, 2, shares, depth: units, gradients + 2 * units, stride: gates, column: 2 * units, recurrentRows,
                    lastColumns, tile - inGates)
        }
        tile -= recurrentTiles
        guard let target = frame.inputGradient(op.biasInput) else { return }
        if !frame.accumulates[op.biasInput] { (target + tile * gates).update(repeating: 0, count: gates) }
        // In blocks, so that rounding errors stay small.
        for start in stride(from: 0, to: rows, by: 512) {
            let count = min(512, rows - start)
            sumColumns(
                gradients + start * gates, stride: gates, rows: count, columns: tile == 0 ? gates : 2 * units, alpha: 1,
                to: target + tile * gates, accumulate: true)
            guard tile == 1 else { continue }
            sumColumns(
                shares + start * units, stride: units, rows: count, columns: units, alpha: 1,
                to: target + gates + 2 * units, accumulate: true)
        }
    }

    /// A tile of what `left` (all steps × depth), transposed, gives with `right` (all steps × its columns), from column `column`
    /// of the gradient on.
    private func weightGradient(
        _ frame: Frame, _ input: Int, _ left: UnsafePointer<Float>, depth: Int, _ right: UnsafePointer<Float>, stride: Int,
        column: Int, _ rowCut: TileCut, _ columnCut: TileCut, _ tile: Int
    ) {
        guard let target = frame.inputGradient(input) else { return }
        let part = rowCut.range(tile / columnCut.count), columns = columnCut.range(tile % columnCut.count)
        sgemm(
            transposeA: true, part.count, columns.count, rows, left + part.lowerBound, lda: depth,
            right + columns.lowerBound, ldb: stride, target + part.lowerBound * gates + column + columns.lowerBound, ldc: gates,
            accumulate: frame.accumulates[input], workspace: worker(frame))
    }
}
