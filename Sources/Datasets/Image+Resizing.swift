public import Tensors

extension Image {
    /// The picture in another size, equal to Pillow's `resize` bit for bit.
    ///
    /// Two passes, along rows and then along columns, each rounded to 8 bits; colours are weighted by alpha where there is
    /// one. Sizes in pixels. Throws 64 `image.size` for a size that is not positive or too large.
    /// Source: libImaging/Resample.c; for `nearest` libImaging/Geometry.c.
    public func resized(
        to size: (height: Int, width: Int), interpolation: Interpolation = .nearest
    ) throws(LocatedError) -> Image {
        guard size.height > 0, size.width > 0, size.height <= Image.mostPixels / size.width else {
            throw LocatedError(
                .usage, "image.size",
                "expected a height and width of 1 or more, together up to \(Image.mostPixels) pixels, got \(size.height) and \(size.width)")
        }
        if size == (height, width) { return self }
        if interpolation == .nearest { return Image(unchecked: nearest(size)) }
        if pixels.dtype == .uint16 { return Image(unchecked: resampledWide(size, interpolation)) }
        let source = channels == 4 ? Image.premultiplied(pixels) : pixels
        let result = Image.resampled(source, size, interpolation)
        return Image(unchecked: channels == 4 ? Image.unpremultiplied(result) : result)
    }

    // MARK: - Nearest

    private func nearest(_ size: (height: Int, width: Int)) -> Tensor {
        let columns = Image.nearestPositions(from: width, to: size.width)
        let rows = Image.nearestPositions(from: height, to: size.height)
        let pixelBytes = channels * pixels.dtype.byteCount
        let rowBytes = width * pixelBytes
        var result = Tensor(zeros: [size.height, size.width, channels], dtype: pixels.dtype)
        result.withUnsafeMutableBytes { to in
            pixels.withUnsafeBytes { from in
                var target = 0
                for row in rows {
                    for column in columns {
                        if row >= 0, column >= 0 {
                            let start = row * rowBytes + column * pixelBytes
                            for byte in 0..<pixelBytes { to[target + byte] = from[start + byte] }
                        }
                        target += pixelBytes
                    }
                }
            }
        }
        return result
    }

    /// Pillow adds the step up instead of multiplying it, and leaves pixels black that rounding moves outside (-1).
    private static func nearestPositions(from length: Int, to newLength: Int) -> [Int] {
        let step = Double(length) / Double(newLength)
        var position = step * 0.5
        return (0..<newLength).map { _ in
            defer { position += step }
            return Int(position) < length ? Int(position) : -1
        }
    }

    // MARK: - Filters

    private static func resampled(_ source: Tensor, _ size: (height: Int, width: Int), _ filter: Interpolation) -> Tensor {
        var result = source
        if size.width != source.shape[1] {
            result = horizontalPass(result, ResamplingWeights(from: source.shape[1], to: size.width, filter), size.width)
        }
        if size.height != source.shape[0] {
            result = verticalPass(result, ResamplingWeights(from: source.shape[0], to: size.height, filter), size.height)
        }
        return result
    }

    private static let half: Int32 = 1 << (ResamplingWeights.precision - 1)

