import Graphs
import Kernels

/// The gradients of a convolution's kernel and bias by Winograd: sums over all blocks of tiles, made in fixed chunks and then added
/// in their order, so that they depend neither on threads nor on their number.
struct WinogradSums: Sendable {
    private let plan: WinogradKernelGradient
    /// The bias's sums are made in the same way whether the kernel's are or not.
    private let wantsKernel: Bool
    /// Elements of the bias; 0 when nobody wants its gradient.
    private let biasCount: Int
    private let chunks: TileCut
    private let rows: TileCut

    init(_ plan: WinogradKernelGradient, wantsKernel: Bool, biasCount: Int) {
        self.plan = plan
        self.wantsKernel = wantsKernel
        self.biasCount = biasCount
        // Enough chunks to keep many threads busy, but none of few blocks, nor more than 64 MB of sums.
        let affordable = max(1, 16_777_216 / plan.sumCount)
        chunks = TileCut(plan.blocks, atMost: max(1, min(16, affordable, plan.blocks / 4)))
        rows = TileCut(wantsKernel ? plan.depth : 0, step: max(1, 8192 / plan.width))
    }

    /// Elements of one chunk: the kernel's points, then the bias.
    private var chunkCount: Int { plan.sumCount + (biasCount + 15) / 16 * 16 }
    var scratchBytes: Int { chunks.count * chunkCount * 4 }
    var workerBytes: Int { plan.bufferCount * 4 }
    /// The blocks before a tile's first one, and all of them.
    func share(before tile: Int) -> (blocks: Int, all: Int) { (chunks.range(tile).lowerBound, plan.blocks) }
    /// Tiles of the stage that sums, and of the one that adds the chunks.
    var tiles: Int { chunks.count }
    var additionTiles: Int { rows.count + (biasCount > 0 ? 1 : 0) }

    private func chunk(_ index: Int, _ sums: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
        sums.assumingMemoryBound(to: Float.self) + index * chunkCount
    }

    /// Sums one tile.
    ///
    /// - Parameters:
    ///   - gate: see `WinogradKernelGradient.add`.
    ///   - done: called behind each block with the share of all blocks that it ends, for work on the same part of `dy`.
    func run(
        _ frame: Frame, tile: Int, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, sums: UnsafeMutableRawPointer,
        done: (_ blocks: Int, _ all: Int) -> Void
    ) {
        let points = chunk(tile, sums)
        let bias = biasCount > 0 ? points + plan.sumCount : nil
        bias?.update(repeating: 0, count: biasCount)
        let blocks = chunks.range(tile)
        for block in blocks {
            plan.add(
                block: block, frame.input(0), dy: dy, gate: gate, accumulate: block > blocks.lowerBound, to: wantsKernel ? points : nil,
                bias: bias,
                buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
            done(block + 1, plan.blocks)
        }
    }

    /// Adds the chunks' sums.
    func add(_ frame: Frame, tile: Int, sums: UnsafeMutableRawPointer) {
        let first = chunk(0, sums)
        if tile < rows.count {
            guard let kernel = frame.inputGradient(1) else { return }
            let range = rows.range(tile)
            for other in 1..<max(1, chunks.count) { plan.addSums(chunk(other, sums), rows: range, to: first) }
            plan.finish(first, rows: range, accumulate: frame.accumulates[1], to: kernel)
        } else if let bias = frame.inputGradient(2) {
            sumColumns(
                UnsafePointer(first) + plan.sumCount, stride: chunkCount, rows: chunks.count, columns: biasCount, alpha: 1,
                to: bias, accumulate: frame.accumulates[2])
        }
    }
}
