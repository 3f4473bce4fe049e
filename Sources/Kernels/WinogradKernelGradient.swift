import CKernels

/// The gradient of a convolution's kernel by Winograd: the derivative of `WinogradConvolution`, step by step in reverse.
///
/// Points of the outputs' gradient times those of the input, summed over tiles, are the gradient of the kernel's points; these
/// become the kernel's gradient once, when everything has been summed.
package struct WinogradKernelGradient: Hashable, Sendable {
    package let depth: Int
    package let width: Int
    private let forward: WinogradConvolution

    /// Nil for any other convolution than `WinogradConvolution` takes.
    package init?(_ geometry: ConvolutionGeometry) {
        guard let forward = WinogradConvolution(geometry) else { return nil }
        self.forward = forward
        (depth, width) = (forward.depth, forward.width)
    }

    package var tiles: Int { forward.tiles }
    package var blocks: Int { forward.blocks }

    private var source: WinogradConvolution.Points { forward.sourcePoints(ofTiles: forward.blockSize) }
    private var target: WinogradConvolution.Points { forward.targetPoints(ofTiles: forward.blockSize) }
    /// The kernel's points: a row for each input channel.
    private var sums: WinogradConvolution.Points { WinogradConvolution.Points(forward.tile, rows: depth, columns: width) }
    /// Elements of sums.
    package var sumCount: Int { sums.count }
    /// Elements of scratch for `add`.
    package var bufferCount: Int { source.count + target.count }

    /// Adds (or writes) what one block of tiles gives to the sums.
    ///
    /// - Parameters:
    ///   - gate: outputs of a rectifier, where `dy` is their gradient.
    ///   - points: the sums; nil when only the bias's are wanted.
    ///   - bias: the sum of the gradient by channel is added here; `width` elements.
    ///   - buffer: `bufferCount` elements.
    package func add(
        block index: Int, _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, accumulate: Bool,
        to points: UnsafeMutablePointer<Float>?, bias: UnsafeMutablePointer<Float>?, buffer: UnsafeMutablePointer<Float>
    ) {
        let tiles = forward.block(index)
        let gradients = buffer + source.count
        forward.targetGradientPoints(dy, gate: gate, tiles: tiles, to: gradients, target, bias: bias)
        guard let points else { return }
        forward.sourcePoints(.whole(x), tiles: tiles, to: buffer, source)
        let extents = ck_product_extents(
            rows: 1, columns: depth, a_column: 1, c_column: sums.row, segments: 1, length: tiles.count, step: source.row,
            n: sums.row, b_panel: panelWidth, b_row: target.row)
        var zero = 0
        for point in 0..<forward.tile.pointCount {
            ck_product(
                extents, buffer + point * source.matrix, &zero, &zero, gradients + point * target.matrix,
                points + point * sums.matrix, &zero, nil, productFlags(accumulate: accumulate, rectify: false))
        }
    }

    /// Adds sums to others, for a range of input channels.
    package func addSums(_ points: UnsafePointer<Float>, rows: Range<Int>, to others: UnsafeMutablePointer<Float>) {
        for point in 0..<forward.tile.pointCount {
            let start = point * sums.matrix + rows.lowerBound * sums.row
            Kernels.add(others + start, points + start, others + start, count: rows.count * sums.row)
        }
    }

    /// The kernel's gradient (3, 3, depth, width), for a range of input channels.
    package func finish(
        _ points: UnsafePointer<Float>, rows: Range<Int>, accumulate: Bool, to kernel: UnsafeMutablePointer<Float>
    ) {
        for row in rows {
            ck_winograd_kernel_gradient(
                ck_family_at_hand(), points + row * sums.row, sums.matrix, width, kernel + row * width, depth * width, accumulate)
        }
    }
}
