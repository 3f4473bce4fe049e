import CKernels

/// The outputs of a tile along one axis: F(2 × 2, 3 × 3) or F(4 × 4, 3 × 3).
package enum WinogradTile: Int, Hashable, Sendable {
    case two = 2
    case four = 4

    /// Matrices of points: two more than cells along each axis.
    package var pointCount: Int { (rawValue + 2) * (rawValue + 2) }
}

/// A convolution of 3 × 3 taps with stride 1, or the gradient of its input, by Winograd's F(4 × 4, 3 × 3) or F(2 × 2, 3 × 3).
///
/// Both are y = x ∗ kernel for images of cells: for the gradient x is what arrives at the outputs, and the kernel is turned around
/// and transposed. Tiles of 4 × 4 (2 × 2) cells of y are counted through all images, row by row. A tile's 6 × 6 (4 × 4) cells of x become
/// 36 (16) *points*; for each of them a matrix product joins channels; and the points become the tile of y.
package struct WinogradConvolution: Hashable, Sendable {
    package let tile: WinogradTile
    /// Channels of x and of y.
    package let depth: Int
    package let width: Int
    /// Tiles of all images.
    package let tiles: Int
    /// Tiles that go through all steps together, so that what lies between stays in the second-level cache.
    package let blockSize: Int

    private let source: Extents
    private let target: Extents
    private let family = ck_family_at_hand()
    /// Taps are read in reverse order from a kernel (taps, width, depth).
    private let isTransposed: Bool
    /// Columns of y's points that are computed at a time.
    private let groupWidth: Int

    /// Tiles of a block, at most; a multiple of the rows that the product's inner loops take.
    private static let largestBlock = 48
    /// The same where there are less than eight such blocks, which two threads can't share evenly.
    private static let smallerBlock = 32

    /// Nil for any other convolution.
    package init?(_ geometry: ConvolutionGeometry, tile: WinogradTile = .four) {
        self.init(geometry, tile, isTransposed: false)
    }

    /// The gradient of the convolution's input, from that of its outputs.
    package init?(gradientOf geometry: ConvolutionGeometry) { self.init(geometry, .four, isTransposed: true) }

    private init?(_ geometry: ConvolutionGeometry, _ tile: WinogradTile, isTransposed: Bool) {
        let (first, middle, last) = (geometry.axes.first, geometry.axes.middle, geometry.axes.last)
        guard middle == .single, [first, last].allSatisfy({ $0.kernel == 3 && $0.stride == 1 && $0.dilation == 1 }),
            geometry.groups == 1, geometry.channels > 0, geometry.filters > 0
        else { return nil }
        self.tile = tile
        self.isTransposed = isTransposed
        let (read, written) = isTransposed ? (\WindowAxis.output, \WindowAxis.input) : (\WindowAxis.input, \WindowAxis.output)
        (depth, width) = isTransposed ? (geometry.filters, geometry.channels) : (geometry.channels, geometry.filters)
        func begin(_ axis: WindowAxis) -> Int { isTransposed ? axis.kernel - 1 - axis.begin : axis.begin }
        let cells = tile.rawValue
        let tilesY = (first[keyPath: written] + cells - 1) / cells, tilesX = (last[keyPath: written] + cells - 1) / cells
        source = Extents(
            cells: cells, rows: first[keyPath: read], columns: last[keyPath: read], channels: depth, beginY: begin(first), beginX: begin(last),
            tilesY: tilesY, tilesX: tilesX)
        target = Extents(
            cells: cells, rows: first[keyPath: written], columns: last[keyPath: written], channels: width, beginY: 0, beginX: 0, tilesY: tilesY,
            tilesX: tilesX)
        tiles = geometry.images * tilesY * tilesX
        // Blocks of equal size, and several of them where an image is large enough: they are what threads share.
        let largest = tiles < 8 * Self.largestBlock ? Self.smallerBlock : Self.largestBlock
        let blocks = max((tiles + largest - 1) / largest, tiles < 32 ? tiles / 8 : min(4, tiles / 16))
        blockSize = blocks == 0 ? 8 : min(largest, ((tiles + blocks - 1) / blocks + 7) / 8 * 8)
        groupWidth = width <= 96 ? width : 64
    }

    /// What the kernels of `CKernels` are told of images.
    private struct Extents: Hashable, Sendable {
        let cells, rows, columns, channels, beginY, beginX, tilesY, tilesX: Int

        var images: ck_winograd_images {
            ck_winograd_images(
                cells: Int32(cells), rows: rows, columns: columns, channels: channels, begin_y: beginY, begin_x: beginX,
                tiles_y: tilesY, tiles_x: tilesX)
        }
    }

    /// Rows of a tile's matrices of points, for so many tiles.
    package struct Points: Hashable, Sendable {
        /// Elements from row to row, and from matrix to matrix.
        package let row: Int
        package let matrix: Int
        /// Elements altogether.
        package let count: Int
        var strides: ck_winograd_points { ck_winograd_points(point_stride: matrix, row_stride: row) }

        /// Rows are at least a vector long, and the matrices don't begin at the same place of a page of the cache.
        package init(_ tile: WinogradTile, rows: Int, columns: Int) {
            row = (columns + 15) / 16 * 16
            matrix = rows * row + 16
            count = tile.pointCount * matrix
        }
    }

    /// The layout of x's points, and of y's, for so many tiles.
    package func sourcePoints(ofTiles tiles: Int) -> Points { Points(tile, rows: tiles, columns: depth) }
    package func targetPoints(ofTiles tiles: Int) -> Points { Points(tile, rows: tiles, columns: width) }

    // MARK: The kernel

    /// Parts in which the kernel can be packed.
    package var panels: Int { (width + panelWidth - 1) / panelWidth }
    private var panelCount: Int { depth * panelWidth }
    private var packedStride: Int { panels * panelCount + 16 }
    /// Elements of the packed kernel's points.
    package var packedCount: Int { tile.pointCount * packedStride }
    /// Elements of scratch for packing.
    package var packingCount: Int { 9 * panelCount }

    /// Turns one panel of the kernel (3, 3, channels, filters) into points, scaled by filter where there is a scale.
    package func pack(
        _ kernel: UnsafePointer<Float>, panel: Int, scale: UnsafePointer<Float>? = nil, into packed: UnsafeMutablePointer<Float>,
        buffer: UnsafeMutablePointer<Float>
    ) {
        let start = panel * panelWidth
        let columns = min(panelWidth, width - start)
        for tap in 0..<9 {
            let taps = buffer + tap * panelCount
            if isTransposed {
                ck_pack_panels_transposed(
                    kernel + (8 - tap) * depth * width + start * depth, depth, depth, columns, taps, panelCount)
            } else {
                ck_pack_panels(kernel + tap * depth * width + start, width, depth, columns, taps, panelCount)
            }
            guard let scale else { continue }
            for row in 0..<depth { for column in 0..<columns { taps[row * panelWidth + column] *= scale[start + column] } }
        }
        ck_winograd_kernel(
            family, Int32(tile.rawValue), buffer, panelCount, panelCount, packed + panel * panelCount, packedStride)
    }

    // MARK: Steps

    package func block(_ index: Int) -> Range<Int> { index * blockSize..<min(tiles, (index + 1) * blockSize) }
    package var blocks: Int { (tiles + blockSize - 1) / blockSize }

    /// Images of cells whose channels are one array, or several side by side.
    package enum Source {
        /// - Parameter gate: outputs of a rectifier whose inputs' gradient is wanted, where x is its outputs'.
        case whole(UnsafePointer<Float>, gate: UnsafePointer<Float>? = nil)
        /// Channels of each, multiples of 16, which add up to `depth`.
        case parts(UnsafePointer<UnsafeMutableRawPointer>, channels: [Int])
    }

    /// Points of x for tiles, in rows 0, 1, ….
    package func sourcePoints(
        _ x: Source, tiles: Range<Int>, to points: UnsafeMutablePointer<Float>, _ layout: Points
    ) {
        var images = source.images
        switch x {
        case .whole(let x, let gate): ck_winograd_input(family, &images, x, gate, tiles.lowerBound, tiles.count, points, layout.strides)
        case .parts(let parts, let channels):
            var start = 0
            for (index, count) in channels.enumerated() {
                images.channels = count
                let part = parts[index].assumingMemoryBound(to: Float.self)
                ck_winograd_input(family, &images, part, nil, tiles.lowerBound, tiles.count, points + start, layout.strides)
                start += count
            }
        }
    }

    /// The gradient of y's points from that of y's cells, for tiles in rows 0, 1, ….
    ///
    /// - Parameters:
    ///   - gate: y itself, when a rectifier made it.
    ///   - bias: what is read is added here, by channel.
    func targetGradientPoints(
        _ dy: UnsafePointer<Float>, gate: UnsafePointer<Float>?, tiles: Range<Int>, to points: UnsafeMutablePointer<Float>,
        _ layout: Points, bias: UnsafeMutablePointer<Float>?
    ) {
        var images = target.images
        ck_winograd_output_gradient(family, &images, dy, gate, tiles.lowerBound, tiles.count, points, layout.strides, bias)
    }

    /// One matrix of y's points from that of x: columns of a range that begins at a panel.
    package func product(
        point: Int, rows: Int, columns: Range<Int>, _ points: UnsafePointer<Float>, _ layout: Points,
        packed: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, _ resultLayout: Points
    ) {
        // Whole vectors: the packed kernel has zeros behind its columns, and rows of points have room.
        let extents = ck_product_extents(
            rows: 1, columns: rows, a_column: layout.row, c_column: resultLayout.row, segments: 1, length: depth, step: 1,
            n: (columns.count + 15) / 16 * 16, b_panel: panelCount, b_row: panelWidth)
        var zero = 0
        ck_product_by(
            family, extents, points + point * layout.matrix, &zero, &zero,
            packed + point * packedStride + columns.lowerBound / panelWidth * panelCount, result + point * resultLayout.matrix,
            &zero, nil, 0)
    }

    /// What is done with y on its way to memory.
    package struct Finish {
        package var bias: UnsafePointer<Float>?
        /// Added; an array like y, perhaps y's own memory.
        package var residual: UnsafePointer<Float>?
        package var activation = ProductActivation.none
        package var accumulates = false

        package init(
            bias: UnsafePointer<Float>? = nil, residual: UnsafePointer<Float>? = nil, activation: ProductActivation = .none,
            accumulates: Bool = false
        ) {
            (self.bias, self.residual, self.activation, self.accumulates) = (bias, residual, activation, accumulates)
        }
    }

    /// Tiles of y from rows 0, 1, … of its points.
    package func targetCells(
        _ points: UnsafePointer<Float>, _ layout: Points, tiles: Range<Int>, columns: Range<Int>, _ finish: Finish,
        to y: UnsafeMutablePointer<Float>
    ) {
        var images = target.images
        ck_winograd_output(
            family, &images, points, layout.strides, columns.lowerBound, columns.count, finish.bias, finish.residual,
            finish.activation.flags(accumulate: finish.accumulates), tiles.lowerBound, tiles.count, y)
    }

    /// Calls `body` with the runs of y's elements that tiles cover, all their channels.
    package func forEachRun(of tiles: Range<Int>, _ body: (_ start: Int, _ count: Int) -> Void) {
        let cells = tile.rawValue
        var next = tiles.lowerBound
        while next < tiles.upperBound {
            let (row, column) = (next / target.tilesX, next % target.tilesX)
            let count = min(target.tilesX - column, tiles.upperBound - next)
            let (image, y0) = (row / target.tilesY, row % target.tilesY * cells)
            let (x0, x1) = (column * cells, min(target.columns, (column + count) * cells))
            for y in y0..<min(target.rows, y0 + cells) {
                body(((image * target.rows + y) * target.columns + x0) * width, (x1 - x0) * width)
            }
            next += count
        }
    }

    // MARK: All steps of a block

    private var sourceLayout: Points { sourcePoints(ofTiles: blockSize) }
    private var targetLayout: Points { Points(tile, rows: blockSize, columns: groupWidth) }
    /// Elements of scratch for `run`.
    package var bufferCount: Int { sourceLayout.count + targetLayout.count }

    /// Writes or adds a block's tiles of y.
    ///
    /// - Parameters:
    ///   - x: all images, as is `y`.
    ///   - packed: see `pack`.
    ///   - buffer: `bufferCount` elements.
    package func run(
        block index: Int, _ x: Source, packed: UnsafePointer<Float>, _ finish: Finish, to y: UnsafeMutablePointer<Float>,
        buffer: UnsafeMutablePointer<Float>
    ) {
        let (tiles, points) = (block(index), buffer + sourceLayout.count)
        sourcePoints(x, tiles: tiles, to: buffer, sourceLayout)
        for start in stride(from: 0, to: width, by: groupWidth) {
            let columns = start..<min(width, start + groupWidth)
            for point in 0..<tile.pointCount {
                product(
                    point: point, rows: tiles.count, columns: columns, buffer, sourceLayout, packed: packed, to: points,
                    targetLayout)
            }
            targetCells(points, targetLayout, tiles: tiles, columns: columns, finish, to: y)
        }
    }
}
