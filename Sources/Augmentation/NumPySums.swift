/// Sums in the order in which NumPy adds elements up, which decides the last bits of means and deviations.
///
/// NumPy sorts the axes of an array by their distances in memory, joins those that follow each other without a gap, and runs the
/// innermost as one loop: pairwise when it is summed away, else element by element. Source: NumPy 1.18, `nditer_constr.c`,
/// `reduction.c`, `loops.c.src` (`pairwise_sum`).
struct NumPySums {
    /// An axis of an array.
    struct Axis {
        var extent: Int
        /// Distance in NumPy's memory, in elements; negative where it goes backwards.
        var numpyStride: Int
        /// Whether sums are kept apart along it; at most one axis is.
        var isKept = false
    }

    /// An axis, and the distance of its places among elements that follow each other in NumPy's order.
    private struct Loop {
        var extent: Int
        var stride: Int
        var isKept: Bool
    }

    /// From the outermost to the innermost.
    private let loops: [Loop]
    private let kept: Int

    /// - Parameter axes: from the largest distance in NumPy's memory to the smallest.
    init(_ axes: [Axis]) {
        kept = axes.first { $0.isKept }?.extent ?? 1
        var stride = 1
        var inner: (loop: Loop, numpyStride: Int)?
        var loops: [Loop] = []
        for axis in axes.reversed() where axis.extent != 1 {
            if let (loop, numpyStride) = inner, loop.isKept == axis.isKept, axis.numpyStride == loop.extent * numpyStride {
                inner = (Loop(extent: loop.extent * axis.extent, stride: loop.stride, isKept: loop.isKept), numpyStride)
            } else {
                if let inner { loops.append(inner.loop) }
                inner = (Loop(extent: axis.extent, stride: stride, isKept: axis.isKept), axis.numpyStride)
            }
            stride *= axis.extent
        }
        if let inner { loops.append(inner.loop) }
        self.loops = loops.reversed()
    }

    /// The sums, one for each place of the kept axis, or one of all, of what `value` makes of the element at a
    /// place in NumPy's order.
    func sums<Number: PictureNumber>(_ value: (Int, _ kept: Int) -> Number) -> [Number] {
        var sums = [Number](repeating: 0, count: kept)
        if loops.contains(where: { $0.extent == 0 }) { return sums }
        add(loops[...], 0, 0, &sums, value)
        return sums
    }

    private func add<Number: PictureNumber>(
        _ loops: ArraySlice<Loop>, _ offset: Int, _ place: Int, _ sums: inout [Number], _ value: (Int, Int) -> Number
    ) {
        guard let loop = loops.first else {
            sums[place] += value(offset, place)
            return
        }
        if loops.count == 1, !loop.isKept {
            sums[place] += Self.pairwise(loop.extent, loop.stride, offset) { value($0, place) }
            return
        }
        if loops.count == 2, !loop.isKept, let last = loops.last, last.isKept {
            // The common case, channels last: no calls in the loop.
            for index in 0..<loop.extent {
                let start = offset + index * loop.stride
                for kept in 0..<last.extent { sums[kept] += value(start + kept * last.stride, kept) }
            }
            return
        }
        for index in 0..<loop.extent {
            add(loops.dropFirst(), offset + index * loop.stride, loop.isKept ? index : place, &sums, value)
        }
    }

    private static func pairwise<Number: PictureNumber>(
        _ count: Int, _ stride: Int, _ offset: Int, _ value: (Int) -> Number
    ) -> Number {
        if count < 8 {
            var sum: Number = 0
            for index in 0..<count { sum += value(offset + index * stride) }
            return sum
        }
        if count <= 128 {
            var r0 = value(offset), r1 = value(offset + stride), r2 = value(offset + 2 * stride), r3 = value(offset + 3 * stride)
            var r4 = value(offset + 4 * stride), r5 = value(offset + 5 * stride), r6 = value(offset + 6 * stride)
            var r7 = value(offset + 7 * stride)
            var index = 8
            while index < count - count % 8 {
                let start = offset + index * stride
                r0 += value(start)
                r1 += value(start + stride)
                r2 += value(start + 2 * stride)
                r3 += value(start + 3 * stride)
                r4 += value(start + 4 * stride)
                r5 += value(start + 5 * stride)
                r6 += value(start + 6 * stride)
                r7 += value(start + 7 * stride)
                index += 8
            }
            var sum = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
            while index < count {
                sum += value(offset + index * stride)
                index += 1
            }
            return sum
        }
        let half = count / 2 - count / 2 % 8
        return pairwise(half, stride, offset, value) + pairwise(count - half, stride, offset + half * stride, value)
    }
}
