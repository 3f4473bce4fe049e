package import Graphs
package import Kernels
package import Tensors

/// Fully connected recurrence over sequences: h = activation(x·kernel + h·recurrent + bias) for each step.
///
/// Inputs: x (B, T, D), kernel (D, U), recurrent (U, U), then bias (U), mask (B, T) of bool, h before the first step (B, U), as
/// far as there are any.
/// Outputs: the sequence of outputs (B, T, U), or the last output (B, U) without `returnsSequences`; h (B, U).
///
/// Masks and directions are those of `LSTM`.
package struct SimpleRNN: Op {
    package var units: Int
    package var activation: Activation
    package var hasBias: Bool
    package var hasMask: Bool
    package var hasInitialState: Bool
    package var returnsSequences: Bool
    package var goesBackwards: Bool
    /// Whether a step that the mask leaves out gives zeros.
    package var zeroesMasked: Bool

    package init(
        units: Int, activation: Activation = .tanh, hasBias: Bool = true, hasMask: Bool = false, hasInitialState: Bool = false,
        returnsSequences: Bool = true, goesBackwards: Bool = false, zeroesMasked: Bool = false
    ) {
        self.units = units
        self.activation = activation
        self.hasBias = hasBias
        self.hasMask = hasMask
        self.hasInitialState = hasInitialState
        self.returnsSequences = returnsSequences
        self.goesBackwards = goesBackwards
        self.zeroesMasked = zeroesMasked
    }

    package var name: String { "simple_rnn" }

    private var shapes: RecurrentShapes {
        RecurrentShapes(
            name: name, units: units, gates: 1, bias: hasBias ? [units] : nil, hasMask: hasMask, stateCount: 1,
            hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    var biasInput: Int { shapes.biasInput }
    var maskInput: Int { shapes.maskInput }
    var stateInput: Int { shapes.stateInput }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundSimpleRNN(self, site) }
}

/// Extents, memory and tiles of a SimpleRNN.
private struct BoundSimpleRNN: BoundOp {
    let op: SimpleRNN
    let isTraining: Bool
    let wants: [Bool]
    let (batch, steps, features): (Int, Int, Int)
    /// Packed recurrent kernel, and its transpose for backward.
    let recurrent: PackedMatrix
    /// Whether the recurrent kernel is packed once for each version of the weights.
    let isPrepared: Bool
    /// Rows of x, of all sequences together, that are multiplied by the kernel at once.
    let projection: TileCut
    /// Sequences that go through time together.
    let sequences: TileCut
    /// Of the kernels' gradients: rows and columns of one tile, and rows of the input's gradient.
    let kernelRows: TileCut
    let recurrentRows: TileCut
    let columns: TileCut
    let inputRows: TileCut

    init(_ op: SimpleRNN, _ site: Site) {
        self.op = op
        isTraining = site.phase == .training
        wants = site.wantsGradient
        let x = site.inputs[0].shape, units = op.units
        (batch, steps, features) = (x[0], x[1], x[2])
        recurrent = PackedMatrix(k: units, n: units)
        isPrepared = !isTraining && site.constantInputs[2]
        let perRow = 0.04 * Double(features + 1) * Double(units)
        projection = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: 32)
        inputRows = TileCut(batch * steps, nanosecondsPerUnit: perRow, multiple: 32)
        let perSequence = Double(steps) * (0.04 * Double(units * units) + 2 * Double(units))
        let isSmall = perSequence * Double(batch) < TileCut.nanoseconds
        sequences = TileCut(batch, step: isSmall ? batch : max((batch + 7) / 8 + 7, 8) / 8 * 8)
        kernelRows = TileCut(features, step: 64)
        recurrentRows = TileCut(units, step: 64)
        columns = TileCut(units, step: 128)
    }

    var units: Int { op.units }
    /// Steps of all sequences.
    var rows: Int { batch * steps }
    var readsSums: Bool { op.activation.gradientReadsInput }

    var cost: Double { 2 * Double(rows) * Double(units) * Double(features + units) }

    /// Elements up to the next multiple of 64 bytes.
    private func aligned(_ count: Int) -> Int { (count + 15) / 16 * 16 }

    var memory: WorkingMemory {
        WorkingMemory(
            saved: isTraining ? 4 * (readsSums ? 3 : 2) * aligned(rows * units) : 0,
            prepared: isPrepared ? recurrent.count * 4 : 0,
            forwardScratch: 4 * ((isPrepared ? 0 : aligned(recurrent.count)) + (isTraining ? 0 : aligned(rows * units))),
            backwardScratch: 4 * (aligned(recurrent.count) + aligned(rows * units)),
            workerScratch: 4 * aligned(max(sgemmWorkspace, 3 * sequences.step * units)))
    }

    var retained: Retained {
        var inputs: [Int] = [2]
        if wants[1] { inputs.append(0) }
        if wants[0] { inputs.append(1) }
        if op.hasMask { inputs.append(op.maskInput) }
        return Retained(inputs: inputs.sorted())
    }

    // MARK: Saved memory: outputs of the steps, h before each step, the sums if wanted. All by sequence and time.

    func saved(_ frame: Frame, _ place: Int) -> UnsafeMutablePointer<Float> {
        frame.saved.assumingMemoryBound(to: Float.self) + place * aligned(rows * units)
    }

    /// Where the sums are made: kept for backward in training.
    func sums(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        if isTraining { return saved(frame, 0) }
        return frame.scratch.assumingMemoryBound(to: Float.self) + (isPrepared ? 0 : aligned(recurrent.count))
    }

    func packedRecurrent(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        (isPrepared ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
    }

    func packedTranspose(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self)
    }

    /// The gradient of the sums, by sequence and time.
    func sumGradients(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        frame.scratch.assumingMemoryBound(to: Float.self) + aligned(recurrent.count)
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
            part.count, units, features, frame.input(0) + part.lowerBound * features, lda: features, frame.input(1),
            ldb: units, sums(frame) + part.lowerBound * units, ldc: units,
            bias: op.hasBias ? frame.input(op.biasInput) : nil, workspace: worker(frame))
    }

    /// Takes some sequences through all steps. Output 1 holds h on the way.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, elements = part.count * units
        let hidden = frame.output(1), sums = sums(frame)
        if op.hasInitialState {
            (hidden + first * units).update(from: frame.input(op.stateInput) + first * units, count: elements)
        } else {
            (hidden + first * units).update(repeating: 0, count: elements)
        }
        if !op.returnsSequences { (frame.output() + first * units).update(repeating: 0, count: elements) }
        for step in 0..<steps {
            let time = time(step)
            if step > 0 || op.hasInitialState {
                recurrent.product(
                    part.count, hidden + first * units, lda: units, packed: packedRecurrent(frame),
                    to: sums + (first * steps + time) * units, ldc: steps * units, accumulate: true)
            }
            for sequence in part {
                let row = sequence * steps + time
                let h = hidden + sequence * units, z = sums + row * units
                if isTraining {
                    (saved(frame, 1) + row * units).update(from: h, count: units)
                    if readsSums { (saved(frame, 2) + row * units).update(from: z, count: units) }
                }
                let isCounted = counts(frame, sequence, time)
                if isCounted {
                    activate(op.activation, z, z, count: units)
                    h.update(from: z, count: units)
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
    private var kernelTiles: Int { wants[1] ? kernelRows.count * columns.count : 0 }
    private var recurrentTiles: Int { wants[2] ? recurrentRows.count * columns.count : 0 }
    private var biasTiles: Int { op.hasBias && wants[op.biasInput] ? columns.count : 0 }

    var backwardStages: [Int] {
        guard wants.contains(true) else { return [] }
        return [1, sequences.count, inputTiles + kernelTiles + recurrentTiles + biasTiles]
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        switch stage {
        case 0: recurrent.packTransposed(frame.input(2), to: packedTranspose(frame))
        case 1: runBackwards(frame, sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, elements = part.count * units
        // What arrives at h after the step, and at outputs that later steps repeat; then one row's sum.
        let dh = worker(frame), carried = dh + sequences.step * units, total = carried + sequences.step * units
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
        let gradients = sumGradients(frame)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = time(step)
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                if let sequenceGradient {
                    add(carried + local, sequenceGradient + (sequence * steps + step) * units, carried + local, count: units)
                }
                let dz = gradients + row * units
                guard counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: units)
                    if op.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total, count: units)
                activationGradient(
                    op.activation, input: readsSums ? saved(frame, 2) + row * units : nil, output: saved(frame, 0) + row * units,
                    outputGradient: total, inputGradient: dz, count: units, accumulate: false)
                (dh + local).update(repeating: 0, count: units)
                (carried + local).update(repeating: 0, count: units)
            }
            if step > 0 || op.hasInitialState {
                recurrent.product(
                    part.count, gradients + (first * steps + time) * units, lda: steps * units,
                    packed: packedTranspose(frame), to: dh, ldc: units, accumulate: true)
            }
        }
        guard op.hasInitialState, let target = frame.inputGradient(op.stateInput) else { return }
        transfer(dh, to: target + first * units, count: elements, accumulate: frame.accumulates[op.stateInput])
    }

    /// The gradients of x and the weights: products of what all steps left.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(sumGradients(frame))
        var tile = tile
        if tile < inputTiles {
            guard let target = frame.inputGradient(0) else { return }
            let part = inputRows.range(tile)
            return sgemm(
                transposeB: true, part.count, features, units, gradients + part.lowerBound * units, lda: units,
                frame.input(1), ldb: units, target + part.lowerBound * features, ldc: features,
                accumulate: frame.accumulates[0], workspace: worker(frame))
        }
        tile -= inputTiles
        if tile < kernelTiles { return weightGradient(frame, 1, frame.input(0), depth: features, kernelRows, tile) }
        tile -= kernelTiles
        if tile < recurrentTiles { return weightGradient(frame, 2, saved(frame, 1), depth: units, recurrentRows, tile) }
        tile -= recurrentTiles
        guard let target = frame.inputGradient(op.biasInput) else { return }
        let part = columns.range(tile)
        if !frame.accumulates[op.biasInput] { (target + part.lowerBound).update(repeating: 0, count: part.count) }
        // In blocks, so that rounding errors stay small.
        for start in stride(from: 0, to: rows, by: 512) {
            sumColumns(
                gradients + start * units + part.lowerBound, stride: units, rows: min(512, rows - start), columns: part.count,
                alpha: 1, to: target + part.lowerBound, accumulate: true)
        }
    }

    /// A tile of what `left` (all steps × depth), transposed, gives with the sums' gradients.
    private func weightGradient(
        _ frame: Frame, _ input: Int, _ left: UnsafePointer<Float>, depth: Int, _ cut: TileCut, _ tile: Int
    ) {
        guard let target = frame.inputGradient(input) else { return }
        let part = cut.range(tile / columns.count), columns = columns.range(tile % columns.count)
        sgemm(
            transposeA: true, part.count, columns.count, rows, left + part.lowerBound, lda: depth,
            sumGradients(frame) + columns.lowerBound, ldb: units,
            target + part.lowerBound * units + columns.lowerBound, ldc: units, accumulate: frame.accumulates[input],
            workspace: worker(frame))
    }
}
