import Kernels
import Tensors

/// Two operands read along a broadcast result: axes merged where both allow it, then blocks of rows for the C loops.
struct PairWalk: Hashable, Sendable {
    /// Merged extents, outermost first; the last is a row's length.
    private let dims: [Int]
    /// Elements to the next index, by axis; 0 where the operand is broadcast.
    private let left: [Int]
    private let right: [Int]
    private let rowCut: TileCut
    private let columnCut: TileCut

    /// A block of rows: offsets of its first elements, and how to go on.
    struct Block {
        var result: Int
        var left: Int
        var right: Int
        var rows: Int
        var columns: Int
    }

    init(result: Shape, left: Shape, right: Shape, nanosecondsPerElement: Double = 0.3) {
        func strides(_ operand: Shape) -> [Int] {
            let own = operand.strides, lead = result.rank - operand.rank
            return result.dims.indices.map { $0 < lead || operand[$0 - lead] == 1 ? 0 : own[$0 - lead] }
        }
        let l = strides(left), r = strides(right)
        var dims: [Int] = [], a: [Int] = [], b: [Int] = []
        for axis in result.dims.indices where result[axis] != 1 {
            let extent = result[axis]
            if let last = dims.indices.last, a[last] == l[axis] * extent, b[last] == r[axis] * extent {
                dims[last] *= extent
                a[last] = l[axis]
                b[last] = r[axis]
            } else {
                dims.append(extent)
                a.append(l[axis])
                b.append(r[axis])
            }
        }
        if dims.isEmpty { (dims, a, b) = ([1], [0], [0]) }
        let rows = dims.dropLast().reduce(1, *)
        let columns = dims[dims.count - 1]
        (self.dims, self.left, self.right) = (dims, a, b)
        self.columnCut = TileCut(elements: columns, nanoseconds: nanosecondsPerElement)
        self.rowCut = TileCut(
            rows, nanosecondsPerUnit: nanosecondsPerElement * Double(min(columns, columnCut.step)) + 2)
    }

    var tiles: Int { rowCut.count * columnCut.count }

    /// Elements from one row of the result to the next.
    var row: Int { dims[dims.count - 1] }
    /// Elements of an operand from one row to the next within a block, and from one column to the next (0 or 1).
    var leftSteps: (row: Int, column: Int) { (dims.count > 1 ? left[dims.count - 2] : 0, left[dims.count - 1]) }
    var rightSteps: (row: Int, column: Int) { (dims.count > 1 ? right[dims.count - 2] : 0, right[dims.count - 1]) }

    @inline(__always) func forEachBlock(of tile: Int, _ body: (Block) -> Void) {
        let columns = columnCut.range(tile % columnCut.count)
        let rows = rowCut.range(tile / columnCut.count)
        let last = dims.count - 1
        var row = rows.lowerBound
        while row < rows.upperBound {
            var rest = row, l = columns.lowerBound * left[last], r = columns.lowerBound * right[last]
            var run = 1
            for axis in stride(from: last - 1, through: 0, by: -1) {
                let index = rest % dims[axis]
                rest /= dims[axis]
                l += index * left[axis]
                r += index * right[axis]
                if axis == last - 1 { run = min(dims[axis] - index, rows.upperBound - row) }
            }
            body(
                Block(
                    result: row * dims[last] + columns.lowerBound, left: l, right: r, rows: run, columns: columns.count))
            row += run
        }
    }
}