    @inline(__always)
    private static func byte(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: max(0, min(255, sum >> ResamplingWeights.precision)))
    }

    private static func horizontalPass(_ source: Tensor, _ taps: ResamplingWeights, _ width: Int) -> Tensor {
        let (height, oldWidth, channels) = (source.shape[0], source.shape[1], source.shape[2])
        let fixed = taps.fixed
        var result = Tensor(uninitialized: [height, width, channels], dtype: .uint8)
        result.withUnsafeMutableElements(as: UInt8.self) { to in
            source.withUnsafeElements(as: UInt8.self) { from in
                fixed.withUnsafeBufferPointer { weights in
                    for row in 0..<height {
                        let line = from.baseAddress! + row * oldWidth * channels
                        var target = to.baseAddress! + row * width * channels
                        for column in 0..<width {
                            let pixel = line + taps.first[column] * channels
                            let weight = weights.baseAddress! + column * taps.stride
                            sumPixels(pixel, weight, taps.count[column], channels, target)
                            target += channels
                        }
                    }
                }
            }
        }
        return result
    }

    /// One pixel of the horizontal pass; sums stay in registers for every number of channels.
    @inline(__always)
    private static func sumPixels(
        _ pixel: UnsafePointer<UInt8>, _ weight: UnsafePointer<Int32>, _ count: Int, _ channels: Int,
        _ target: UnsafeMutablePointer<UInt8>
    ) {
        switch channels {
        case 1:
            var sum = half
            for tap in 0..<count { sum &+= Int32(pixel[tap]) &* weight[tap] }
            target[0] = byte(sum)
        case 3:
            var red = half, green = half, blue = half
            for tap in 0..<count {
                red &+= Int32(pixel[3 * tap]) &* weight[tap]
                green &+= Int32(pixel[3 * tap + 1]) &* weight[tap]
                blue &+= Int32(pixel[3 * tap + 2]) &* weight[tap]
            }
            target[0] = byte(red)
            target[1] = byte(green)
            target[2] = byte(blue)
        default:
            var sums = SIMD4<Int32>(repeating: half)
            for tap in 0..<count {
                let values = SIMD4<UInt8>(pixel[4 * tap], pixel[4 * tap + 1], pixel[4 * tap + 2], pixel[4 * tap + 3])
                sums &+= SIMD4<Int32>(truncatingIfNeeded: values) &* weight[tap]
            }
            for channel in 0..<4 { target[channel] = byte(sums[channel]) }
        }
    }

    private static func verticalPass(_ source: Tensor, _ taps: ResamplingWeights, _ height: Int) -> Tensor {
        let rowCount = source.shape[1] * source.shape[2]
        let fixed = taps.fixed
        var result = Tensor(uninitialized: [height, source.shape[1], source.shape[2]], dtype: .uint8)
        var sums = [Int32](repeating: 0, count: rowCount)
        result.withUnsafeMutableElements(as: UInt8.self) { to in
            source.withUnsafeElements(as: UInt8.self) { from in
                sums.withUnsafeMutableBufferPointer { sums in
                    for row in 0..<height {
                        sums.update(repeating: half)
                        for tap in 0..<taps.count[row] {
                            let weight = fixed[row * taps.stride + tap]
                            let line = from.baseAddress! + (taps.first[row] + tap) * rowCount
                            for index in 0..<rowCount { sums[index] &+= Int32(line[index]) &* weight }
                        }
                        let target = to.baseAddress! + row * rowCount
                        for index in 0..<rowCount { target[index] = byte(sums[index]) }
                    }
                }
            }
        }
        return result
    }

    // MARK: - Alpha

    private static func premultiplied(_ source: Tensor) -> Tensor {
        var result = source
        result.withUnsafeMutableElements(as: UInt8.self) { pixels in
            for pixel in stride(from: 0, to: pixels.count, by: 4) {
                let alpha = Int32(pixels[pixel + 3])
                for index in pixel..<pixel + 3 {
                    pixels[index] = UInt8(truncatingIfNeeded: product(Int32(pixels[index]), alpha))
                }
            }
        }
        return result
    }

    private static func unpremultiplied(_ source: Tensor) -> Tensor {
        var result = source
        result.withUnsafeMutableElements(as: UInt8.self) { pixels in
            for pixel in stride(from: 0, to: pixels.count, by: 4) {
                let alpha = Int32(pixels[pixel + 3])
                if alpha == 0 || alpha == 255 { continue }
                for index in pixel..<pixel + 3 {
                    pixels[index] = UInt8(truncatingIfNeeded: min(255, 255 * Int32(pixels[index]) / alpha))
                }
            }
        }
        return result
    }

    // MARK: - 16-bit grey

    /// As the 8-bit passes, with sums in double precision and rounding to 16 bits.
    private func resampledWide(_ size: (height: Int, width: Int), _ filter: Interpolation) -> Tensor {
        var values = pixels.array(as: UInt16.self)
        var width = width
        if size.width != width {
            let taps = ResamplingWeights(from: width, to: size.width, filter)
            values = (0..<height * size.width).map { index in
                let (row, column) = index.quotientAndRemainder(dividingBy: size.width)
                return Image.wideSum(values, row * width + taps.first[column], 1, taps, column)
            }
            width = size.width
        }
        if size.height != height {
            let taps = ResamplingWeights(from: height, to: size.height, filter)
            values = (0..<size.height * width).map { index in
                let (row, column) = index.quotientAndRemainder(dividingBy: width)
                return Image.wideSum(values, taps.first[row] * width + column, width, taps, row)
            }
        }
        return Tensor(values, shape: [size.height, size.width, 1])
    }

    private static func wideSum(
        _ values: [UInt16], _ start: Int, _ step: Int, _ taps: ResamplingWeights, _ position: Int
    ) -> UInt16 {
        var sum = 0.0
        for tap in 0..<taps.count[position] {
            sum += Double(values[start + tap * step]) * taps.weights[position * taps.stride + tap]
        }
        return UInt16(max(0, min(65535, (sum + 0.5).rounded(.down))))
    }
}
