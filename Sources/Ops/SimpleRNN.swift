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

    var shapes: RecurrentShapes {
        RecurrentShapes(
            name: name, units: units, gates: 1, bias: hasBias ? [units] : nil, hasMask: hasMask, stateCount: 1,
            hasInitialState: hasInitialState, returnsSequences: returnsSequences)
    }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try shapes.outputs(for: inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundSimpleRNN(self, site) }
}

/// Memory and steps of a SimpleRNN.
private struct BoundSimpleRNN: BoundOp {
    let walk: Recurrence
    let activation: Activation
    /// Packed recurrent kernel, and its transpose for backward.
    let recurrent: PackedMatrix

    init(_ op: SimpleRNN, _ site: Site) {
        walk = Recurrence(
            op.shapes, site, goesBackwards: op.goesBackwards, zeroesMasked: op.zeroesMasked, nanosecondsPerUnit: 2)
        activation = op.activation
        recurrent = PackedMatrix(k: op.units, n: op.units)
    }

    private var units: Int { walk.units }
    private var steps: Int { walk.steps }
    private var readsSums: Bool { activation.gradientReadsInput }
    /// Elements of an array by sequence and time.
    private var block: Int { walk.aligned(walk.rows * units) }

    var cost: Double { walk.cost }
    var retained: Retained { walk.retained }

    var memory: WorkingMemory {
        WorkingMemory(
            saved: walk.isTraining ? 4 * (readsSums ? 3 : 2) * block : 0,
            prepared: walk.preparedBytes(packed: recurrent.count),
            forwardScratch: 4 * ((walk.isPrepared ? 0 : walk.aligned(recurrent.count)) + (walk.isTraining ? 0 : block)),
            backwardScratch: 4 * (walk.aligned(recurrent.count) + block),
            workerScratch: 4 * walk.aligned(max(sgemmWorkspace, 3 * walk.sequences.step * units)))
    }

    // MARK: Saved memory: outputs of the steps, h before each step, the sums if wanted. All by sequence and time.

    private func outputs(_ frame: Frame) -> UnsafeMutablePointer<Float> { walk.saved(frame, 0) }
    private func before(_ frame: Frame) -> UnsafeMutablePointer<Float> { walk.saved(frame, block) }
    private func keptSums(_ frame: Frame) -> UnsafeMutablePointer<Float> { walk.saved(frame, 2 * block) }

    /// The gradient of the sums, by sequence and time: behind the packed transpose.
    private func sumGradients(_ frame: Frame) -> UnsafeMutablePointer<Float> {
        walk.scratch(frame, walk.aligned(recurrent.count))
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
        walk.project(frame, tile, packed: recurrent.count, to: walk.sums(frame, packed: recurrent.count))
    }

    /// Takes some sequences through all steps.
    private func run(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound
        let hidden = frame.output(1), sums = walk.sums(frame, packed: recurrent.count)
        walk.begin(frame, part)
        for step in 0..<steps {
            let time = walk.time(step)
            if walk.hasState(step) {
                recurrent.product(
                    part.count, hidden + first * units, lda: units, packed: walk.packedRecurrent(frame),
                    to: sums + (first * steps + time) * units, ldc: steps * units, accumulate: true)
            }
            for sequence in part {
                let row = sequence * steps + time
                let h = hidden + sequence * units, z = sums + row * units
                if walk.isTraining {
                    (before(frame) + row * units).update(from: h, count: units)
                    if readsSums { (keptSums(frame) + row * units).update(from: z, count: units) }
                }
                let isCounted = walk.counts(frame, sequence, time)
                if isCounted {
                    activate(activation, z, z, count: units)
                    h.update(from: z, count: units)
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
        case 0: recurrent.packTransposed(frame.input(2), to: walk.scratch(frame, 0))
        case 1: runBackwards(frame, walk.sequences.range(tile))
        default: products(frame, tile)
        }
    }

    /// Takes the gradients of some sequences from the last step to the first.
    private func runBackwards(_ frame: Frame, _ part: Range<Int>) {
        let first = part.lowerBound, share = walk.sequences.step * units
        // What arrives at h after the step, and at outputs that later steps repeat; then one row's sum.
        let dh = walk.worker(frame), carried = dh + share, total = carried + share
        walk.begin(frame, part, states: dh, carried: carried)
        let gradients = sumGradients(frame)
        for step in stride(from: steps - 1, through: 0, by: -1) {
            let time = walk.time(step)
            for sequence in part {
                let row = sequence * steps + time, local = (sequence - first) * units
                walk.arrive(frame, sequence, step, at: carried + local)
                let dz = gradients + row * units
                guard walk.counts(frame, sequence, time) else {
                    dz.update(repeating: 0, count: units)
                    if walk.zeroesMasked { (carried + local).update(repeating: 0, count: units) }
                    continue
                }
                add(dh + local, carried + local, total, count: units)
                activationGradient(
                    activation, input: readsSums ? keptSums(frame) + row * units : nil, output: outputs(frame) + row * units,
                    outputGradient: total, inputGradient: dz, count: units, accumulate: false)
                (dh + local).update(repeating: 0, count: units)
                (carried + local).update(repeating: 0, count: units)
            }
            if walk.hasState(step) {
                recurrent.product(
                    part.count, gradients + (first * steps + time) * units, lda: steps * units,
                    packed: walk.scratch(frame, 0), to: dh, ldc: units, accumulate: true)
            }
        }
        walk.finish(frame, part, states: dh)
    }

    /// The gradients of x and the weights.
    private func products(_ frame: Frame, _ tile: Int) {
        let gradients = UnsafePointer(sumGradients(frame))
        var tile = tile
        if tile < walk.inputTiles { return walk.inputGradient(frame, tile, gradients) }
        tile -= walk.inputTiles
        if tile < walk.kernelTiles { return walk.kernelGradient(frame, tile, gradients) }
        tile -= walk.kernelTiles
        if tile < recurrentTiles {
            return walk.weightGradient(
                frame, 2, tile, walk.recurrentRows, walk.gateColumns, before(frame), depth: units, gradients, stride: units)
        }
        let columns = walk.gateColumns.range(tile - recurrentTiles)
        walk.biasGradient(
            frame, at: columns.lowerBound, columns: columns.count, gradients + columns.lowerBound, stride: units)
    }
}
