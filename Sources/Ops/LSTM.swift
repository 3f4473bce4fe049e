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

    private var shapes: RecurrentShapes {
        RecurrentShapes(
            name: name, units: units, gates: 4, bias: hasBias ? [.some(units.multipliedReportingOverflow(by: 4).partialValue)] : nil,
            hasMask: hasMask, stateCount: 2, hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    /// Places of the optional inputs.
    var biasInput: Int { shapes.biasInput }
    var maskInput: Int { shapes.maskInput }
    var stateInput: Int { shapes.stateInput }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundLSTM(self, site) }
}

/// Extents, memory and tiles of an LSTM; its two halves are in extensions.
struct BoundLSTM: BoundOp {
    let op: LSTM
    let cell: LSTMCell
    let isTraining: Bool
    let wants: [Bool]
    let (batch, steps, features): (Int, Int, Int)
    /// Packed recurrent kernel, and its transpose for backward.
    let recurrent: PackedMatrix
    let transposed: PackedMatrix
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
    let inputRows: TileCut

    init(_ op: LSTM, _ site: Site) {
        self.op = op
        cell = LSTMCell(units: op.units, activation: op.activation, recurrentActivation: op.recurrentActivation)
        isTraining = site.phase == .training
        wants = site.wantsGradient
        let x = site.inputs[0].shape
        (batch, steps, features) = (x[0], x[1], x[2])
        let units = op.units, gates = 4 * op.units
        recurrent = PackedMatrix(k: units, n: gates)
        transposed = PackedMatrix(k: gates, n: units)
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
    }

    var units: Int { op.units }
    var gates: Int { 4 * op.units }
    /// Steps of all sequences.
    var rows: Int { batch * steps }

    var cost: Double { 2 * Double(rows) * Double(gates) * Double(features + units) }

    /// Elements up to the next multiple of 64 bytes.
    private func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    var memory: WorkingMemory {
        let packed = isPrepared ? 0 : aligned(recurrent.count)
        return WorkingMemory(
            saved: isTraining ? 4 * (sumsOffset + (cell.gradientReadsSums ? aligned(rows * gates) : 0)) : 0,
            prepared: isPrepared ? recurrent.count * 4 : 0,
            forwardScratch: 4 * (packed + (isTraining ? 0 : aligned(rows * gates))),
            backwardScratch: 4 * (aligned(transposed.count) + aligned(rows * gates)),
            workerScratch: 4 * (aligned(max(sgemmWorkspace, 4 * sequences.step * units + cell.scratchCount))))
    }

    var retained: Retained {
        var inputs: [Int] = [2]
        if wants[1] { inputs.append(0) }
        if wants[0] { inputs.append(1) }
        if op.hasMask { inputs.append(op.maskInput) }
        return Retained(inputs: inputs.sorted())
    }

    // MARK: Saved memory: gates, activation(c) after each step, c and h before each step, the gates' sums if wanted. All by
    // sequence and time.

    var keptOffset: Int { aligned(rows * gates) }
    var cellOffset: Int { keptOffset + aligned(rows * units) }
    var hiddenOffset: Int { cellOffset + aligned(rows * units) }
    var sumsOffset: Int { hiddenOffset + aligned(rows * units) }

    func saved(_ frame: Frame, _ offset: Int) -> UnsafeMutablePointer<Float> {
        frame.saved.assumingMemoryBound(to: Float.self) + offset
    }

    /// Where the gates' sums are made: kept for backward in training.
    func gateArray(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        if isTraining { return saved(frame, 0) }
        return frame.scratch.assumingMemoryBound(to: Float.self) + (isPrepared ? 0 : aligned(recurrent.count))
    }

    func packedRecurrent(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        (isPrepared ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
    }

    func packedTranspose(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self)
    }

