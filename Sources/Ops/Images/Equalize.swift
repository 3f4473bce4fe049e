package import Graphs
package import Tensors

/// Images whose values are spread so that each is about as frequent: (batch, rows, columns, channels) of 0 to 255, each channel
/// by the histogram of the whole batch, as Keras's Equalization does. No gradient.
package struct Equalize: Op {
    package var bins: Int

    package init(bins: Int) { self.bins = bins }

    package var name: String { "equalize" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        guard inputs[0].shape.rank == 4 else { throw mismatch(name, expected: "images of four axes", got: "\(inputs[0].shape)") }
        return [inputs[0]]
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        return BoundEqualize(bins: bins, channels: shape[3], pixels: shape[0] * shape[1] * shape[2])
    }
}

private struct BoundEqualize: BoundOp {
    let bins: Int
    let channels: Int
    let pixels: Int

    /// A count, then a new value, for each bin.
    var memory: WorkingMemory { WorkingMemory(workerScratch: bins * MemoryLayout<Double>.size) }
    var cost: Double { 10 * Double(pixels * channels) }
    var forwardStages: [Int] { [channels] }
    func forward(_ frame: Frame, stage: Int, tile channel: Int) {
        let input = frame.input(0) + channel, output = frame.output() + channel
        let table = frame.workerScratch.bindMemory(to: Double.self, capacity: bins)
        table.update(repeating: 0, count: bins)
        for pixel in 0..<pixels {
            let place = input[pixel * channels] * Float(bins - 1) / 255
            table[place.isFinite ? Int(min(max(place, 0), Float(bins - 1))) : 0] += 1
        }
        var filled = 0, sum = 0.0, first: Double?
        for bin in 0..<bins {
            if table[bin] > 0 { filled += 1 }
            sum += table[bin]
            table[bin] = sum
            if first == nil, sum > 0 { first = sum }
        }
        let least = first ?? 0, range = sum - least == 0 ? 1 : sum - least
        for bin in 0..<bins { table[bin] = min(max(((table[bin] - least) * 255 / range).rounded(.toNearestOrEven), 0), 255) }
        for pixel in 0..<pixels {
            let x = input[pixel * channels]
            guard filled > 1 else {
                output[pixel * channels] = x
                continue
            }
            let place = x / 255 * Float(bins - 1)
            output[pixel * channels] = Float(table[place.isFinite ? Int(min(max(place, 0), Float(bins - 1))) : 0])
        }
    }
}

/// The same for each part of an image, with a limit to the contrast, going over from part to part: Keras's
/// ContrastLimitedAdaptiveHistogramEqualization of (batch, rows, columns, channels) of 0 to 255. No gradient.
package struct AdaptiveEqualize: Op {
    /// Parts along rows and columns.
    package var grid: (rows: Int, columns: Int)
    /// The most that a value may be frequent, over the mean; 0: no limit.
    package var limit: Float

    package init(grid: (rows: Int, columns: Int), limit: Float) {
        self.grid = grid
        self.limit = limit
    }

    package var name: String { "adaptive_equalize" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try Equalize(bins: 256).outputs(for: inputs)
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundAdaptiveEqualize(gridRows: grid.rows, gridColumns: grid.columns, limit: limit, shape: site.inputs[0].shape)
    }
}

private struct BoundAdaptiveEqualize: BoundOp {
    let gridRows: Int
    let gridColumns: Int
    let limit: Float
    let shape: Shape

    private var rows: Int { shape[1] }
    private var columns: Int { shape[2] }
    private var channels: Int { shape[3] }
    private var tileRows: Int { (rows + gridRows - 1) / gridRows }
    private var tileColumns: Int { (columns + gridColumns - 1) / gridColumns }

    /// New values of 256 old ones, by image, channel and part.
    var memory: WorkingMemory { WorkingMemory(forwardScratch: shape[0] * channels * gridRows * gridColumns * 256 * 4) }
    var cost: Double { 30 * Double(shape.count) }
    var forwardStages: [Int] { [shape[0] * channels, shape[0] * rows] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let tables = frame.scratch.assumingMemoryBound(to: Float.self)
        if stage == 0 { return histograms(frame, tables + tile * gridRows * gridColumns * 256, tile / channels, tile % channels) }
        let image = tile / rows, row = tile % rows
        let y = (Float(row) - Float(tileRows) / 2) / Float(tileRows) + 1
        let y0 = y.rounded(.down), wy = y - y0
        // The border's parts stand for those beyond it.
        func part(_ place: Float, _ count: Int) -> Int { min(max(Int(min(max(place, 0), Float(count + 1))) - 1, 0), count - 1) }
        for column in 0..<columns {
            let x = (Float(column) - Float(tileColumns) / 2) / Float(tileColumns) + 1
            let x0 = x.rounded(.down), wx = x - x0
            for channel in 0..<channels {
                let place = ((image * rows + row) * columns + column) * channels + channel
                let own = tables + (image * channels + channel) * gridRows * gridColumns * 256 + value(frame.input(0)[place])
                func at(_ y: Float, _ x: Float) -> Float { own[(part(y, gridRows) * gridColumns + part(x, gridColumns)) * 256] }
                let top = at(y0, x0) * (1 - wx) + at(y0, x0 + 1) * wx
                let bottom = at(y0 + 1, x0) * (1 - wx) + at(y0 + 1, x0 + 1) * wx
                frame.output()[place] = top * (1 - wy) + bottom * wy
            }
        }
    }

    @inline(__always) private func value(_ x: Float) -> Int { x.isFinite ? Int(min(max(x, 0), 255)) : 0 }

    private func histograms(_ frame: Frame, _ tables: UnsafeMutablePointer<Float>, _ image: Int, _ channel: Int) {
        func mirrored(_ place: Int, _ extent: Int) -> Int {
            let rest = place % (2 * extent)
            return rest < extent ? rest : 2 * extent - 1 - rest
        }
        for part in 0..<gridRows * gridColumns {
            let table = tables + part * 256
            table.update(repeating: 0, count: 256)
            for y in 0..<tileRows {
                for x in 0..<tileColumns {
                    let row = mirrored(part / gridColumns * tileRows + y, rows), column = mirrored(part % gridColumns * tileColumns + x, columns)
                    table[value(frame.input(0)[((image * rows + row) * columns + column) * channels + channel])] += 1
                }
            }
            let area = Float(tileRows * tileColumns)
            if limit > 0 {
                let most = limit * area / 256
                var excess: Float = 0
                for value in 0..<256 where table[value] > most {
                    excess += table[value] - most
                    table[value] = most
                }
                for value in 0..<256 { table[value] += excess / 256 }
            }
            for value in 1..<256 { table[value] += table[value - 1] }
            let least = table[0], range = area - least == 0 ? 1 : area - least
            for value in 0..<256 { table[value] = min(max((table[value] - least) * 255 / range, 0), 255) }
        }
    }
}
