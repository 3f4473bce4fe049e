import CKernels

/// What is convolved: images of `axes` cells of `channels`, a kernel (taps, channels / groups, filters).
package struct ConvolutionGeometry: Hashable, Sendable {
    package let images: Int
    package let axes: WindowAxes
    package let channels: Int
    package let filters: Int
    package let groups: Int

    package init(images: Int, axes: WindowAxes, channels: Int, filters: Int, groups: Int) {
        self.images = images
        self.axes = axes
        self.channels = channels
        self.filters = filters
        self.groups = groups
    }

    /// Channels and filters of one group.
    package var depth: Int { channels / groups }
    package var width: Int { filters / groups }
    /// Each channel has its own kernel, and gives one filter.
    package var isDepthwise: Bool { groups > 1 && groups == channels && groups == filters }
    package var inputCount: Int { axes.inputCells * channels }
    package var outputCount: Int { axes.outputCells * filters }
    package var kernelCount: Int { axes.taps * depth * filters }
    /// Floating-point operations for one image.
    package var cost: Double { 2 * Double(axes.outputCells) * Double(axes.taps) * Double(depth) * Double(filters) }
}

/// A convolution computed in bands of output planes: the kernel's contiguous runs are read where they lie, in the image itself
/// or in a copy of a band of it that has its padding.
package struct ConvolutionBands: Hashable, Sendable {
    package let geometry: ConvolutionGeometry
    /// Output planes (along the first axis) of a band, at most, and the number of bands of an image.
    package let bandSize: Int
    package let bandCount: Int
    /// Filters that `forward` computes at a time, a multiple of 32 unless it is all of them: where the kernel is large, each part of it
    /// is read once for many cells, instead of all of it for few.
    package let columnStep: Int

    private let padded: PaddedPlanes?
    /// Elements between planes and cells of what is read.
    private let (planeStep, cellStep): (Int, Int)
    /// The runs of one window, and where the windows of each row of a band begin.
    private let runs: [Int]
    private let runLength: Int
    private let inputRows: [Int]
    private let outputRows: [Int]
    private let gradientRows: [Int]
    private let (columns, inputColumn): (Int, Int)
    /// Rows of the product that a plane is; or none, and all planes are one row, of so many cells each.
    private let rowsOfPlane: Int
    private let cellsOfPlane: Int

    /// - Parameter targetCost: floating-point operations that one band should take; less where there is little to do, so that
    ///   several threads have a part in it.
    package init(_ geometry: ConvolutionGeometry, targetCost: Double = 5e6) {
        self.geometry = geometry
        let least = geometry.isDepthwise ? 3e5 : 1e6
        let targetCost = max(min(targetCost, Double(geometry.images) * geometry.cost / 8), min(targetCost, least))
        let (first, middle, last) = (geometry.axes.first, geometry.axes.middle, geometry.axes.last)
        let planeCost = geometry.cost / Double(max(1, first.output))
        let cells = max(1, middle.output * last.output)
        let isLarge = geometry.groups == 1 && geometry.kernelCount > 65_536
        // Parts of the kernel are read again for each band.
        let leastPlanes = isLarge ? (63 + cells) / cells : geometry.groups == 1 ? (31 + cells) / cells : 1
        let wanted = Int(min(Double(max(1, first.output)), max(Double(leastPlanes), targetCost / max(1, planeCost))))
        let count = first.output == 0 ? 0 : (first.output + wanted - 1) / wanted
        // An even number of bands for one image, so that two threads get as much each.
        bandCount = geometry.images == 1 && count > 1 && count % 2 == 1 && count < first.output ? count + 1 : count
        bandSize = bandCount == 0 ? 0 : (first.output + bandCount - 1) / bandCount
        let parts = isLarge ? max(1, Int(planeCost * Double(bandSize) / (2 * targetCost))) : 1
        columnStep =
            parts == 1
            ? max(1, geometry.filters) : ((geometry.filters + parts - 1) / parts + panelWidth - 1) / panelWidth * panelWidth

        let channels = geometry.channels
        let isPadded = geometry.axes.all.contains(where: \.seesPadding)
        let (middleCount, lastCount) = isPadded ? (middle.span, last.span) : (middle.input, last.input)
        padded =
            isPadded
            ? PaddedPlanes(
                first: first.input, middle: middle.input, last: last.input, channels: channels, middleCount: middleCount,
                lastCount: lastCount, middleBegin: middle.begin, lastBegin: last.begin) : nil
        let lineStep = lastCount * channels
        planeStep = middleCount * lineStep
        cellStep = last.stride * channels

        var offsets: [Int] = []
        for a in 0..<first.kernel {
            for b in 0..<middle.kernel {
                for c in 0..<last.kernel {
                    offsets.append(
                        a * first.dilation * planeStep + b * middle.dilation * lineStep + c * last.dilation * channels)
                }
            }
        }
        (runs, runLength) = joined(offsets, geometry.depth)
        let filters = geometry.filters
        let length = runLength
        gradientRows = runs.indices.map { $0 * length * filters }

        let isPointwise = !isPadded && geometry.axes.all.allSatisfy { $0.kernel == 1 && $0.stride == 1 }
        if isPointwise || (middle.output == 1 && last.output == 1) {
            // Cells are equally far apart, from plane to plane too.
            (inputRows, outputRows) = ([0], [0])
            (columns, inputColumn) = (0, isPointwise ? channels : first.stride * planeStep)
            (rowsOfPlane, cellsOfPlane) = (0, cells)
        } else {
            var (from, to): ([Int], [Int]) = ([], [])
            for plane in 0..<bandSize {
                for line in 0..<middle.output {
                    from.append(plane * first.stride * planeStep + line * middle.stride * lineStep)
                    to.append((plane * middle.output + line) * last.output * filters)
                }
            }
            (inputRows, outputRows) = (from, to)
            (columns, inputColumn) = (last.output, cellStep)
            (rowsOfPlane, cellsOfPlane) = (middle.output, last.output)
        }
    }

    /// Output planes of a band; all bands have as many, or one less.
    package func planes(_ band: Int) -> Range<Int> {
        band * geometry.axes.first.output / bandCount..<(band + 1) * geometry.axes.first.output / bandCount
    }

    /// Elements of scratch for the copy of one band's input.
    package var bufferCount: Int {
        guard let padded, bandSize > 0 else { return 0 }
        let first = geometry.axes.first
        return ((bandSize - 1) * first.stride + (first.kernel - 1) * first.dilation + 1) * padded.planeCount
    }

    /// Rows and columns of the product for a number of planes.
    private func rowsAndColumns(_ planes: Int) -> (rows: Int, columns: Int) {
        rowsOfPlane == 0 ? (1, planes * cellsOfPlane) : (planes * rowsOfPlane, columns)
    }

    /// Where the windows of output planes begin: in the image `x`, or in a copy made in `buffer`.
    private func input(
        _ x: UnsafePointer<Float>, _ planes: Range<Int>, _ buffer: UnsafeMutablePointer<Float>
    ) -> UnsafePointer<Float> {
        let first = geometry.axes.first
        guard let padded else { return x + planes.lowerBound * first.stride * planeStep }
        let start = planes.lowerBound * first.stride - first.begin
        let count = (planes.count - 1) * first.stride + (first.kernel - 1) * first.dilation + 1
        padded.fill(start..<start + count, buffer) { offset, target, count in
            target.update(from: x + offset, count: count)
        }
        return UnsafePointer(buffer)
    }

    // MARK: Forward

    private var panelsOfGroup: Int { (geometry.width + panelWidth - 1) / panelWidth }
    private var panelCount: Int { geometry.axes.taps * geometry.depth * panelWidth }

    /// Panels of the packed kernel, and elements of all. A depthwise kernel stays as it is.
    package var panels: Int { geometry.isDepthwise ? 1 : geometry.groups * panelsOfGroup }
    package var packedCount: Int { geometry.isDepthwise ? geometry.kernelCount : panels * panelCount }

    /// Packs one panel of the kernel, scaled by filter where there is a scale.
    package func pack(
        _ kernel: UnsafePointer<Float>, panel: Int, scale: UnsafePointer<Float>? = nil, into packed: UnsafeMutablePointer<Float>
    ) {
        if geometry.isDepthwise {
            packed.update(from: kernel, count: geometry.kernelCount)
            if let scale {
                for index in 0..<geometry.kernelCount { packed[index] *= scale[index % geometry.filters] }
            }
            return
        }
        let (group, index) = (panel / panelsOfGroup, panel % panelsOfGroup)
        let start = group * geometry.width + index * panelWidth
        let width = min(panelWidth, geometry.width - index * panelWidth)
        let rows = geometry.axes.taps * geometry.depth
        let target = packed + panel * panelCount
        ck_pack_panels(kernel + start, geometry.filters, rows, width, target, panelCount)
        guard let scale else { return }
        for row in 0..<rows {
            for column in 0..<width { target[row * panelWidth + column] *= scale[start + column] }
        }
    }

    /// Output planes of one image: y = x ∗ kernel + bias.
    ///
    /// - Parameters:
    ///   - x: the image.
    ///   - packed: see `pack`.
    ///   - columns: the filters that are computed; nil: all. They begin at a multiple of `columnStep`.
    ///   - y: the first of these output planes, all filters.
    ///   - activation: last of all.
    ///   - buffer: `bufferCount` elements.
    package func forward(
        _ x: UnsafePointer<Float>, packed: UnsafePointer<Float>, bias: UnsafePointer<Float>?, planes: Range<Int>,
        columns filters: Range<Int>? = nil, activation: ProductActivation = .none, accumulate: Bool = false, to y: UnsafeMutablePointer<Float>,
        buffer: UnsafeMutablePointer<Float>
    ) {
        let flags = activation.flags(accumulate: accumulate)
        if var window = squareWindow, !accumulate {
            return ck_depthwise_windows(&window, x, packed, planes.lowerBound, planes.upperBound, y, bias, flags)
        }
        let input = input(x, planes, buffer)
        let (rows, columns) = rowsAndColumns(planes.count)
        if geometry.isDepthwise {
            return ck_depthwise(
                depthwiseExtents(rows, columns, taps: runs.count), input, inputRows, runs, packed, y, outputRows, bias, flags)
        }
        var extents = ck_product_extents(
            rows: rows, columns: columns, a_column: inputColumn, c_column: geometry.filters, segments: runs.count,
            length: runLength, step: 1, n: geometry.width, b_panel: panelCount, b_row: panelWidth)
        if let filters {
            extents.n = filters.count
            return ck_product(
                extents, input, inputRows, runs, packed + filters.lowerBound / panelWidth * panelCount, y + filters.lowerBound,
                outputRows, bias.map { $0 + filters.lowerBound }, flags)
        }
        for group in 0..<geometry.groups {
            let filter = group * geometry.width
            ck_product(
                extents, input + group * geometry.depth, inputRows, runs, packed + group * panelsOfGroup * panelCount,
                y + filter, outputRows, bias.map { $0 + filter }, flags)
        }
    }

    /// Depthwise windows that the image can be read through as it is.
    private var squareWindow: ck_depthwise_plane? {
        let (first, last) = (geometry.axes.first, geometry.axes.last)
        guard geometry.isDepthwise, geometry.channels >= 16, geometry.axes.middle == .single, first.kernel == last.kernel,
            first.stride == last.stride, first.dilation == 1, last.dilation == 1, first.kernel <= 64
        else { return nil }
        return ck_depthwise_plane(
            rows: first.input, columns: last.input, channels: geometry.channels, begin_y: first.begin, begin_x: last.begin,
            size: first.kernel, stride: first.stride, out_columns: last.output)
    }

    private func depthwiseExtents(_ rows: Int, _ columns: Int, taps: Int) -> ck_depthwise_extents {
        ck_depthwise_extents(
            rows: rows, columns: columns, a_column: inputColumn, c_column: geometry.filters, taps: taps,
            channels: geometry.channels)
    }

    // MARK: The kernel's gradient

    /// Parts of the kernel whose gradients can be computed apart.
    package var kernelParts: Int { runs.count }

    /// Whether `kernelGradient` reads behind the end of its `dy`.
    package var readsBehind: Bool { !geometry.isDepthwise && geometry.width % 16 != 0 }

    /// Adds (or writes) the gradient of parts of the kernel from output planes of one image.
    ///
    /// - Parameters:
    ///   - dy: the gradient of these output planes; readable up to 15 elements behind them if `readsBehind`.
    ///   - gradient: the whole kernel's.
    package func kernelGradient(
        _ x: UnsafePointer<Float>, dy: UnsafePointer<Float>, planes: Range<Int>, parts: Range<Int>, accumulate: Bool,
        to gradient: UnsafeMutablePointer<Float>, buffer: UnsafeMutablePointer<Float>
    ) {
        let input = input(x, planes, buffer)
        let (rows, columns) = rowsAndColumns(planes.count)
        let extents = ck_product_extents(
            rows: parts.count, columns: runLength, a_column: 1, c_column: geometry.filters, segments: rows, length: columns,
            step: inputColumn, n: geometry.width, b_panel: panelWidth, b_row: geometry.filters)
        runs.withUnsafeBufferPointer { runs in
            gradientRows.withUnsafeBufferPointer { gradientRows in
                if geometry.isDepthwise {
                    return ck_depthwise_gradient(
                        depthwiseExtents(rows, columns, taps: parts.count), input, inputRows,
                        runs.baseAddress! + parts.lowerBound, dy, gradient + parts.lowerBound * geometry.filters, accumulate)
                }
                for group in 0..<geometry.groups {
                    let filter = group * geometry.width
                    ck_product(
                        extents, input + group * geometry.depth, runs.baseAddress! + parts.lowerBound, inputRows, dy + filter,
                        gradient + filter, gradientRows.baseAddress! + parts.lowerBound, nil,
                        productFlags(accumulate: accumulate, rectify: false))
                }
            }
        }
    }
}

/// Columns of a panel of what is packed for the product.
let panelWidth = Int(CK_PANEL)