    /// The gradient of the gates' sums, by sequence and time.
    func gateGradients(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self) + aligned(transposed.count)
    }

    func worker(_ frame: Frame) -> UnsafeMutablePointer<Float> { frame.workerScratch.assumingMemoryBound(to: Float.self) }

    /// The time that a step reads.
    func time(_ step: Int) -> Int { op.goesBackwards ? steps - 1 - step : step }

    /// Whether a step of a sequence counts.
    func counts(_ frame: Frame, _ sequence: Int, _ time: Int) -> Bool {
        !op.hasMask || frame.mask(op.maskInput)[sequence * steps + time] != 0
    }

    // MARK: Forward

    func prepare(_ frame: Frame) {
        if isPrepared { recurrent.pack(frame.input(2), to: packedRecurrent(frame)) }
    }

    var forwardStages: [Int] { [projection.count + (isPrepared ? 0 : 1), sequences.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 1 { return run(frame, sequences.range(tile)) }
        if tile == projection.count { return recurrent.pack(frame.input(2), to: packedRecurrent(frame)) }
        let part = projection.range(tile)
        sgemm(
            part.count, gates, features, frame.input(0) + part.lowerBound * features, lda: features, frame.input(1),
            ldb: gates, gateArray(frame) + part.lowerBound * gates, ldc: gates,
            bias: op.hasBias ? frame.input(op.biasInput) : nil, workspace: worker(frame))
    }

    /// Takes some sequences through all steps. Outputs 1 and 2 hold the state on the way.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound
        let gateArray = gateArray(frame), packed = packedRecurrent(frame)
        let hidden = frame.output(1), cellState = frame.output(2)
        let elements = part.count * units
        if op.hasInitialState {
            (hidden + first * units).update(from: frame.input(op.stateInput) + first * units, count: elements)
            (cellState + first * units).update(from: frame.input(op.stateInput + 1) + first * units, count: elements)
        } else {
            (hidden + first * units).update(repeating: 0, count: elements)
            (cellState + first * units).update(repeating: 0, count: elements)
        }
        if !op.returnsSequences { (frame.output() + first * units).update(repeating: 0, count: elements) }
        for step in 0..<steps {
            let time = time(step)
            if step > 0 || op.hasInitialState {
                recurrent.product(
                    part.count, hidden + first * units, lda: units, packed: packed,
                    to: gateArray + (first * steps + time) * gates, ldc: steps * gates, accumulate: true)
            }
            for sequence in part {
                let row = sequence * steps + time
                let h = hidden + sequence * units, c = cellState + sequence * units, z = gateArray + row * gates
                if isTraining {
                    (saved(frame, hiddenOffset) + row * units).update(from: h, count: units)
                    (saved(frame, cellOffset) + row * units).update(from: c, count: units)
                    if cell.gradientReadsSums { (saved(frame, sumsOffset) + row * gates).update(from: z, count: gates) }
                }
                let isCounted = counts(frame, sequence, time)
                if isCounted {
                    cell.forward(z, c: c, h: h, kept: isTraining ? saved(frame, keptOffset) + row * units : nil)
                }
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

    // MARK: Backward

    private var inputTiles: Int { wants[0] ? inputRows.count : 0 }
    private var kernelTiles: Int { wants[1] ? kernelRows.count * gateColumns.count : 0 }
    private var recurrentTiles: Int { wants[2] ? recurrentRows.count * gateColumns.count : 0 }
    private var biasTiles: Int { op.hasBias && wants[op.biasInput] ? gateColumns.count : 0 }

    var backwardStages: [Int] {
        guard wants.contains(true) else { return [] }
        return [1, sequences.count, inputTiles + kernelTiles + recurrentTiles + biasTiles]
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        switch stage {
        case 0: transposed.packTransposed(frame.input(2), to: packedTranspose(frame))
        case 1: runBackwards(frame, sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, elements = part.count * units
        // What arrives at h and c after the step, and at outputs that later steps repeat; then one row's share for its h.
        let dh = worker(frame), dc = dh + sequences.step * units, carried = dc + sequences.step * units
        let total = carried + sequences.step * units
        let scratch = total + sequences.step * units
        func start(_ target: UnsafeMutablePointer<Float>, _ source: UnsafePointer<Float>?) {
            if let source {
                target.update(from: source + first * units, count: elements)
            } else {
                target.update(repeating: 0, count: elements)
            }
        }
        start(dh, frame.outputGradient(1))
        start(dc, frame.outputGradient(2))
        start(carried, op.returnsSequences ? nil : frame.outputGradient(0))
        let sequenceGradient = op.returnsSequences ? frame.outputGradient(0) : nil
        let gradients = gateGradients(frame), gateArray = saved(frame, 0)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = time(step)
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                if let sequenceGradient {
                    add(
                        carried + local, sequenceGradient + (sequence * steps + step) * units, carried + local,
                        count: units)
                }
                let dz = gradients + row * gates
                guard counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: gates)
                    if op.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total, count: units)
                cell.backward(
                    gates: gateArray + row * gates,
                    sums: cell.gradientReadsSums ? saved(frame, sumsOffset) + row * gates : nil,
                    kept: saved(frame, keptOffset) + row * units, cellBefore: saved(frame, cellOffset) + row * units,
                    dh: total, dc: dc + local, dz: dz, scratch: scratch)
                (dh + local).update(repeating: 0, count: units)
                (carried + local).update(repeating: 0, count: units)
            }
            if step > 0 || op.hasInitialState {
                transposed.product(
                    part.count, gradients + (first * steps + time) * gates, lda: steps * gates,
                    packed: packedTranspose(frame), to: dh, ldc: units, accumulate: true)
            }
        }
        guard op.hasInitialState else { return }
        for (index, source) in [(op.stateInput, dh), (op.stateInput + 1, dc)] {
            guard let target = frame.inputGradient(index) else { continue }
            transfer(source, to: target + first * units, count: elements, accumulate: frame.accumulates[index])
        }
    }

    /// The gradients of x and the weights: products of what all steps left.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(gateGradients(frame))
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
            return weightGradient(frame, 1, frame.input(0), depth: features, kernelRows, tile)
        }
        tile -= kernelTiles
        if tile < recurrentTiles {
            return weightGradient(frame, 2, saved(frame, hiddenOffset), depth: units, recurrentRows, tile)
        }
        tile -= recurrentTiles
        guard let target = frame.inputGradient(op.biasInput) else { return }
        let columns = gateColumns.range(tile)
        let sums = target + columns.lowerBound
        if !frame.accumulates[op.biasInput] { sums.update(repeating: 0, count: columns.count) }
        // In blocks, so that rounding errors stay small.
        for start in stride(from: 0, to: rows, by: 512) {
            sumColumns(
                gradients + start * gates + columns.lowerBound, stride: gates, rows: min(512, rows - start),
                columns: columns.count, alpha: 1, to: sums, accumulate: true)
        }
    }

    /// A tile of what `left` (all steps × depth), transposed, gives with the gates' gradients.
    private func weightGradient(
        _ frame: Frame, _ input: Int, _ left: UnsafePointer<Float>, depth: Int, _ cut: TileCut, _ tile: Int
    ) {
        guard let target = frame.inputGradient(input) else { return }
        let part = cut.range(tile / gateColumns.count), columns = gateColumns.range(tile % gateColumns.count)
        sgemm(
            transposeA: true, part.count, columns.count, rows, left + part.lowerBound, lda: depth,
            gateGradients(frame) + columns.lowerBound, ldb: gates,
            target + part.lowerBound * gates + columns.lowerBound, ldc: gates, accumulate: frame.accumulates[input],
            workspace: worker(frame))
    }
}
