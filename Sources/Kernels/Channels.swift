import CKernels

/// An array seen by channel: `outer` times `channels` runs of `run` elements. Channels last: runs of 1.
package struct ChannelLayout: Hashable, Sendable {
    package let outer: Int
    package let channels: Int
    package let run: Int

    package init(outer: Int, channels: Int, run: Int) {
        self.outer = outer
        self.channels = channels
        self.run = run
    }

    /// Elements of one outer index.
    package var row: Int { channels * run }

    /// The mean of each channel over outer indices `rows`, and the sum of squares about it, in two sweeps.
    package func moments(
        _ x: UnsafePointer<Float>, rows: Range<Int>, mean: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>
    ) {
        ck_channel_moments(x + rows.lowerBound * row, rows.count, channels, run, mean, squares)
    }

    /// Σ dy and Σ dy·(x − mean) of each channel over outer indices `rows`.
    package func gradientSums(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mean: UnsafePointer<Float>, rows: Range<Int>,
        sum: UnsafeMutablePointer<Float>, product: UnsafeMutablePointer<Float>
    ) {
        let start = rows.lowerBound * row
        ck_channel_gradient_sums(x + start, dy + start, mean, rows.count, channels, run, sum, product)
    }

    /// dx = a·dy + b·(x − mean) + d by channel, written or added.
    package func gradient(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mean: UnsafePointer<Float>, a: UnsafePointer<Float>,
        b: UnsafePointer<Float>, d: UnsafePointer<Float>, rows: Range<Int>, to dx: UnsafeMutablePointer<Float>,
        accumulate: Bool
    ) {
        let start = rows.lowerBound * row
        ck_channel_gradient(
            x + start, dy + start, mean, a, b, d, rows.count, channels, run, dx + start, accumulate ? 1 : 0)
    }

    /// y = scale·(x − mean) + shift by channel; y may be x. Rounds less than scale·x + (shift − scale·mean).
    package func normalize(
        _ x: UnsafePointer<Float>, mean: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        rows: Range<Int>, to y: UnsafeMutablePointer<Float>
    ) {
        let start = rows.lowerBound * row
        ck_channel_normalize(x + start, mean, scale, shift, rows.count, channels, run, y + start)
    }

    /// y = scale·x + shift by channel; y may be x.
    package func affine(
        _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>, rows: Range<Int>,
        to y: UnsafeMutablePointer<Float>
    ) {
        let start = rows.lowerBound * row
        ck_channel_affine(x + start, scale, shift, rows.count, channels, run, y + start)
    }

    /// y = scale·x + shift, and max(y, 0) if `rectifies`, where x has the channels `channels` of these alone; runs of 1. y may be x if those
    /// are all.
    package func affine(
        part x: UnsafePointer<Float>, channels part: Range<Int>, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
        rectifies: Bool, rows: Range<Int>, to y: UnsafeMutablePointer<Float>
    ) {
        ck_channel_affine_part(
            x + rows.lowerBound * part.count, part.count, scale + part.lowerBound, shift + part.lowerBound, rectifies, rows.count,
            part.count, y + rows.lowerBound * channels + part.lowerBound, channels)
    }

    /// dx = scale·dy by channel.
    package func scale(
        _ dy: UnsafePointer<Float>, by scale: UnsafePointer<Float>, rows: Range<Int>, to dx: UnsafeMutablePointer<Float>
    ) {
        let start = rows.lowerBound * row
        ck_channel_scale(dy + start, scale, rows.count, channels, run, dx + start)
    }

    /// dx += scale·dy by channel.
    package func addScaled(
        _ dy: UnsafePointer<Float>, scale: UnsafePointer<Float>, rows: Range<Int>, to dx: UnsafeMutablePointer<Float>
    ) {
        let start = rows.lowerBound * row
        ck_channel_axpy(dy + start, scale, rows.count, channels, run, dx + start)
    }
}
