import Tensors

extension Image {
    /// The same picture with other channels, computed as Pillow's `convert` does it.
    ///
    /// Grey is (19595 R + 38470 G + 7471 B + 32768) / 65536, rounded down; alpha is dropped or added as 255; 16-bit grey is
    /// cut off at 255, as Pillow does it. A picture that has the channels already is returned as it is (16-bit grey too).
    /// Source: libImaging/Convert.c.
    public func converted(to mode: ColorMode) -> Image {
        if mode == colorMode { return self }
        let source = pixels.dtype == .uint8 ? pixels : Image.clipped(pixels)
        var result = Tensor(uninitialized: [height, width, mode.channels], dtype: .uint8)
        let count = height * width
        let channels = channels
        result.withUnsafeMutableElements(as: UInt8.self) { to in
            source.withUnsafeElements(as: UInt8.self) { from in
                switch (channels, mode) {
                case (_, .grayscale):
                    for index in 0..<count {
                        let pixel = index * channels
                        let red = Int32(from[pixel]), green = Int32(from[pixel + 1]), blue = Int32(from[pixel + 2])
                        to[index] = UInt8(truncatingIfNeeded: (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
                    }
                case (1, _):
                    for index in 0..<count {
                        let pixel = index * mode.channels
                        for channel in 0..<3 { to[pixel + channel] = from[index] }
                        if mode == .rgba { to[pixel + 3] = 255 }
                    }
                default:
                    for index in 0..<count {
                        for channel in 0..<3 { to[index * mode.channels + channel] = from[index * channels + channel] }
                        if mode == .rgba { to[index * 4 + 3] = 255 }
                    }
                }
            }
        }
        return Image(unchecked: result)
    }

    private static func clipped(_ wide: Tensor) -> Tensor {
        Tensor(wide.array(as: UInt16.self).map { UInt8(min($0, 255)) }, shape: wide.shape)
    }

    /// Inks that are stored inverted, as Adobe and every JPEG do it, to RGB as Pillow does it.
    static func rgb(fromInvertedInks inks: [UInt8], width: Int, height: Int) -> Image {
        var result = Tensor(uninitialized: [height, width, 3], dtype: .uint8)
        result.withUnsafeMutableElements(as: UInt8.self) { to in
            for index in 0..<width * height {
                let light = Int32(inks[index * 4 + 3])
                for channel in 0..<3 {
                    let ink = 255 - Int32(inks[index * 4 + channel])
                    to[index * 3 + channel] = UInt8(truncatingIfNeeded: max(0, light - Image.product(ink, light)))
                }
            }
        }
        return Image(unchecked: result)
    }

    /// a · b / 255, rounded, for 0...255.
    @inline(__always)
    static func product(_ a: Int32, _ b: Int32) -> Int32 {
        let product = a * b + 128
        return ((product >> 8) + product) >> 8
    }
}
