import Graphs
import Kernels
import Tensors

/// y = activation(scale·[x₀, x₁, …] + shift) over channels, the last axis: what is joined, normalized and activated without being put together
/// before. For inference; float32.
///
/// Inputs: the parts (…, Cᵢ), then what `affine` reads behind its first input. One part: batch normalization with an activation.
struct AffineConcatenate: Op {
    var affine: any ChannelAffine
    /// How many inputs are the affine's.
    var affineInputs: Int
    var activation = Activation.linear

    var name: String { "affine_concatenate" }

    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, affineInputs + 1...Int.max)
        let joined = try Concatenate().outputs(for: Array(inputs.dropLast(affineInputs)))
        return try affine.outputs(for: joined + inputs.suffix(affineInputs))
    }

    func isSampleWise(inputs: [ValueInfo]) -> Bool { inputs[0].shape.rank > 1 }

    func absorbing(_ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase) -> (any Op)? {
        guard activation == .linear, let consumer = consumer as? any ElementwiseActivation else { return nil }
        var both = self
        both.activation = consumer.activation
        return both
    }

    func bound(to site: Site) -> any BoundOp { BoundAffineConcatenate(self, site) }
}

private struct BoundAffineConcatenate: BoundOp {
    private let op: AffineConcatenate
    private let layout: ChannelLayout
    /// The channels of each part.
    private let parts: [Range<Int>]
    private let tiles: TileCut
    private let isPrepared: Bool
    /// Rows that go through all parts before the next ones: what is written stays in the first-level cache.
    private let rowsAtOnce: Int

    init(_ op: AffineConcatenate, _ site: Site) {
        self.op = op
        var parts: [Range<Int>] = []
        for input in site.inputs.dropLast(op.affineInputs) {
            let start = parts.last?.upperBound ?? 0
            parts.append(start..<start + (input.shape.dims.last ?? 0))
        }
        self.parts = parts
        layout = ChannelLayout(site.outputs[0].shape, axis: -1)
        tiles = TileCut(layout.outer, nanosecondsPerUnit: 0.2 * Double(layout.row))
        isPrepared = site.constantInputs.suffix(op.affineInputs).allSatisfy(\.self)
        rowsAtOnce = max(1, 4096 / max(1, layout.row))
    }

    /// Floats of one vector by channel, so that the next one is aligned.
    private var pitch: Int { (layout.channels + 15) / 16 * 16 }
    var memory: WorkingMemory {
        let vectors = 2 * pitch * 4
        return WorkingMemory(prepared: isPrepared ? vectors : 0, forwardScratch: isPrepared ? 0 : vectors)
    }
    var cost: Double { 2 * Double(layout.outer * layout.row) }
    var inPlaceInputs: [Int] { parts.count == 1 ? [0] : [] }

    private func vectors(_ frame: Frame) -> (scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>) {
        let start = (isPrepared ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
        return (start, start + pitch)
    }

    private func fold(_ frame: Frame) {
        let (scale, shift) = vectors(frame)
        op.affine.channelAffine(others: frame.inputs + parts.count, channels: layout.channels, scale: scale, shift: shift)
    }

    func prepare(_ frame: Frame) { if isPrepared { fold(frame) } }

    var forwardStages: [Int] { isPrepared ? [tiles.count] : [1, tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        if stage == 0 && !isPrepared { return fold(frame) }
        let (scale, shift) = vectors(frame)
        let rectifies = op.activation == .rectifier
        let (all, y) = (tiles.range(tile), frame.output())
        for start in stride(from: all.lowerBound, to: all.upperBound, by: rowsAtOnce) {
            let rows = start..<min(all.upperBound, start + rowsAtOnce)
            for (index, channels) in parts.enumerated() {
                layout.affine(
                    part: frame.input(index), channels: channels, scale: scale, shift: shift, rectifies: rectifies, rows: rows, to: y)
            }
            guard !rectifies && op.activation != .linear else { continue }
            let written = y + rows.lowerBound * layout.row
            activate(op.activation, written, written, count: rows.count * layout.row)
        }
    }
}
