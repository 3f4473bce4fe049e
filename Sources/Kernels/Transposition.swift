import CKernels

/// A permutation of the axes of a dense array, brought to its simplest form: axes that stay neighbours are one.
///
/// The work is a number of *units* that can be done in any order: either runs of bytes that stay together, or transpositions of
/// a matrix.
package struct Transposition: Hashable, Sendable {
    private struct Axis: Hashable, Sendable {
        var extent: Int
        /// In elements.
        var from, to: Int
    }

    private let elementBytes: Int
    /// All other axes, outermost first.
    private let outer: [Axis]
    /// The axis that is innermost in what is written.
    private let rows: Axis
    /// The axis that is innermost in what is read; nil when that is `rows` too.
    private let columns: Axis?

    /// Nothing moves.
    package let isIdentity: Bool
    package let units: Int
    /// Elements of one unit.
    package let unitCount: Int

    /// - Parameters:
    ///   - extents: what is read.
    ///   - permutation: axis `i` of what is written is axis `permutation[i]` of what is read.
    ///   - elementBytes: 1, 2, 4 or 8.
    package init(extents: [Int], permutation: [Int], elementBytes: Int) {
        precondition([1, 2, 4, 8].contains(elementBytes))
        var strides = [Int](repeating: 1, count: extents.count)
        for axis in extents.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * extents[axis + 1] }
        var axes: [Axis] = []
        for source in permutation where extents[source] != 1 {
            if let last = axes.last, last.from == extents[source] * strides[source] {
                axes[axes.count - 1] = Axis(extent: last.extent * extents[source], from: strides[source], to: 0)
            } else {
                axes.append(Axis(extent: extents[source], from: strides[source], to: 0))
            }
        }
        if axes.isEmpty { axes = [Axis(extent: 1, from: 1, to: 1)] }
        var step = 1
        for index in axes.indices.reversed() {
            axes[index].to = step
            step *= axes[index].extent
        }
        self.elementBytes = elementBytes
        isIdentity = axes.count == 1 || step == 0
        rows = axes.removeLast()
        if rows.from == 1 || step == 0 {
            columns = nil
        } else {
            columns = axes.remove(at: axes.firstIndex { $0.from == 1 }!)
        }
        outer = axes
        unitCount = rows.extent * (columns?.extent ?? 1)
        units = step == 0 ? 0 : axes.reduce(1) { $0 * $1.extent }
    }

    /// Copies some units; `adding` adds float32 elements to what is there.
    package func run(
        _ range: Range<Int>, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, adding: Bool = false
    ) {
        guard !range.isEmpty else { return }
        precondition(!adding || elementBytes == 4)
        withUnsafeTemporaryAllocation(of: Int.self, capacity: outer.count + 1) { index in
            var rest = range.lowerBound
            var (from, to) = (0, 0)
            for axis in outer.indices.reversed() {
                index[axis] = rest % outer[axis].extent
                rest /= outer[axis].extent
                from += index[axis] * outer[axis].from
                to += index[axis] * outer[axis].to
            }
            for _ in range {
                move(source + from * elementBytes, target + to * elementBytes, adding)
                var axis = outer.count - 1
                while axis >= 0 {
                    index[axis] += 1
                    from += outer[axis].from
                    to += outer[axis].to
                    if index[axis] < outer[axis].extent { break }
                    from -= outer[axis].from * outer[axis].extent
                    to -= outer[axis].to * outer[axis].extent
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }

    private func move(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ adding: Bool) {
        if adding {
            let (x, y) = (source.assumingMemoryBound(to: Float.self), target.assumingMemoryBound(to: Float.self))
            if let columns {
                ck_transpose_add(x, rows.from, y, columns.to, rows.extent, columns.extent)
            } else {
                ck_add(y, x, y, rows.extent)
            }
            return
        }
        guard let columns else { return target.copyMemory(from: source, byteCount: rows.extent * elementBytes) }
        switch elementBytes {
        case 1: ck_transpose_1(source, rows.from, target, columns.to, rows.extent, columns.extent)
        case 2: ck_transpose_2(source, rows.from, target, columns.to, rows.extent, columns.extent)
        case 4: ck_transpose_4(source, rows.from, target, columns.to, rows.extent, columns.extent)
        default: ck_transpose_8(source, rows.from, target, columns.to, rows.extent, columns.extent)
        }
    }
}
