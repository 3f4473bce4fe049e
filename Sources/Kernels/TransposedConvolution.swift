import CKernels

/// The gradient of a convolution's input, which is also a transposed convolution's result: each input cell gathers from the
/// outputs that saw it.
///
/// Cells whose position has the same residue modulo the strides form a *phase*; within a phase this is a convolution with
/// stride 1 over a part of the taps, in reverse order. So nothing is scattered, and bands of cells are independent.
package struct TransposedConvolutionBands: Hashable, Sendable {
    package let geometry: ConvolutionGeometry
    /// Steps along the first axis (each of `stride` planes of input) of a band, and the number of bands of an image.
    package let bandSize: Int
    package let bandCount: Int

    private let axes: [PhaseAxis]
    private let phases: [Phase]
    private let padded: PaddedPlanes
    /// Whether what is gathered from may be read where it lies: nothing is missing around it.
    private let readsInPlace: Bool

    /// - Parameters:
    ///   - targetCost: floating-point operations that one band should take.
    package init(_ geometry: ConvolutionGeometry, targetCost: Double = 5e6) {
        self.geometry = geometry
        let axes = geometry.axes.all.map(PhaseAxis.init)
        self.axes = axes
        let steps = axes[0].count
        let stepCost = geometry.cost / Double(max(1, steps))
        let wanted = Int(min(Double(max(1, steps)), max(1, targetCost / max(1, stepCost))))
        bandCount = (steps + wanted - 1) / wanted
        bandSize = bandCount == 0 ? 0 : (steps + bandCount - 1) / bandCount
        readsInPlace = axes.allSatisfy(\.isInside)

        let (_, middle, last) = (geometry.axes.first, geometry.axes.middle, geometry.axes.last)
        let filters = geometry.filters
        padded = PaddedPlanes(
            first: geometry.axes.first.output, middle: middle.output, last: last.output, channels: filters,
            middleCount: readsInPlace ? middle.output : axes[1].count + axes[1].reach,
            lastCount: readsInPlace ? last.output : axes[2].count + axes[2].reach,
            middleBegin: readsInPlace ? 0 : axes[1].reach - axes[1].start,
            lastBegin: readsInPlace ? 0 : axes[2].reach - axes[2].start)
        let lineStep = padded.lastCount * filters
        let steps3 = [padded.planeCount, lineStep, filters]

        var phases: [Phase] = []
        var packed = 0
        for a in axes[0].residues {
            for b in axes[1].residues {
                for c in axes[2].residues {
                    let phase = Phase(
                        [a, b, c], axes, geometry, steps: steps3, bandSize: bandSize, packedOffset: packed)
                    packed += geometry.groups * phase.groupCount(geometry)
                    if phase.rowCount > 0 && phase.columns > 0 { phases.append(phase) }
                }
            }
        }
        self.phases = phases
        packedCount = packed
    }

    /// Elements of the packed kernel.
    package let packedCount: Int
    /// Elements of scratch for the copy of one band.
    package var bufferCount: Int { (bandSize + axes[0].reach) * padded.planeCount }

    /// Packs the part of the kernel (taps, depth, filters) that belongs to one tap.
    package func pack(_ kernel: UnsafePointer<Float>, tap: Int, into packed: UnsafeMutablePointer<Float>) {
        let (depth, width, filters) = (geometry.depth, geometry.width, geometry.filters)
        for phase in phases {
            guard let place = phase.taps.firstIndex(of: tap) else { continue }
            if geometry.isDepthwise {
                (packed + phase.packedOffset + place * filters).update(from: kernel + tap * filters, count: filters)
                continue
            }
            let panelStride = phase.taps.count * width * panelWidth
            for group in 0..<geometry.groups {
                let target = packed + phase.packedOffset + group * phase.groupCount(geometry) + place * width * panelWidth
                ck_pack_panels_transposed(
                    kernel + tap * depth * filters + group * width, filters, width, depth, target, panelStride)
            }
        }
    }

    /// Steps of a band along the first axis.
    package func steps(_ band: Int) -> Range<Int> { band * bandSize..<min(axes[0].count, (band + 1) * bandSize) }

    /// The elements of an image that a band writes.
    package func cells(_ steps: Range<Int>) -> Range<Int> {
        let axis = axes[0]
        func element(_ step: Int) -> Int {
            let plane = (axis.start + step) * axis.axis.stride - axis.axis.begin
            return min(max(plane, 0), axis.axis.input) * geometry.axes.middle.input * geometry.axes.last.input * geometry.channels
        }
        return element(steps.lowerBound)..<element(steps.upperBound)
    }

    /// Writes or adds a band of one image's cells.
    ///
    /// - Parameters:
    ///   - dy: the image of outputs to gather from.
    ///   - y: the outputs themselves when `dy` is still to be multiplied by the derivative of `activation`.
    ///   - packed: see `pack`.
    ///   - bias: added to each cell, or nil; `channels` elements.
    ///   - dx: the whole image of cells.
    ///   - buffer: `bufferCount` elements.
    package func run(
        _ dy: UnsafePointer<Float>, y: UnsafePointer<Float>? = nil, activation: Activation = .linear,
        packed: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil, steps: Range<Int>, accumulate: Bool,
        rectify: Bool = false, to dx: UnsafeMutablePointer<Float>, buffer: UnsafeMutablePointer<Float>
    ) {
        let source: UnsafePointer<Float>
        let firstOutput = axes[0].start + steps.lowerBound - axes[0].reach
        if readsInPlace && y == nil {
            source = dy + firstOutput * padded.planeCount
                + (axes[1].start - axes[1].reach) * padded.lastCount * geometry.filters
                + (axes[2].start - axes[2].reach) * geometry.filters
        } else {
            padded.fill(firstOutput..<firstOutput + steps.count + axes[0].reach, buffer) { offset, target, count in
                if let y {
                    activationGradient(
                        activation, input: nil, output: y + offset, outputGradient: dy + offset, inputGradient: target,
                        count: count, accumulate: false)
                } else {
                    target.update(from: dy + offset, count: count)
                }
            }
            source = UnsafePointer(buffer)
                + (readsInPlace
                    ? (axes[1].start - axes[1].reach) * padded.lastCount * geometry.filters
                        + (axes[2].start - axes[2].reach) * geometry.filters : 0)
        }
        for phase in phases {
            phase.run(
                source, packed, bias, steps, axes[0], geometry, productFlags(accumulate: accumulate, rectify: rectify), to: dx)
        }
    }
}

