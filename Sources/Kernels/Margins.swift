import CKernels

/// A dense array with margins of zeros added to its axes, or (negative) taken off.
///
/// The work is a number of *units*, rows of what is written, that can be done in any order.
package struct Margins: Hashable, Sendable {
    private struct Axis: Hashable, Sendable {
        var input, before, output: Int
        /// Elements from one place to the next in what is read.
        var stride: Int
    }

    private let outer: [Axis]
    /// The innermost axis with margins, whose places are runs of `inner` elements.
    private let last: Axis
    private let inner: Int
    private let elementBytes: Int

    package let units: Int
    /// Elements of one unit.
    package var unitCount: Int { last.output * inner }
    /// There are no margins.
    package let isIdentity: Bool

    /// - Parameters:
    ///   - extents: what is read.
    ///   - before: places added before the first, for each axis.
    ///   - after: places added behind the last.
    package init(extents: [Int], before: [Int], after: [Int], elementBytes: Int) {
        let touched = extents.indices.last { before[$0] != 0 || after[$0] != 0 }
        isIdentity = touched == nil
        let split = touched ?? 0
        var axes: [Axis] = []
        var stride = 1
        for axis in extents.indices.reversed() {
            axes.append(
                Axis(
                    input: extents[axis], before: before[axis], output: extents[axis] + before[axis] + after[axis],
                    stride: stride))
            stride *= extents[axis]
        }
        axes.reverse()
        last = axes.isEmpty ? Axis(input: 1, before: 0, output: 1, stride: 1) : axes[split]
        outer = Array(axes.prefix(split))
        inner = axes.isEmpty ? 1 : last.stride
        self.elementBytes = elementBytes
        units = outer.reduce(1) { $0 * $1.output }
    }

    /// Writes some units, or adds float32 elements to what is there.
    package func run(
        _ range: Range<Int>, from source: UnsafeRawPointer, to target: UnsafeMutableRawPointer, adding: Bool = false
    ) {
        let rowBytes = unitCount * elementBytes
        let first = max(0, min(last.output, last.before))
        let end = max(first, min(last.output, last.before + last.input))
        let (head, count) = (first * inner * elementBytes, (end - first) * inner * elementBytes)
        for unit in range {
            var (rest, offset, isInside) = (unit, (first - last.before) * last.stride, count > 0)
            for axis in outer.reversed() {
                let place = rest % axis.output - axis.before
                rest /= axis.output
                isInside = isInside && place >= 0 && place < axis.input
                offset += place * axis.stride
            }
            let row = target + unit * rowBytes
            if adding {
                guard isInside else { continue }
                let y = (row + head).assumingMemoryBound(to: Float.self)
                ck_add(y, (source + offset * elementBytes).assumingMemoryBound(to: Float.self), y, count / 4)
            } else if isInside {
                row.initializeMemory(as: UInt8.self, repeating: 0, count: head)
                (row + head).copyMemory(from: source + offset * elementBytes, byteCount: count)
                (row + head + count).initializeMemory(as: UInt8.self, repeating: 0, count: rowBytes - head - count)
            } else {
                row.initializeMemory(as: UInt8.self, repeating: 0, count: rowBytes)
            }
        }
    }
}
