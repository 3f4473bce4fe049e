/// Pixels of a drawing: red, green, blue, 8 bits each, rows from the top.
package struct Raster: Sendable {
    package let width: Int
    package let height: Int
    package private(set) var pixels: [UInt8]
    /// How much of each pixel the mark in hand covers, 0 to 255. Empty between marks.
    private var coverage: [UInt8]

    init(width: Int, height: Int, background: Color) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 255, count: width * height * 3)
        coverage = [UInt8](repeating: 0, count: width * height)
        if background != .white {
            for pixel in 0..<width * height {
                (pixels[3 * pixel], pixels[3 * pixel + 1], pixels[3 * pixel + 2]) = (background.red, background.green, background.blue)
            }
        }
    }

    /// Columns and rows of pixels, clipped to the picture.
    struct Region {
        var columns: Range<Int>
        var rows: Range<Int>
    }

    func region(_ minX: Double, _ minY: Double, _ maxX: Double, _ maxY: Double) -> Region {
        func clip(_ low: Double, _ high: Double, _ limit: Int) -> Range<Int> {
            let first = Int(min(max(low.rounded(.down), 0), Double(limit)))
            let last = Int(min(max(high.rounded(.up), 0), Double(limit)))
            return first..<max(first, last)
        }
        return Region(columns: clip(minX, maxX, width), rows: clip(minY, maxY, height))
    }

    /// Counts a pixel as covered by at least this part.
    mutating func cover(_ column: Int, _ row: Int, _ part: Double) {
        let value = UInt8(min(max(part, 0), 1) * 255 + 0.5)
        let index = row * width + column
        if value > coverage[index] { coverage[index] = value }
    }

    /// Paints what is covered within the region, and forgets the covering.
    mutating func paint(_ region: Region, _ color: Color) {
        for row in region.rows {
            for index in row * width + region.columns.lowerBound..<row * width + region.columns.upperBound where coverage[index] != 0 {
                let part = Int(coverage[index])
                coverage[index] = 0
                Self.blend(&pixels[3 * index], color.red, part)
                Self.blend(&pixels[3 * index + 1], color.green, part)
                Self.blend(&pixels[3 * index + 2], color.blue, part)
            }
        }
    }

    private static func blend(_ old: inout UInt8, _ new: UInt8, _ part: Int) {
        old = UInt8((Int(old) * (255 - part) + Int(new) * part + 127) / 255)
    }
}
