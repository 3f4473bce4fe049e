#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// NumPy's legacy generator, `numpy.random.RandomState`: the same seed gives the same numbers, draw for draw.
///
/// Keras 2.3 shuffles samples with it (`np.random.shuffle(index_array)`), so its order of batches can be repeated.
/// Source: NumPy's `_legacy_seeding`, `mt19937.c` (Matsumoto and Nishimura's MT19937), `legacy-distributions.c`,
/// `distributions.c` (`random_interval`, masked bounded integers).
package struct NumPyRandom: Sendable, Hashable {
    /// The words of the Mersenne Twister, always 624.
    private var key: [UInt32]
    /// The next word to hand out; 624 when all are used.
    private var position: Int
    /// The second of a pair of normal numbers, kept for the next draw.
    private var cachedNormal: Double?

    private static let wordCount = 624

    /// As `numpy.random.RandomState(seed)` with an integer.
    package init(seed: UInt32) {
        key = NumPyRandom.words(from: seed)
        position = NumPyRandom.wordCount
    }

    /// As `numpy.random.RandomState(seeds)` with a sequence of integers. Throws 64 `random.seed` when it is empty.
    package init(seeds: [UInt32]) throws(LocatedError) {
        guard !seeds.isEmpty else {
            throw LocatedError(.usage, "random.seed", "expected at least one number to seed with, got none")
        }
        key = NumPyRandom.words(from: 19_650_218)
        position = NumPyRandom.wordCount
        var word = 1
        var seed = 0
        func advance(_ key: inout [UInt32]) {
            word += 1
            if word == NumPyRandom.wordCount {
                key[0] = key[NumPyRandom.wordCount - 1]
                word = 1
            }
        }
        for _ in 0..<max(NumPyRandom.wordCount, seeds.count) {
            let previous = key[word - 1]
            key[word] = (key[word] ^ ((previous ^ previous >> 30) &* 1_664_525)) &+ seeds[seed] &+ UInt32(truncatingIfNeeded: seed)
            advance(&key)
            seed = seed + 1 == seeds.count ? 0 : seed + 1
        }
        for _ in 1..<NumPyRandom.wordCount {
            let previous = key[word - 1]
            key[word] = (key[word] ^ ((previous ^ previous >> 30) &* 1_566_083_941)) &- UInt32(word)
            advance(&key)
        }
        key[0] = 0x8000_0000
    }

    private static func words(from seed: UInt32) -> [UInt32] {
        var words = [seed]
        words.reserveCapacity(wordCount)
        for index in 1..<wordCount {
            let previous = words[index - 1]
            words.append((previous ^ previous >> 30) &* 1_812_433_253 &+ UInt32(index))
        }
        return words
    }

    // MARK: - State

    /// What `RandomState.get_state()` gives, to go on later from the same place.
    package struct State: Sendable, Hashable {
        /// 624 words.
        package var key: [UInt32]
        /// 0 to 624.
        package var position: Int
        /// The normal number that is kept for the next draw, nil when there is none.
        package var cachedNormal: Double?

        package init(key: [UInt32], position: Int, cachedNormal: Double? = nil) {
            self.key = key
            self.position = position
            self.cachedNormal = cachedNormal
        }
    }

    package var state: State { State(key: key, position: position, cachedNormal: cachedNormal) }

    /// Goes on from a state. Throws 65 `random.state` when it is none.
    package init(state: State) throws(LocatedError) {
        guard state.key.count == NumPyRandom.wordCount, (0...NumPyRandom.wordCount).contains(state.position) else {
            throw LocatedError(
                .invalid, "random.state",
                "expected 624 words and a position from 0 to 624, got \(state.key.count) words and position \(state.position)")
        }
        key = state.key
        position = state.position
        cachedNormal = state.cachedNormal
    }

    // MARK: - Words

    /// The next 32 random bits.
    package mutating func next32() -> UInt32 {
        if position == NumPyRandom.wordCount { twist() }
        var word = key[position]
        position += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9d2c_5680
        word ^= word << 15 & 0xefc6_0000
        word ^= word >> 18
        return word
    }

    /// The next 64 random bits, the high half drawn first.
    package mutating func next64() -> UInt64 {
        let high = UInt64(next32())
        return high << 32 | UInt64(next32())
    }

    private mutating func twist() {
        let count = NumPyRandom.wordCount
        let middle = 397
        for index in 0..<count {
            let mixed = key[index] & 0x8000_0000 | key[(index + 1) % count] & 0x7fff_ffff
            key[index] = key[(index + middle) % count] ^ mixed >> 1 ^ (mixed & 1 == 0 ? 0 : 0x9908_b0df)
        }
        position = 0
    }

    /// A number from 0 to `largest`, both included, by drawing masked bits until they fit (`random_interval`).
    package mutating func interval(_ largest: UInt64) -> UInt64 {
        if largest == 0 { return 0 }
        let mask = UInt64.max >> UInt64(largest.leadingZeroBitCount)
        while true {
            let value = (largest <= 0xffff_ffff ? UInt64(next32()) : next64()) & mask
            if value <= largest { return value }
        }
    }

    // MARK: - Numbers

    /// A number in [0, 1) with 53 random bits, as `random_sample()`.
    package mutating func randomSample() -> Double {
        let high = next32() >> 5
        let low = next32() >> 6
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }

    /// `count` numbers in [0, 1), as `random_sample(count)`.
    package mutating func randomSample(_ count: Int) -> [Double] {
        (0..<count).map { _ in randomSample() }
    }

    /// A number in [low, high), as `uniform(low, high)`.
    package mutating func uniform(_ low: Double = 0, _ high: Double = 1) -> Double {
        low + (high - low) * randomSample()
    }

    /// An integer in the range, as `randint(low, high)` draws it for 64-bit integers; the range must not be empty.
    package mutating func randint(_ range: Range<Int>) -> Int {
        precondition(!range.isEmpty, "an empty range")
        let largest = UInt64(bitPattern: Int64(range.upperBound) &- Int64(range.lowerBound)) - 1
        return range.lowerBound &+ Int(truncatingIfNeeded: interval(largest))
    }

    /// A number from the standard normal distribution, as `standard_normal()`: Marsaglia's polar method, in pairs.
    package mutating func standardNormal() -> Double {
        if let cached = cachedNormal {
            cachedNormal = nil
            return cached
        }
        while true {
            let x = 2 * randomSample() - 1
            let y = 2 * randomSample() - 1
            let square = x * x + y * y
            if square >= 1 || square == 0 { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            cachedNormal = factor * x
            return factor * y
        }
    }

    // MARK: - Order

    /// Puts the elements in random order, as `shuffle` does with a vector.
    package mutating func shuffle<Element>(_ elements: inout [Element]) {
        for last in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(last, Int(interval(UInt64(last))))
        }
    }

    /// 0 to `count` - 1 in random order, as `permutation(count)`.
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }
}
