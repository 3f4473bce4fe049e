internal import Kernels

/// Applies drawn transformations to pictures in memory, as Keras's `apply_transform` does.
struct PictureTransformer<Number: PictureNumber> {
    let layout: PictureLayout
    let fill: Warp.Fill
    let cval: Double
    let order: Int

    /// Writes the transformed picture; `x` and `y` are disjoint.
    ///
    /// - Parameter start: how NumPy holds the picture before.
    /// - Returns: how NumPy would hold it after.
    func transform(
        _ x: UnsafePointer<Number>, to y: UnsafeMutablePointer<Number>, _ parameters: TransformParameters, from start: MemoryOrder
    ) -> MemoryOrder {
        guard layout.count > 0 else { return start }
        var memory = start
        // Mirroring is a matter of where results go: nothing that comes between depends on the order of the pixels.
        let step = (
            row: parameters.flipVertical ? -layout.row : layout.row,
            column: parameters.flipHorizontal ? -layout.column : layout.column
        )
        let target =
            y + (parameters.flipVertical ? (layout.height - 1) * layout.row : 0)
            + (parameters.flipHorizontal ? (layout.width - 1) * layout.column : 0)
        if let matrix = AffineMatrix(parameters, height: layout.height, width: layout.width) {
            warp(x, to: target, step, matrix)
            memory.channelsApart = true
        } else {
            copy(x, to: target, step)
        }
        if let intensity = parameters.channelShiftIntensity {
            shiftChannels(y, by: Number(intensity))
            memory.channelsApart = true
        }
        if let brightness = parameters.brightness {
            brighten(y, by: Float(brightness))
            memory = MemoryOrder(channelsApart: false)
        }
        return memory
    }

    // MARK: - Places

    private func warp(
        _ x: UnsafePointer<Number>, to y: UnsafeMutablePointer<Number>, _ step: (row: Int, column: Int), _ matrix: AffineMatrix
    ) {
        let m = matrix.elements
        let warp = Warp(
            height: layout.height, width: layout.width, channels: layout.channels,
            x: (layout.row, layout.column, layout.channel), y: (step.row, step.column, layout.channel),
            matrix: (m[0], m[1], m[3], m[4]), offset: (m[2], m[5]), order: order, fill: fill, cval: cval)
        guard order > 1 else { return Number.run(warp, x, to: y) }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: layout.count) { coefficients in
            for index in 0..<layout.count { coefficients[index] = Double(x[index]) }
            let base = coefficients.baseAddress!
            for channel in 0..<layout.channels {
                Warp.splineFilter(
                    base + channel * layout.channel, height: layout.height, width: layout.width, row: layout.row,
                    column: layout.column, order: order)
            }
            Number.runSpline(warp, base, to: y)
        }
    }

    private func copy(_ x: UnsafePointer<Number>, to y: UnsafeMutablePointer<Number>, _ step: (row: Int, column: Int)) {
        if step == (layout.row, layout.column) {
            y.update(from: x, count: layout.count)
            return
        }
        for row in 0..<layout.height {
            for column in 0..<layout.width {
                let (from, to) = (x + row * layout.row + column * layout.column, y + row * step.row + column * step.column)
                for channel in 0..<layout.channels { to[channel * layout.channel] = from[channel * layout.channel] }
            }
        }
    }

    // MARK: - Colours

    /// The smallest and the largest number; both none when there is one that is none, as NumPy has it.
    static func range(_ x: UnsafePointer<Number>, _ count: Int) -> (Number, Number) {
        var (low, high) = (x[0], x[0])
        for index in 0..<count {
            let value = x[index]
            if value.isNaN { return (.nan, .nan) }
            if value < low { low = value }
            if value > high { high = value }
        }
        return (low, high)
    }

    private func shiftChannels(_ y: UnsafeMutablePointer<Number>, by intensity: Number) {
        let (low, high) = Self.range(y, layout.count)
        for index in 0..<layout.count {
            let value = y[index] + intensity
            y[index] = low.isNaN ? low : min(max(value, low), high)
        }
    }

    /// `array_to_img`, Pillow's `ImageEnhance.Brightness` and `img_to_array`: the picture is stretched to 0 to 255 and rounded
    /// down to bytes before and after. Alpha stays.
    private func brighten(_ y: UnsafeMutablePointer<Number>, by factor: Float) {
        let stretch = ByteStretch(y, layout.count)
        let alpha = layout.channels == 4 ? 3 : -1
        for channel in 0..<layout.channels {
            for row in 0..<layout.height {
                let line = y + channel * layout.channel + row * layout.row
                for column in 0..<layout.width {
                    let byte = stretch.byte(Float(line[column * layout.column]))
                    let result = channel == alpha || factor == 1 ? byte : Self.blended(byte, factor)
                    line[column * layout.column] = Number(result)
                }
            }
        }
    }

    /// Pillow's `blend` with black. Source: libImaging/Blend.c.
    private static func blended(_ byte: UInt8, _ factor: Float) -> UInt8 {
        let value = factor * Float(byte)
        if value <= 0 { return 0 }
        return value >= 255 ? 255 : UInt8(value)
    }
}

/// How Keras's `array_to_img` makes bytes of a picture's numbers: the smallest becomes 0, the largest 255, in single precision.
struct ByteStretch {
    private let low: Float
    private let high: Float

    init<Number: PictureNumber>(_ x: UnsafePointer<Number>, _ count: Int) {
        let (low, high) = PictureTransformer<Number>.range(x, count)
        self.low = Float(low)
        self.high = Float(high) - Float(low)
    }

    func byte(_ value: Float) -> UInt8 {
        var value = value - low
        if high != 0 { value /= high }
        value *= 255
        return value > 0 && value < 256 ? UInt8(value) : 0
    }
}
