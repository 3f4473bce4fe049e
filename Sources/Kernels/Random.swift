import CKernels

/// A stream of counter-based random numbers: Philox4x32-10 (Salmon and others 2011). Any part of it can be computed by
/// anybody, in any order.
package struct RandomStream: Hashable, Sendable {
    /// The key of Philox.
    package let key: UInt64

    /// The stream of one place in a model in one training step: its key is Philox of (stream, step) under the seed.
    package init(seed: UInt64, step: UInt64, stream: UInt64) {
        let words = philox(counter: (stream, step), key: seed)
        key = words.0
    }

    /// The multipliers of inverted dropout for elements `first` ..< `first + count`; `first` is a multiple of 4.
    package func dropoutMask(
        first: Int, rate: Float, scale: Float, to mask: UnsafeMutablePointer<Float>, count: Int
    ) {
        ck_dropout_mask(key, UInt64(first), rate, scale, mask, count)
    }

    /// Numbers `first` ..< `first + count`, uniform from `low` to below `high`; `first` is a multiple of 4.
    package func uniform(first: Int, low: Float, high: Float, to y: UnsafeMutablePointer<Float>, count: Int) {
        ck_random_uniform(key, UInt64(first), low, high - low, y, count)
    }

    /// Normal numbers `first` ..< `first + count`; `first` is a multiple of 4.
    package func normal(first: Int, mean: Float, stddev: Float, to y: UnsafeMutablePointer<Float>, count: Int) {
        ck_random_normal(key, UInt64(first), mean, stddev, y, count)
    }

    /// y = x times those multipliers, written or added.
    package func dropout(
        first: Int, rate: Float, scale: Float, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int,
        accumulate: Bool
    ) {
        ck_dropout(key, UInt64(first), rate, scale, x, y, count, accumulate)
    }
}

/// Philox4x32-10: counter and result in two 64-bit halves, low word first.
package func philox(counter: (UInt64, UInt64), key: UInt64) -> (UInt64, UInt64) {
    // Words in memory order on either kind of machine; tuples, since a run may not allocate.
    let words = (
        UInt32(truncatingIfNeeded: counter.0), UInt32(truncatingIfNeeded: counter.0 >> 32),
        UInt32(truncatingIfNeeded: counter.1), UInt32(truncatingIfNeeded: counter.1 >> 32)
    )
    let keys = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    var output: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
    withUnsafeBytes(of: words) { words in
        withUnsafeBytes(of: keys) { keys in
            withUnsafeMutableBytes(of: &output) { output in
                ck_philox(
                    words.assumingMemoryBound(to: UInt32.self).baseAddress!,
                    keys.assumingMemoryBound(to: UInt32.self).baseAddress!,
                    output.assumingMemoryBound(to: UInt32.self).baseAddress!)
            }
        }
    }
    return (UInt64(output.0) | UInt64(output.1) << 32, UInt64(output.2) | UInt64(output.3) << 32)
}
