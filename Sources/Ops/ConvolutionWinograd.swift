import Graphs
import Kernels

/// The tiles of a convolution by Winograd, or of its input's gradient, in stages of a plan.
struct WinogradStages: Sendable {
    let plan: WinogradConvolution
    /// Each step is a stage for all tiles; else one stage does blocks from beginning to end.
    private let isStaged: Bool
    private let source: WinogradConvolution.Points
    private let target: WinogradConvolution.Points
    private let tiles: TileCut
    private let columns: TileCut

    init(_ plan: WinogradConvolution, isStaged: Bool) {
        self.plan = plan
        self.isStaged = isStaged
        source = plan.sourcePoints(ofTiles: plan.tiles)
        target = plan.targetPoints(ofTiles: plan.tiles)
        tiles = TileCut(plan.tiles, step: 8)
        columns = TileCut(plan.width, step: 128)
    }

    /// Bytes of scratch for all, and for each worker.
    var scratchBytes: Int { isStaged ? alignedBytes(source.count * 4) + target.count * 4 : 0 }
    var workerBytes: Int { isStaged ? 0 : plan.bufferCount * 4 }

    /// Tiles by stage.
    var stages: [Int] {
        isStaged ? [tiles.count, plan.tile.pointCount * columns.count, tiles.count] : [plan.blocks]
    }

    /// - Parameter runs: called with the elements of y that are done.
    func run(
        stage: Int, tile: Int, _ x: WinogradConvolution.Source, packed: UnsafePointer<Float>,
        _ finish: WinogradConvolution.Finish, to y: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer,
        workerScratch: UnsafeMutableRawPointer, done: (_ start: Int, _ count: Int) -> Void = { _, _ in }
    ) {
        guard isStaged else {
            plan.run(
                block: tile, x, packed: packed, finish, to: y,
                buffer: workerScratch.assumingMemoryBound(to: Float.self))
            return plan.forEachRun(of: plan.block(tile), done)
        }
        let from = scratch.assumingMemoryBound(to: Float.self)
        let to = (scratch + alignedBytes(source.count * 4)).assumingMemoryBound(to: Float.self)
        switch stage {
        case 0:
            let range = tiles.range(tile)
            plan.sourcePoints(x, tiles: range, to: from + range.lowerBound * source.row, source)
        case 1:
            let range = columns.range(tile % columns.count)
            plan.product(
                point: tile / columns.count, rows: plan.tiles, columns: range, from, source, packed: packed,
                to: to + range.lowerBound, target)
        default:
            let range = tiles.range(tile)
            plan.targetCells(
                to + range.lowerBound * target.row, target, tiles: range, columns: 0..<plan.width, finish, to: y)
            plan.forEachRun(of: range, done)
        }
    }
}