/// One axis seen from its inputs. Position p = input + begin = q · stride + residue; it was seen by tap k of output q − t,
/// where t = (k · dilation − residue) / stride, if that is whole.
private struct PhaseAxis: Hashable, Sendable {
    let axis: WindowAxis
    /// The first q, and the number of them.
    let start: Int
    let count: Int
    /// The largest t.
    let reach: Int
    /// Residues that occur.
    var residues: [Int] {
        axis.stride <= axis.input
            ? Array(0..<axis.stride) : Set((0..<axis.input).map { (axis.begin + $0) % axis.stride }).sorted()
    }

    init(_ axis: WindowAxis) {
        self.axis = axis
        start = axis.begin / axis.stride
        count = axis.input == 0 ? 0 : (axis.begin + axis.input - 1) / axis.stride - start + 1
        reach = (axis.kernel - 1) * axis.dilation / axis.stride
    }

    /// All outputs that are looked at are there.
    var isInside: Bool { start - reach >= 0 && start + count <= axis.output }

    /// Taps of a residue in the order of the outputs they come from, each with its t.
    func taps(_ residue: Int) -> [(tap: Int, t: Int)] {
        (0..<axis.kernel).reversed().compactMap { tap in
            let distance = tap * axis.dilation - residue
            return distance % axis.stride == 0 && distance >= 0 ? (tap, distance / axis.stride) : nil
        }
    }

    /// The q of a residue whose position is an input, counted from `start`.
    func places(_ residue: Int) -> Range<Int> {
        let low = max(0, axis.begin - residue + axis.stride - 1) / axis.stride
        let high = axis.begin + axis.input - 1 - residue
        let end = axis.input == 0 || high < 0 ? low : high / axis.stride + 1
        return low - start..<max(low, end) - start
    }

    /// The input at place q (counted from `start`).
    func input(_ place: Int, _ residue: Int) -> Int { (start + place) * axis.stride + residue - axis.begin }
}

