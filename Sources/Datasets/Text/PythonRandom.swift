import Tensors

/// Python's `random`: the same seed gives the same numbers. Keras's `skipgrams` draws from it.
///
/// Source: CPython's `Lib/random.py` and `_randommodule.c`.
public struct PythonRandom: Sendable {
    private var generator: NumPyRandom

    /// As `random.seed(seed)` with an integer.
    public init(seed: Int) {
        let magnitude = UInt64(seed.magnitude)
        let low = UInt32(truncatingIfNeeded: magnitude), high = UInt32(truncatingIfNeeded: magnitude >> 32)
        let words = high == 0 ? [low] : [low, high]
        do { generator = try NumPyRandom(seeds: words) } catch { preconditionFailure("there is a word") }
    }

    /// In 0..<1, as `random.random()`.
    public mutating func random() -> Double { generator.randomSample() }

    /// Below `count`, which is at least 1.
    private mutating func below(_ count: UInt64) -> UInt64 {
        let bits = 64 - count.leadingZeroBitCount
        while true {
            var value = UInt64(0)
            var drawn = 0
            while drawn < bits {
                let width = min(32, bits - drawn)
                value |= UInt64(generator.next32() >> UInt32(32 - width)) << UInt64(drawn)
                drawn += width
            }
            if value < count { return value }
        }
    }

    /// From `low` to `high`, both included, as `random.randint(low, high)`; `low` is at most `high`.
    public mutating func randint(_ low: Int, _ high: Int) -> Int {
        precondition(low <= high, "an empty range")
        let count = UInt64(bitPattern: Int64(high) &- Int64(low)) &+ 1
        return count == 0 ? Int(truncatingIfNeeded: generator.next64()) : low &+ Int(truncatingIfNeeded: below(count))
    }

    /// As `random.shuffle(elements)`.
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, Int(below(UInt64(last) + 1)))
        }
    }
}
