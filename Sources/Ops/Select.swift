package import Graphs
import Kernels
package import Tensors

/// z = condition ? x : y, element by element, with NumPy's broadcasting.
///
/// Inputs: a mask, and two arrays of one type (float32, int32, bool, string).
package struct Select: Op {
    package init() {}

    package var name: String { "select" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 3...3)
        try require(name, inputs[0], is: .bool, "a mask")
        try require(name, inputs[2], is: inputs[1].dtype, "the third input")
        guard PlainType(inputs[1].dtype) != nil || inputs[1].dtype == .string else {
            throw mismatch(name, "dtype", expected: "float32, int32, bool or string", got: inputs[1].dtype.rawValue)
        }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), inputs[1].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundSelect(site) }
}

private struct BoundSelect: BoundOp {
    /// Merged extents, outermost first, and the operands' strides along them.
    let dims: [Int]
    let strides: [(Int, Int, Int)]
    let rows: TileCut
    let elementBytes: Int
    let count: Int
    let shapes: [Shape]
    /// By operand x, y: how a broadcast one's gradient is summed.
    let reductions: [Reduction?]
    let plan: [(operand: Int, step: Int?)]

    init(_ site: Site) {
        let result = site.outputs[0].shape
        func strides(_ operand: Shape) -> [Int] {
            let own = operand.strides, lead = result.rank - operand.rank
            return result.dims.indices.map { $0 < lead || operand[$0 - lead] == 1 ? 0 : own[$0 - lead] }
        }
        let all = site.inputs.map { strides($0.shape) }
        var dims: [Int] = [], merged: [(Int, Int, Int)] = []
        for axis in result.dims.indices where result[axis] != 1 {
            let extent = result[axis], own = (all[0][axis], all[1][axis], all[2][axis])
            if let last = merged.last, last.0 == own.0 * extent, last.1 == own.1 * extent, last.2 == own.2 * extent {
                dims[dims.count - 1] *= extent
                merged[merged.count - 1] = own
            } else {
                dims.append(extent)
                merged.append(own)
            }
        }
        if dims.isEmpty { (dims, merged) = ([1], [(0, 0, 0)]) }
        // A long last axis is cut, so that one row isn't all the work.
        let last = dims.count - 1, piece = 16_384
        if dims[last] > piece, dims[last] % piece == 0 {
            let own = merged[last]
            dims[last] /= piece
            merged[last] = (own.0 * piece, own.1 * piece, own.2 * piece)
            dims.append(piece)
            merged.append(own)
        }
        self.dims = dims
        self.strides = merged
        rows = TileCut(dims.dropLast().reduce(1, *), nanosecondsPerUnit: 0.5 * Double(dims[dims.count - 1]) + 5)
        elementBytes = site.outputs[0].dtype.byteCount
        count = result.count
        shapes = site.inputs.map(\.shape)
        let wants = site.wantsGradient
        let reductions = [1, 2].map {
            wants[$0] && site.inputs[$0].shape.count != result.count ? Reduction(from: result, to: site.inputs[$0].shape) : nil
        }
        self.reductions = reductions
        var plan: [(operand: Int, step: Int?)] = []
        for operand in [1, 2] where wants[operand] && site.inputs[operand].dtype == .float32 {
            plan.append((operand, nil))
            if let reduction = reductions[operand - 1] {
                for step in reduction.steps.indices { plan.append((operand, step)) }
            }
        }
        self.plan = plan
    }

    private var unsummed: Int { reductions.contains { $0 != nil } ? (count + 15) / 16 * 16 : 0 }
    var memory: WorkingMemory {
        WorkingMemory(backwardScratch: (unsummed + (reductions.map { $0?.scratchCount ?? 0 }.max() ?? 0)) * 4)
    }
    var cost: Double { Double(count) }
    var retained: Retained { Retained(inputs: [0]) }

    @inline(__always) private func forEachRow(of tile: Int, _ body: (_ z: Int, _ c: Int, _ x: Int, _ y: Int) -> Void) {
        for row in rows.range(tile) {
            var rest = row, offsets = (0, 0, 0)
            for axis in stride(from: dims.count - 2, through: 0, by: -1) {
                let index = rest % dims[axis]
                rest /= dims[axis]
                offsets.0 += index * strides[axis].0
                offsets.1 += index * strides[axis].1
                offsets.2 += index * strides[axis].2
            }
            body(row * dims[dims.count - 1], offsets.0, offsets.1, offsets.2)
        }
    }

    var forwardStages: [Int] { [count == 0 ? 0 : rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let step = strides[dims.count - 1], columns = dims[dims.count - 1]
        forEachRow(of: tile) { z, c, x, y in
            switch elementBytes {
            case 1:
                select(
                    frame.mask(0) + c, step: step.0, frame.mask(1) + x, step: step.1, frame.mask(2) + y, step: step.2,
                    frame.outputs[0].assumingMemoryBound(to: UInt8.self) + z, count: columns)
            case 8:
                let output = frame.outputs[0].assumingMemoryBound(to: UInt64.self) + z
                let chosen = frame.inputs[1].assumingMemoryBound(to: UInt64.self) + x
                let other = frame.inputs[2].assumingMemoryBound(to: UInt64.self) + y
                for column in 0..<columns {
                    output[column] = frame.mask(0)[c + column * step.0] != 0 ? chosen[column * step.1] : other[column * step.2]
                }
            default:
                func operand(_ index: Int) -> UnsafePointer<UInt32> {
                    UnsafePointer(frame.inputs[index].assumingMemoryBound(to: UInt32.self))
                }
                select(
                    frame.mask(0) + c, step: step.0, operand(1) + x, step: step.1, operand(2) + y, step: step.2,
                    frame.outputs[0].assumingMemoryBound(to: UInt32.self) + z, count: columns)
            }
        }
    }

    var backwardStages: [Int] {
        plan.map { operand, step in step.map { reductions[operand - 1]!.stages[$0] } ?? (count == 0 ? 0 : rows.count) }
    }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let (operand, step) = plan[stage]
        guard let target = frame.inputGradient(operand) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(operand, 0..<shapes[operand].count) }
            return
        }
        let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
        let reduction = reductions[operand - 1]
        if let step, let reduction {
            reduction.run(
                step: step, tile: tile, source: UnsafePointer(scratch), target: target, scratch: scratch + unsummed, alpha: 1,
                accumulate: frame.accumulates[operand])
            return
        }
        let add = frame.accumulates[operand] && reduction == nil
        let to = reduction == nil ? target : scratch
        let (wanted, mask) = (operand == 1, frame.mask(0))
        let maskStep = strides[dims.count - 1].0, columns = dims[dims.count - 1]
        forEachRow(of: tile) { z, c, _, _ in
            for column in 0..<columns {
                let own = (mask[c + column * maskStep] != 0) == wanted ? gradient[z + column] : 0
                to[z + column] = add ? to[z + column] + own : own
            }
        }
    }
}
