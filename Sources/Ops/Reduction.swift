import Kernels
import Tensors

/// How the sum of an array over some of its axes is cut: steps, each of which sums along one axis (or groups of rows of a
/// long one, for balance and for accuracy). The order of summation depends on shapes alone.
struct Reduction: Hashable, Sendable {
    /// (outer, extent, inner) to (outer, groups, inner), each group the sum of `block` neighbours.
    struct Step: Hashable, Sendable {
        var outer: Int
        var extent: Int
        var inner: Int
        var block: Int
        /// Where its result begins in scratch; the last step's goes to the target.
        var offset: Int
        /// Cut of outer times groups.
        var units: TileCut
        /// Cut of inner.
        var columns: TileCut
        /// One, of no rows, when there is nothing to sum: its result is 0.
        var groups: Int { max((extent + block - 1) / block, 1) }
        var resultCount: Int { outer * groups * inner }
    }

    let steps: [Step]
    /// Floats of scratch.
    let scratchCount: Int
    /// Elements of the target.
    let targetCount: Int

    init(_ dims: [Int], summing reduced: [Bool]) {
        // Neighbouring axes of the same kind are one axis.
        var axes: [(extent: Int, reduced: Bool)] = []
        for (extent, flag) in zip(dims, reduced) where extent != 1 {
            if let last = axes.last, last.reduced == flag {
                axes[axes.count - 1].extent *= extent
            } else {
                axes.append((extent, flag))
            }
        }
        var steps: [Step] = []
        var offset = 0
        func add(outer: Int, extent: Int, inner: Int, block: Int) {
            let groups = max((extent + block - 1) / block, 1)
            let nanoseconds = 0.15 * Double(block)
            steps.append(
                Step(
                    outer: outer, extent: extent, inner: inner, block: block, offset: offset,
                    units: TileCut(outer * groups, nanosecondsPerUnit: nanoseconds * Double(min(inner, 1024))),
                    columns: TileCut(inner, nanosecondsPerUnit: nanoseconds, multiple: 64)))
            offset += (outer * groups * inner + 15) / 16 * 16
        }
        while let place = axes.lastIndex(where: \.reduced) {
            let outer = axes[..<place].reduce(1) { $0 * $1.extent }
            let inner = axes[(place + 1)...].reduce(1) { $0 * $1.extent }
            let extent = axes[place].extent
            // Columns are summed one row after the other: short blocks keep rounding errors small.
            let block = inner == 1 ? 16384 : max(64, min(1024, 16384 / max(inner, 1)))
            if extent > block + block / 2 {
                add(outer: outer, extent: extent, inner: inner, block: block)
                axes[place].extent = (extent + block - 1) / block
            } else {
                add(outer: outer, extent: extent, inner: inner, block: max(extent, 1))
                axes.remove(at: place)
            }
        }
        if steps.isEmpty { add(outer: 1, extent: 1, inner: axes.reduce(1) { $0 * $1.extent }, block: 1) }
        self.steps = steps
        self.targetCount = zip(dims, reduced).reduce(1) { $1.1 ? $0 : $0 * $1.0 }
        self.scratchCount = steps.count > 1 ? steps[steps.count - 1].offset : 0
    }

    /// Tiles of each step.
    var stages: [Int] { steps.map { $0.outer * $0.inner == 0 ? 0 : $0.units.count * $0.columns.count } }

    /// One tile of one step.
    ///
    /// - Parameters:
    ///   - target: takes α times the sums, written or added.
    ///   - scratch: `scratchCount` floats, the same for all steps.
    func run(
        step index: Int, tile: Int, source: UnsafePointer<Float>, target: UnsafeMutablePointer<Float>,
        scratch: UnsafeMutablePointer<Float>, alpha: Float, accumulate: Bool
    ) {
        let step = steps[index]
        let isLast = index == steps.count - 1
        let from = index == 0 ? source : UnsafePointer(scratch + steps[index - 1].offset)
        let to = isLast ? target : scratch + step.offset
        let alpha = isLast ? alpha : 1
        let accumulate = isLast && accumulate
        let columns = step.columns.range(tile % step.columns.count)
        for unit in step.units.range(tile / step.columns.count) {
            let (outer, group) = unit.quotientAndRemainder(dividingBy: step.groups)
            let first = group * step.block
            let rows = min(step.block, step.extent - first)
            let start = from + (outer * step.extent + first) * step.inner
            if step.inner == 1 {
                sumRows(start, rows: 1, columns: rows, alpha: alpha, to: to + unit, accumulate: accumulate)
            } else {
                sumColumns(
                    start + columns.lowerBound, stride: step.inner, rows: rows, columns: columns.count, alpha: alpha,
                    to: to + unit * step.inner + columns.lowerBound, accumulate: accumulate)
            }
        }
    }
}

extension Reduction {
    /// From the gradient of a broadcast result back to the shape of one operand.
    init(from result: Shape, to operand: Shape) {
        let lead = result.rank - operand.rank
        self.init(
            result.dims, summing: result.dims.indices.map { $0 < lead || (operand[$0 - lead] == 1 && result[$0] != 1) })
    }
}
