/// Sums in the order in which NumPy adds elements up, which decides the last bits of means and deviations.
///
/// Elements are taken in the order of memory, up to 8192 at a time, and those of a run are added pairwise. Source: NumPy 1.18,
/// `nditer` with its buffers, `loops.c.src` (`pairwise_sum`).
enum NumPySums {
    /// NumPy's buffer, in elements.
    private static var run: Int { 8192 }

    /// `before` and `value(first)` ..< `value(first + count)` added up.
    static func sum<Number: PictureNumber>(
        _ before: Number = 0, from first: Int = 0, count: Int, _ value: (Int) -> Number
    ) -> Number {
        var sum = before
        for start in stride(from: first, to: first + count, by: run) {
            sum += pairwise(start, min(run, first + count - start), value)
        }
        return sum
    }

    /// Sums by channel of an array of (samples, channels, elements) or, with one element, (samples, channels).
    static func sums<Number: PictureNumber>(
        samples: Int, channels: Int, elements: Int, _ value: (Int, _ channel: Int) -> Number
    ) -> [Number] {
        // An axis of one channel doesn't part the elements.
        if channels == 1 { return [sum(count: samples * elements) { value($0, 0) }] }
        var sums = [Number](repeating: 0, count: channels)
        for sample in 0..<samples {
            for channel in 0..<channels {
                let first = (sample * channels + channel) * elements
                if elements == 1 { sums[channel] += value(first, channel) } else {
                    sums[channel] = sum(sums[channel], from: first, count: elements) { value($0, channel) }
                }
            }
        }
        return sums
    }

    private static func pairwise<Number: PictureNumber>(
        _ first: Int, _ count: Int, _ value: (Int) -> Number
    ) -> Number {
        if count < 8 {
            var sum: Number = 0
            for index in 0..<count { sum += value(first + index) }
            return sum
        }
        if count <= 128 {
            var r0 = value(first), r1 = value(first + 1), r2 = value(first + 2), r3 = value(first + 3)
            var r4 = value(first + 4), r5 = value(first + 5), r6 = value(first + 6), r7 = value(first + 7)
            var index = 8
            while index < count - count % 8 {
                let start = first + index
                r0 += value(start)
                r1 += value(start + 1)
                r2 += value(start + 2)
                r3 += value(start + 3)
                r4 += value(start + 4)
                r5 += value(start + 5)
                r6 += value(start + 6)
                r7 += value(start + 7)
                index += 8
            }
            var sum = ((r0 + r1) + (r2 + r3)) + ((r4 + r5) + (r6 + r7))
            while index < count {
                sum += value(first + index)
                index += 1
            }
            return sum
        }
        let half = count / 2 - count / 2 % 8
        return pairwise(first, half, value) + pairwise(first + half, count - half, value)
    }
}
