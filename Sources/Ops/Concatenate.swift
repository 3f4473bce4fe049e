package import Graphs
import Kernels
package import Tensors

/// Arrays of one type joined along an axis; all other extents agree.
package struct Concatenate: Op {
    /// Negative counts from the end.
    package var axis: Int

    package init(axis: Int = -1) { self.axis = axis }

    package var name: String { "concatenate" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...Int.max)
        let rank = inputs[0].shape.rank
        let axis = try resolve(name, axis: axis, rank: rank)
        var shape = inputs[0].shape
        var total: Int? = 0
        for input in inputs {
            try require(name, input, is: inputs[0].dtype, "inputs of one type, the first one's:")
            guard input.shape.rank == rank else { throw disagreement(inputs) }
            for other in 0..<rank where other != axis {
                if let known = shape[other], let extent = input.shape[other], known != extent {
                    throw disagreement(inputs)
                }
                shape[other] = shape[other] ?? input.shape[other]
            }
            if let sum = total, let extent = input.shape[axis] {
                let (next, overflow) = sum.addingReportingOverflow(extent)
                guard !overflow else { throw disagreement(inputs) }
                total = next
            } else {
                total = nil
            }
        }
        shape[axis] = total
        return [ValueInfo(shape, inputs[0].dtype)]
    }

    private func disagreement(_ inputs: [ValueInfo]) -> LocatedError {
        mismatch(
            name, expected: "shapes that agree but for axis \(axis)",
            got: inputs.map(\.shape.description).joined(separator: ", "))
    }

    package func flattened(
        over producer: any Op, at place: Int, parts: [ValueInfo], inputs: [ValueInfo], othersAreConstant: Bool
    ) -> (any Op)? { (producer as? Concatenate)?.axis == axis ? self : nil }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { axis != 0 && axis != -inputs[0].shape.rank }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard phase == .inference, position == 0, axis == -1, othersAreConstant, let consumer = consumer as? any ChannelAffine,
            consumer.isChannelAffine(others: others)
        else { return nil }
        return AffineConcatenate(affine: consumer, affineInputs: others.count)
    }

    package func bound(to site: Site) -> any BoundOp { BoundConcatenate(axis, site) }
}

private struct BoundConcatenate: BoundOp {
    /// Bytes of each input for one outer index, and where they begin in the output's bytes for it.
    let chunks: [(start: Int, bytes: Int)]
    let outer: Int
    let total: Int
    /// Tiles: input by input, each cut by outer indices and, when a chunk is long, by bytes.
    let cuts: [(outer: TileCut, bytes: TileCut)]
    let firstTiles: [Int]
    let isDifferentiable: Bool

    init(_ axis: Int, _ site: Site) {
        let size = site.outputs[0].dtype.byteCount
        var chunks: [(start: Int, bytes: Int)] = [], cuts: [(outer: TileCut, bytes: TileCut)] = [], firstTiles = [0]
        var total = 0
        let outer = AxisView(site.outputs[0].shape, axis: axis).outer
        for input in site.inputs {
            let view = AxisView(input.shape, axis: axis)
            let bytes = view.extent * view.inner * size
            chunks.append((total, bytes))
            total += bytes
            let byteCut = TileCut(bytes, nanosecondsPerUnit: 0.1, multiple: 64)
            let outerCut = TileCut(outer, nanosecondsPerUnit: 0.1 * Double(min(bytes, byteCut.step)) + 5)
            cuts.append((outerCut, byteCut))
            firstTiles.append(firstTiles[firstTiles.count - 1] + outerCut.count * byteCut.count)
        }
        (self.chunks, self.cuts, self.firstTiles) = (chunks, cuts, firstTiles)
        (self.outer, self.total) = (outer, total)
        self.isDifferentiable = site.outputs[0].dtype == .float32
    }

    var cost: Double { Double(outer * total) / 4 }

    /// The input, its outer indices and bytes that a tile moves.
    private func part(_ tile: Int) -> (input: Int, outer: Range<Int>, bytes: Range<Int>) {
        var input = 0
        while firstTiles[input + 1] <= tile { input += 1 }
        let (outer, bytes) = cuts[input]
        let local = tile - firstTiles[input]
        return (input, outer.range(local / bytes.count), bytes.range(local % bytes.count))
    }

    private var tileCount: Int { firstTiles[firstTiles.count - 1] }

    var forwardStages: [Int] { [tileCount] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (input, outer, bytes) = part(tile)
        let chunk = chunks[input]
        for index in outer {
            (frame.outputs[0] + index * total + chunk.start + bytes.lowerBound).copyMemory(
                from: frame.inputs[input] + index * chunk.bytes + bytes.lowerBound, byteCount: bytes.count)
        }
    }

    var backwardStages: [Int] { isDifferentiable ? [tileCount] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let (input, outer, bytes) = part(tile)
        guard let target = frame.inputGradient(input) else { return }
        let chunk = chunks[input], count = bytes.count / 4
        for index in outer {
            let start = (index * chunk.bytes + bytes.lowerBound) / 4
            guard let gradient = frame.outputGradient() else {
                frame.noGradient(input, start..<start + count)
                continue
            }
            transfer(
                gradient + (index * total + chunk.start + bytes.lowerBound) / 4, to: target + start, count: count,
                accumulate: frame.accumulates[input])
        }
    }
}
