/// Philox4x32-10: random numbers without state. A counter and a key give four 32-bit numbers, always the same, so any element
/// of an array can be drawn by itself, on any thread, in any order.
///
/// Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC11); Random123.
package enum Philox {
    /// Ten rounds.
    @inlinable
    package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var counter = counter
        var key = key
        for _ in 0..<9 {
            counter = round(counter, key)
            key &+= SIMD2(0x9E37_79B9, 0xBB67_AE85)
        }
        return round(counter, key)
    }

    @inlinable @inline(__always)
    package static func round(_ counter: SIMD4<UInt32>, _ key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        let first = UInt64(0xD251_1F53) &* UInt64(counter[0])
        let second = UInt64(0xCD9E_8D57) &* UInt64(counter[2])
        return SIMD4(
            UInt32(truncatingIfNeeded: second >> 32) ^ counter[1] ^ key[0], UInt32(truncatingIfNeeded: second),
            UInt32(truncatingIfNeeded: first >> 32) ^ counter[3] ^ key[1], UInt32(truncatingIfNeeded: first))
    }
}

/// One of many independent sequences of random numbers that a seed has. The same seed and stream give the same numbers on
/// every machine.
///
/// The key is the seed; the counter is the block's number (low 64 bits) and the stream (high 64 bits).
package struct RandomStream: Sendable {
    private let seed: UInt64
    private let stream: UInt64
    private var nextBlock: UInt64 = 0
    private var block = SIMD4<UInt32>()
    private var left = 0
    private var spareNormal: Double?

    package init(seed: UInt64, stream: UInt64 = 0) {
        self.seed = seed
        self.stream = stream
    }

    /// 32 random bits.
    package mutating func bits() -> UInt32 {
        if left == 0 {
            block = Philox.block(
                counter: SIMD4(low(nextBlock), high(nextBlock), low(stream), high(stream)), key: SIMD2(low(seed), high(seed)))
            nextBlock &+= 1
            left = 4
        }
        left -= 1
        return block[3 - left]
    }

    /// Uniform in 0..<1, in steps of 2⁻²⁴: exact as `Float`.
    package mutating func uniform() -> Float { Float(bits() >> 8) * 0x1p-24 }

    /// Uniform in 0..<1, in steps of 2⁻⁵³.
    package mutating func uniformDouble() -> Double {
        let high = UInt64(bits() >> 5)
        let low = UInt64(bits() >> 6)
        return Double(high << 26 | low) * 0x1p-53
    }

    /// Normal with mean 0 and standard deviation 1 (the polar method of Marsaglia).
    package mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        while true {
            let x = 2 * uniformDouble() - 1
            let y = 2 * uniformDouble() - 1
            let square = x * x + y * y
            guard square > 0, square < 1 else { continue }
            let factor = (-2 * logarithm(square) / square).squareRoot()
            spareNormal = y * factor
            return x * factor
        }
    }

    /// Normal, drawn again until it is within two standard deviations.
    package mutating func truncatedNormal() -> Double {
        while true {
            let value = normal()
            if abs(value) < 2 { return value }
        }
    }
}

private func low(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }
private func high(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }

/// The natural logarithm of a number in 0..<1, from arithmetic alone: the same bits whatever the machine's mathematics library.
private func logarithm(_ x: Double) -> Double {
    // x = 2^e·m with m in [√½, √2); log m = 2·artanh((m − 1) / (m + 1)).
    var exponent = Double(x.exponent)
    var mantissa = x.significand
    if mantissa > 2.0.squareRoot() {
        mantissa /= 2
        exponent += 1
    }
    let z = (mantissa - 1) / (mantissa + 1)
    let square = z * z
    var sum = 0.0
    for n in stride(from: 21, through: 3, by: -2) { sum = (sum + 1 / Double(n)) * square }
    let ln2High = 0x1.62e42fefa0000p-1
    let ln2Low = 0x1.cf79abc9e3b3ap-40
    return exponent * ln2High + (2 * z * (1 + sum) + exponent * ln2Low)
}
