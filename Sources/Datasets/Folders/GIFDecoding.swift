import Tensors

/// The first picture of a GIF, as TensorFlow gives it: colours of the palette, black where it is transparent or nothing is drawn.
///
/// Source: CompuServe's GIF89a specification; TensorFlow's `gif_io.cc`.
struct GIFDecoding {
    static let signature: [UInt8] = Array("GIF8".utf8)

    private let bytes: [UInt8]
    private var position = 0

    /// uint8, shape (height, width, 3).
    ///
    /// Throws 65 `image.broken`, `image.truncated`, `image.too_large`.
    static func firstPicture(_ bytes: [UInt8]) throws(LocatedError) -> Tensor {
        var reader = GIFDecoding(bytes: bytes)
        return try reader.decode()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func decode() throws(LocatedError) -> Tensor {
        try skip(6)
        let width = try number(), height = try number()
        let flags = try byte()
        try skip(2)
        var palette = try palette(flags)
        guard width > 0, height > 0, height <= Image.mostPixels / width else {
            throw LocatedError(.invalid, "image.too_large", "expected an image of bearable size, got \(width) x \(height) pixels")
        }
        // A code stands for 4096 pixels at most.
        guard width * height / 4096 <= bytes.count else {
            throw LocatedError(.invalid, "image.truncated", "expected more bytes for \(width) x \(height) pixels, got \(bytes.count)")
        }
        var transparent: UInt8?
        while true {
            switch try byte() {
            case 0x21:
                if try byte() == 0xf9, try byte() == 4 {
                    let flags = try byte()
                    try skip(2)
                    let color = try byte()
                    transparent = flags & 1 == 1 ? color : nil
                }
                try skipBlocks()
            case 0x2c:
                let left = try number(), top = try number(), columns = try number(), rows = try number()
                let flags = try byte()
                let own = try self.palette(flags)
                if !own.isEmpty { palette = own }
                guard left + columns <= width, top + rows <= height else {
                    throw LocatedError(.invalid, "image.broken", "expected a picture within \(width) x \(height) pixels, got one beyond")
                }
                let colors = try colors(columns * rows)
                var pixels = Tensor(zeros: [height, width, 3], dtype: .uint8)
                var isBroken = false
                let order = flags & 0x40 == 0 ? Array(0..<rows) : GIFDecoding.interlaced(rows)
                pixels.withUnsafeMutableElements(as: UInt8.self) { target in
                    for (line, row) in order.enumerated() {
                        for column in 0..<columns {
                            let color = colors[line * columns + column]
                            if color == transparent { continue }
                            guard 3 * Int(color) < palette.count else {
                                isBroken = true
                                continue
                            }
                            let place = ((top + row) * width + left + column) * 3
                            for channel in 0..<3 { target[place + channel] = palette[3 * Int(color) + channel] }
                        }
                    }
                }
                guard !isBroken else { throw LocatedError(.invalid, "image.broken", "expected colours of the palette, got others") }
                return pixels
            default: throw LocatedError(.invalid, "image.broken", "expected a picture, got none")
            }
        }
    }

    /// Every eighth line, then those between, then those between all.
    private static func interlaced(_ rows: Int) -> [Int] {
        [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { start, step in Array(stride(from: start, to: rows, by: step)) }
    }

    private mutating func palette(_ flags: UInt8) throws(LocatedError) -> ArraySlice<UInt8> {
        guard flags & 0x80 != 0 else { return [] }
        let start = position
        try skip(3 << (Int(flags & 7) + 1))
        return ArraySlice(Array(bytes[start..<position]))
    }

    /// The colours' numbers, unpacked by LZW.
    private mutating func colors(_ count: Int) throws(LocatedError) -> [UInt8] {
        let least = Int(try byte())
        guard (1...8).contains(least) else { throw LocatedError(.invalid, "image.broken", "expected colours of 1 to 8 bits, got \(least)") }
        let clear = 1 << least
        var prefix = [Int](repeating: -1, count: 4096), suffix = [UInt8](repeating: 0, count: 4096), lengths = [Int](repeating: 1, count: 4096)
        for color in 0..<clear { suffix[color] = UInt8(color) }
        var next = clear + 2, width = least + 1, previous = -1
        var result: [UInt8] = []
        var held = 0, bits = 0, block = 0
        while result.count < count {
            while bits < width {
                if block == 0 {
                    block = Int(try byte())
                    guard block > 0 else { throw LocatedError(.invalid, "image.truncated", "expected \(count) pixels, got \(result.count)") }
                }
                held |= Int(try byte()) << bits
                bits += 8
                block -= 1
            }
            let code = held & ((1 << width) - 1)
            held >>= width
            bits -= width
            if code == clear {
                (next, width, previous) = (clear + 2, least + 1, -1)
                continue
            }
            guard code != clear + 1 else { throw LocatedError(.invalid, "image.truncated", "expected \(count) pixels, got \(result.count)") }
            guard code < next || (code == next && previous >= 0), previous >= 0 || code < clear else {
                throw LocatedError(.invalid, "image.broken", "expected a code that is known, got \(code)")
            }
            // A code that isn't known yet is the last one with its own first colour behind.
            let known = code < next ? code : previous
            let start = result.count
            let length = lengths[known]
            result += [UInt8](repeating: 0, count: length)
            var walk = known
            for place in stride(from: start + length - 1, through: start, by: -1) {
                result[place] = suffix[walk]
                walk = prefix[walk]
            }
            let first = result[start]
            if code == next { result.append(first) }
            if previous >= 0, next < 4096 {
                (prefix[next], suffix[next], lengths[next]) = (previous, first, lengths[previous] + 1)
                next += 1
                if next == 1 << width, width < 12 { width += 1 }
            }
            previous = code
        }
        return Array(result[..<count])
    }

    private mutating func byte() throws(LocatedError) -> UInt8 {
        guard position < bytes.count else { throw LocatedError(.invalid, "image.truncated", "expected a whole image, got the end of the file") }
        position += 1
        return bytes[position - 1]
    }

    private mutating func number() throws(LocatedError) -> Int { Int(try byte()) | Int(try byte()) << 8 }

    private mutating func skip(_ count: Int) throws(LocatedError) {
        guard count <= bytes.count - position else {
            throw LocatedError(.invalid, "image.truncated", "expected a whole image, got the end of the file")
        }
        position += count
    }

    private mutating func skipBlocks() throws(LocatedError) {
        while true {
            let size = try byte()
            if size == 0 { return }
            try skip(Int(size))
        }
    }
}
