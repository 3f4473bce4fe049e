import Graphs
import Tensors

/// The frames of one session, and the loop that runs steps over them.
///
/// Allocates in `init` only; running loops over indices, because iterators of arrays allocate in builds without optimization.
final class Runner {
    let pool: ThreadPool
    private let layout: FrameLayout
    private let nodeCount: Int
    private let slotCount: Int
    /// Addresses by slot.
    private let table: UnsafeMutablePointer<UnsafeMutableRawPointer?>
    private let flags: UnsafeMutablePointer<Bool>
    private let ops: UnsafeMutablePointer<any BoundOp>
    private let forwardFrames: UnsafeMutablePointer<Frame>
    private let backwardFrames: UnsafeMutablePointer<Frame>
    private let job: UnsafeMutablePointer<TileJob>
    private let workerScratch: Block
    private let poisons: Bool
    private var seed: UInt64 = 0
    private var step: UInt64 = 0

    /// - Parameter poisons: whether memory is filled with NaN before it is written.
    init(_ nodes: [BoundNode], _ layout: FrameLayout, pool: ThreadPool, poisons: Bool) throws(LocatedError) {
        self.pool = pool
        self.layout = layout
        self.poisons = poisons
        nodeCount = nodes.count
        slotCount = layout.slots.count
        let stride = try aligned(nodes.map(\.memory.workerScratch).max() ?? 0)
        workerScratch = try Block(byteCount: stride * pool.threads, for: "the workers' scratch")
        table = .allocate(capacity: slotCount)
        table.initialize(repeating: nil, count: slotCount)
        flags = .allocate(capacity: layout.flags.count)
        for (index, flag) in layout.flags.enumerated() { (flags + index).initialize(to: flag) }
        ops = .allocate(capacity: nodeCount)
        for (index, node) in nodes.enumerated() { (ops + index).initialize(to: node.op) }
        forwardFrames = .allocate(capacity: nodeCount)
        backwardFrames = .allocate(capacity: nodeCount)
        job = .allocate(capacity: 1)
        job.initialize(
            to: TileJob(
                op: UnsafePointer(ops), frame: UnsafePointer(forwardFrames), stage: 0,
                workerScratch: workerScratch.start, stride: stride))
    }

    deinit {
        table.deallocate()
        flags.deallocate()
        ops.deinitialize(count: nodeCount)
        ops.deallocate()
        forwardFrames.deallocate()
        backwardFrames.deallocate()
        job.deallocate()
    }

    /// Turns locations into addresses and makes the frames.
    func resolve(_ address: (Location) -> UnsafeMutableRawPointer) {
        for (slot, location) in layout.slots.enumerated() { table[slot] = location.map(address) }
        for (index, slots) in layout.nodes.enumerated() {
            var frame = Frame(
                inputs: list(slots.inputs), outputs: list(slots.outputs),
                inputGradients: UnsafePointer(table + slots.inputGradients),
                outputGradients: UnsafePointer(table + slots.outputGradients),
                accumulates: UnsafePointer(flags + slots.accumulates), saved: self[slots.saved],
                prepared: self[slots.prepared], scratch: self[slots.forwardScratch],
                workerScratch: workerScratch.start, seed: seed, step: step)
            (forwardFrames + index).initialize(to: frame)
            frame.scratch = self[slots.backwardScratch]
            (backwardFrames + index).initialize(to: frame)
        }
    }

    /// Values always have an address, so their part of the table can be read as pointers that are never null.
    private func list(_ slot: Int) -> UnsafePointer<UnsafeMutableRawPointer> {
        UnsafeRawPointer(table + slot).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
    }

    subscript(slot: Int) -> UnsafeMutableRawPointer { table[slot] ?? workerScratch.start }

    /// Gives all of `slots` a new address.
    func patch(_ slots: [Int], _ address: UnsafeMutableRawPointer) {
        for index in 0..<slots.count { table[slots[index]] = address }
    }

    /// The key of random numbers, until the next call.
    func setKey(seed: UInt64, step: UInt64) {
        if seed == self.seed, step == self.step { return }
        self.seed = seed
        self.step = step
        for index in 0..<nodeCount {
            forwardFrames[index].seed = seed
            forwardFrames[index].step = step
            backwardFrames[index].seed = seed
            backwardFrames[index].step = step
        }
    }

    func prepare(_ node: Int) { ops[node].prepare(forwardFrames[node]) }

    func forward(_ steps: [Step], times: UnsafeMutablePointer<UInt64>? = nil) {
        run(steps, forwardFrames, forwardTile, times) { $0.forwardAreas }
    }

    func backward(_ steps: [Step], times: UnsafeMutablePointer<UInt64>? = nil) {
        run(steps, backwardFrames, backwardTile, times) { $0.backwardAreas }
    }

    /// - Parameter times: nanoseconds are added by node.
    private func run(
        _ steps: [Step], _ frames: UnsafeMutablePointer<Frame>, _ tile: TileFunction,
        _ times: UnsafeMutablePointer<UInt64>?, areas: (NodeSlots) -> [Area]
    ) {
        var last = -1
        for index in 0..<steps.count {
            switch steps[index] {
            case .stage(let node, let stage, let tiles, let isLarge):
                if poisons, node != last { poison(areas(layout.nodes[node])) }
                last = node
                let start = times == nil ? 0 : Platform.nanoseconds
                job.pointee.op = UnsafePointer(ops + node)
                job.pointee.frame = UnsafePointer(frames + node)
                job.pointee.stage = stage
                if isLarge {
                    pool.run(tiles: tiles, tile, job)
                } else {
                    for number in 0..<tiles { tile(job, number, 0) }
                }
                if let times { times[node] += Platform.nanoseconds &- start }
            case .copy(let from, let to, let byteCount):
                self[to].copyMemory(from: self[from], byteCount: byteCount)
            case .add(let from, let to, let count):
                self[to].addFloats(from: self[from], count: count)
            }
        }
    }

    private func poison(_ areas: [Area]) {
        for index in 0..<areas.count {
            self[areas[index].slot].fill(with: UnsafeMutableRawPointer.poison, count: areas[index].byteCount)
        }
        workerScratch.fill(with: UnsafeMutableRawPointer.poison)
    }
}

/// What workers are handed: one stage of one node.
private struct TileJob {
    var op: UnsafePointer<any BoundOp>
    var frame: UnsafePointer<Frame>
    var stage: Int
    var workerScratch: UnsafeMutableRawPointer
    var stride: Int

    /// The frame as one worker sees it.
    @inline(__always) func frame(of worker: Int) -> Frame {
        var frame = frame.pointee
        frame.workerScratch = workerScratch + worker * stride
        return frame
    }
}

private let forwardTile: TileFunction = { job, tile, worker in
    let job = job.assumingMemoryBound(to: TileJob.self)
    job.pointee.op.pointee.forward(job.pointee.frame(of: worker), stage: job.pointee.stage, tile: tile)
}

private let backwardTile: TileFunction = { job, tile, worker in
    let job = job.assumingMemoryBound(to: TileJob.self)
    job.pointee.op.pointee.backward(job.pointee.frame(of: worker), stage: job.pointee.stage, tile: tile)
}