private struct Phase: Hashable, Sendable {
    let residues: [Int]
    /// Taps in the order of their rows in the packed kernel.
    let taps: [Int]
    let packedOffset: Int
    let runs: [Int]
    let runLength: Int
    /// Places along the first axis.
    let places: Range<Int>
    /// Rows of one place along the first axis.
    let rowsOfPlace: Int
    let fromRows: [Int]
    let toRows: [Int]
    let (columns, fromColumn, toColumn): (Int, Int, Int)
    /// Offsets of the first row at place 0, and from place to place.
    let (fromStart, toStart): (Int, Int)
    let (fromPlace, toPlace): (Int, Int)

    var rowCount: Int { places.count * rowsOfPlace }

    init(
        _ residues: [Int], _ axes: [PhaseAxis], _ geometry: ConvolutionGeometry, steps: [Int], bandSize: Int, packedOffset: Int
    ) {
        self.residues = residues
        self.packedOffset = packedOffset
        let (middle, last) = (geometry.axes.middle, geometry.axes.last)
        var taps: [Int] = []
        var offsets: [Int] = []
        for a in axes[0].taps(residues[0]) {
            for b in axes[1].taps(residues[1]) {
                for c in axes[2].taps(residues[2]) {
                    taps.append((a.tap * middle.kernel + b.tap) * last.kernel + c.tap)
                    let distances = [axes[0].reach - a.t, axes[1].reach - b.t, axes[2].reach - c.t]
                    offsets.append(zip(distances, steps).reduce(0) { $0 + $1.0 * $1.1 })
                }
            }
        }
        self.taps = taps
        (runs, runLength) = joined(offsets, geometry.width)
        places = axes[0].places(residues[0])
        let (lines, cells) = (axes[1].places(residues[1]), axes[2].places(residues[2]))
        let channels = geometry.channels
        let inputLine = last.input * channels
        let inputPlane = middle.input * inputLine
        (fromPlace, toPlace) = (steps[0], axes[0].axis.stride * inputPlane)
        fromStart = lines.lowerBound * steps[1] + cells.lowerBound * steps[2]
        toStart = axes[0].input(0, residues[0]) * inputPlane
            + axes[1].input(lines.lowerBound, residues[1]) * inputLine
            + axes[2].input(cells.lowerBound, residues[2]) * channels
        rowsOfPlace = lines.count
        columns = cells.count
        (fromColumn, toColumn) = (steps[2], axes[2].axis.stride * channels)
        var (from, to): ([Int], [Int]) = ([], [])
        for place in 0..<bandSize {
            for line in 0..<lines.count {
                from.append(place * fromPlace + line * steps[1])
                to.append(place * toPlace + line * axes[1].axis.stride * inputLine)
            }
        }
        (fromRows, toRows) = (from, to)
    }

    /// Elements of the packed kernel of one group.
    func groupCount(_ geometry: ConvolutionGeometry) -> Int {
        geometry.isDepthwise
            ? taps.count : (geometry.depth + panelWidth - 1) / panelWidth * taps.count * geometry.width * panelWidth
    }

    func run(
        _ source: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ steps: Range<Int>,
        _ axis: PhaseAxis, _ geometry: ConvolutionGeometry, _ flags: UInt32, to dx: UnsafeMutablePointer<Float>
    ) {
        let own = places.clamped(to: steps)
        guard !own.isEmpty else { return }
        let from = source + (own.lowerBound - steps.lowerBound) * fromPlace + fromStart
        let to = dx + own.lowerBound * toPlace + toStart
        if geometry.isDepthwise {
            let extents = ck_depthwise_extents(
                rows: own.count * rowsOfPlace, columns: columns, a_column: fromColumn, c_column: toColumn, taps: runs.count,
                channels: geometry.channels)
            return ck_depthwise(extents, from, fromRows, runs, packed + packedOffset, to, toRows, bias, flags)
        }
        let extents = ck_product_extents(
            rows: own.count * rowsOfPlace, columns: columns, a_column: fromColumn, c_column: toColumn, segments: runs.count,
            length: runLength, step: 1, n: geometry.depth, b_panel: taps.count * geometry.width * panelWidth,
            b_row: panelWidth)
        for group in 0..<geometry.groups {
            let channel = group * geometry.depth
            ck_product(
                extents, from + group * geometry.width, fromRows, runs, packed + packedOffset + group * groupCount(geometry),
                to + channel, toRows, bias.map { $0 + channel }, flags)
        }
    }
}
