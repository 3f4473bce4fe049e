package import Graphs
import Kernels
package import Tensors

/// An array repeated along axes of extent 1, and along new axes in front. Any type of 1 or 4 bytes.
package struct BroadcastTo: Op {
    /// An unknown extent keeps the input's.
    package var shape: PartialShape

    package init(_ shape: PartialShape) { self.shape = shape }

    package var name: String { "broadcast_to" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        let input = inputs[0].shape
        guard [1, 4, 8].contains(inputs[0].dtype.byteCount) else {
            throw mismatch(name, "dtype", expected: "elements of 1, 4 or 8 bytes", got: inputs[0].dtype.rawValue)
        }
        guard input.rank <= shape.rank else {
            throw mismatch(name, expected: "at most \(shape.rank) axes", got: "\(input)")
        }
        var result = shape
        let lead = shape.rank - input.rank
        for axis in shape.dims.indices {
            let own = axis < lead ? 1 : input[axis - lead]
            guard let wanted = shape[axis] else {
                result[axis] = own
                continue
            }
            guard wanted >= 0 else { throw mismatch(name, expected: "extents of 0 or above", got: "\(shape)") }
            if let own, own != 1, own != wanted {
                throw mismatch(name, expected: "a shape that can be broadcast to \(shape)", got: "\(input)")
            }
        }
        return [ValueInfo(result, inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundBroadcast(site) }
}

private struct BoundBroadcast: BoundOp {
    let walk: PairWalk
    let count: Int
    let inputCount: Int
    let elementBytes: Int
    let reduction: Reduction?

    init(_ site: Site) {
        let input = site.inputs[0], result = site.outputs[0].shape
        self.walk = PairWalk(result: result, left: input.shape, right: input.shape, nanosecondsPerElement: 0.2)
        self.count = result.count
        self.inputCount = input.shape.count
        self.elementBytes = input.dtype.byteCount
        self.reduction =
            input.dtype == .float32 && site.wantsGradient[0] ? Reduction(from: result, to: input.shape) : nil
    }

    var memory: WorkingMemory { WorkingMemory(backwardScratch: (reduction?.scratchCount ?? 0) * 4) }
    var cost: Double { Double(count) }

    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch elementBytes {
        case 1: spread(frame, tile, UInt8.self)
        case 8: spread(frame, tile, UInt64.self)
        default: spread(frame, tile, UInt32.self)
        }
    }

    private func spread<Bits>(_ frame: Frame, _ tile: Int, _ type: Bits.Type) {
        let source = frame.inputs[0].assumingMemoryBound(to: type)
        let target = frame.outputs[0].assumingMemoryBound(to: type)
        let steps = walk.leftSteps
        walk.forEachBlock(of: tile) { block in
            for row in 0..<block.rows {
                let from = source + block.left + row * steps.row, to = target + block.result + row * walk.row
                if steps.column == 1 {
                    to.update(from: from, count: block.columns)
                } else {
                    to.update(repeating: from.pointee, count: block.columns)
                }
            }
        }
    }

    var backwardStages: [Int] { reduction?.stages ?? [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let reduction, let target = frame.inputGradient(0) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(0, 0..<inputCount) }
            return
        }
        reduction.run(
            step: stage, tile: tile, source: gradient, target: target,
            scratch: frame.scratch.assumingMemoryBound(to: Float.self), alpha: 1, accumulate: frame.accumulates[0])
    }
}
