import Tensors

extension Image {
    /// What BMP files begin with.
    static let bitmapSignature: [UInt8] = Array("BM".utf8)

    /// The picture in a BMP file of Windows's: 24 or 32 bits a pixel, or 8 with a palette, not compressed.
    ///
    /// Throws 65 `image.truncated`, `image.broken`, `image.too_large`, 69 `image.unsupported`.
    init(bitmap bytes: [UInt8]) throws(LocatedError) {
        func number(_ place: Int, _ width: Int) throws(LocatedError) -> Int {
            guard place + width <= bytes.count else {
                throw LocatedError(.invalid, "image.truncated", "expected a whole image, got the end in its header")
            }
            return (0..<width).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
        }
        func signed(_ place: Int) throws(LocatedError) -> Int { Int(Int32(truncatingIfNeeded: try number(place, 4))) }
        let start = try number(10, 4), header = try number(14, 4)
        guard header >= 40 else {
            throw LocatedError(.unsupported, "image.unsupported", "expected a BMP with a header of 40 bytes or more, got \(header)")
        }
        let width = try signed(18), tall = try signed(22), bits = try number(28, 2), compression = try number(30, 4)
        let height = abs(tall)
        guard width > 0, height > 0 else { throw LocatedError(.invalid, "image.broken", "expected a picture, got \(width) x \(tall) pixels") }
        guard height <= Image.mostPixels / width else {
            throw LocatedError(.invalid, "image.too_large", "expected an image of bearable size, got \(width) x \(height) pixels")
        }
        guard compression == 0, [8, 24, 32].contains(bits) else {
            throw LocatedError(
                .unsupported, "image.unsupported", "expected a BMP of 8, 24 or 32 bits a pixel without compression, got \(bits) bits, compression \(compression)")
        }
        let palette = 14 + header
        let colors = bits == 8 ? min(max(try number(46, 4), 0), 256) : 0
        let count = bits == 8 && colors == 0 ? 256 : colors
        let row = (width * bits / 8 + 3) / 4 * 4
        guard start >= palette + 4 * count, start <= bytes.count, row * height - (row - width * bits / 8) <= bytes.count - start else {
            throw LocatedError(.invalid, "image.truncated", "expected \(row * height) bytes of pixels, got \(max(0, bytes.count - start))")
        }
        let channels = bits == 32 ? 4 : 3
        var pixels = Tensor(uninitialized: [height, width, channels], dtype: .uint8)
        var isBroken = false
        pixels.withUnsafeMutableElements(as: UInt8.self) { target in
            for y in 0..<height {
                // Lines stand from the bottom up, unless the height is negative.
                let line = start + row * (tall > 0 ? height - 1 - y : y)
                for x in 0..<width {
                    let place = (y * width + x) * channels
                    var from = line + x * bits / 8
                    if bits == 8 {
                        let color = Int(bytes[from])
                        if color >= count { isBroken = true }
                        from = palette + 4 * min(color, count - 1)
                    }
                    for channel in 0..<3 { target[place + channel] = bytes[from + 2 - channel] }
                    if channels == 4 { target[place + 3] = bytes[from + 3] }
                }
            }
        }
        guard !isBroken else { throw LocatedError(.invalid, "image.broken", "expected colours of the palette's \(count), got others") }
        self.init(unchecked: pixels)
    }
}
