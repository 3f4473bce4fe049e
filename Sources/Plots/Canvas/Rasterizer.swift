extension Drawing {
    /// The drawing as pixels with smoothed edges, the same for the same drawing on every machine.
    ///
    /// - Parameter scale: pixels a point: dots an inch divided by 72.
    /// - Returns: nil when the picture would have more than `limit` pixels.
    package func rasterized(scale: Double, limit: Int) -> Raster? {
        guard let (width, height) = Self.pixels(size, scale: scale, limit: limit) else { return nil }
        var rasterizer = Rasterizer(raster: Raster(width: width, height: height, background: background), scale: scale)
        for mark in marks { rasterizer.draw(mark) }
        return rasterizer.raster
    }

    private static func pixels(_ size: Size, scale: Double, limit: Int) -> (Int, Int)? {
        let (width, height) = ((size.width * scale).rounded(.up), (size.height * scale).rounded(.up))
        guard width >= 1, height >= 1, width * height <= Double(limit) else { return nil }
        return (Int(width), Int(height))
    }
}

/// Draws marks into a raster. Lines are covered by their distance from a pixel's middle, areas by eight rows a pixel.
private struct Rasterizer {
    var raster: Raster
    let scale: Double

    mutating func draw(_ mark: Drawing.Mark) {
        switch mark {
        case .rectangle(let rectangle, let corner, let fill, let stroke):
            if let fill { self.fill(rectangle, corner: corner, fill) }
            if let stroke { self.stroke([Self.outline(rectangle, corner: corner).flattened(tolerance: 0.1 / scale)], stroke) }
        case .path(let path, let stroke): self.stroke([path.flattened(tolerance: 0.1 / scale)], stroke)
        case .polygon(let points, let fill): self.fill(points.map { $0 * scale }, fill)
        case .text(let text): draw(text)
        case .group(let marks, _): for mark in marks { draw(mark) }
        }
    }

    // MARK: areas

    private mutating func fill(_ rectangle: Rectangle, corner: Double, _ color: Color) {
        if corner > 0 {
            fill(Self.outline(rectangle, corner: corner).flattened(tolerance: 0.1 / scale).map { $0 * scale }, color)
            return
        }
        let (left, right) = (rectangle.minX * scale, rectangle.maxX * scale)
        let (top, bottom) = (rectangle.minY * scale, rectangle.maxY * scale)
        let region = raster.region(left, top, right, bottom)
        for row in region.rows {
            let high = min(bottom, Double(row + 1)) - max(top, Double(row))
            for column in region.columns {
                raster.cover(column, row, high * (min(right, Double(column + 1)) - max(left, Double(column))))
            }
        }
        raster.paint(region, color)
    }

    /// Points in pixels; inside is where the winding number is odd.
    private mutating func fill(_ points: [Point], _ color: Color) {
        guard let bounds = Self.bounds(points) else { return }
        let region = raster.region(bounds.minX, bounds.minY, bounds.maxX, bounds.maxY)
        let rowsAPixel = 8
        var sums = [Double](repeating: 0, count: region.columns.count)
        for row in region.rows {
            for index in sums.indices { sums[index] = 0 }
            for part in 0..<rowsAPixel {
                let y = Double(row) + (Double(part) + 0.5) / Double(rowsAPixel)
                let crossings = Self.crossings(of: points, at: y)
                for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
                    let (left, right) = (crossings[pair], crossings[pair + 1])
                    let columns = raster.region(left, y, right, y + 1).columns
                    for column in columns {
                        let wide = min(right, Double(column + 1)) - max(left, Double(column))
                        sums[column - region.columns.lowerBound] += max(wide, 0) / Double(rowsAPixel)
                    }
                }
            }
            for (index, sum) in sums.enumerated() where sum > 0 { raster.cover(region.columns.lowerBound + index, row, sum) }
        }
        raster.paint(region, color)
    }

    private static func crossings(of points: [Point], at y: Double) -> [Double] {
        var crossings: [Double] = []
        var previous = points[points.count - 1]
        for point in points {
            if (previous.y <= y) != (point.y <= y) {
                crossings.append(previous.x + (y - previous.y) / (point.y - previous.y) * (point.x - previous.x))
            }
            previous = point
        }
        return crossings.sorted()
    }

    // MARK: lines

    private mutating func stroke(_ lines: [[Point]], _ stroke: Drawing.Stroke) {
        var pieces = lines
        if let dash = stroke.dash { pieces = lines.flatMap { Self.dashed($0, dash) } }
        self.stroke(pieces.map { $0.map { $0 * scale } }, width: stroke.width * scale, stroke.color)
    }

    /// Lines in pixels, painted in one, so that nothing shows where they meet.
    private mutating func stroke(_ lines: [[Point]], width: Double, _ color: Color) {
        // A line thinner than a pixel is a pale line of one pixel.
        let half = max(width, 1) / 2
        let strength = min(width, 1)
        var regions: [Raster.Region] = []
        for line in lines {
            if line.count == 1 { regions.append(cover(line[0], line[0], half, strength)) }
            for index in line.indices.dropFirst() { regions.append(cover(line[index - 1], line[index], half, strength)) }
        }
        for region in regions { raster.paint(region, color) }
    }

    private mutating func cover(_ from: Point, _ to: Point, _ half: Double, _ strength: Double) -> Raster.Region {
        let reach = half + 1
        let region = raster.region(
            min(from.x, to.x) - reach, min(from.y, to.y) - reach, max(from.x, to.x) + reach, max(from.y, to.y) + reach)
        let along = to - from
        let square = along.x * along.x + along.y * along.y
        for row in region.rows {
            let y = Double(row) + 0.5
            var columns = region.columns
            if abs(along.y) > 1e-9 {
                // Only where the line comes near this row.
                let (a, b) = ((y - reach - from.y) / along.y, (y + reach - from.y) / along.y)
                let (first, last) = (max(min(a, b), 0), min(max(a, b), 1))
                guard first <= last else { continue }
                let ends = (from.x + along.x * first, from.x + along.x * last)
                columns = raster.region(min(ends.0, ends.1) - reach, y, max(ends.0, ends.1) + reach, y + 1).columns
            }
            for column in columns {
                let offset = Point(Double(column) + 0.5, y) - from
                let part = square == 0 ? 0 : min(max((offset.x * along.x + offset.y * along.y) / square, 0), 1)
                let distance = (offset - along * part).length
                if distance < half + 0.5 { raster.cover(column, row, min(half + 0.5 - distance, 1) * strength) }
            }
        }
        return region
    }

    private static func dashed(_ line: [Point], _ dash: [Double]) -> [[Point]] {
        guard !dash.isEmpty, dash.allSatisfy({ $0 > 0.01 }), let first = line.first else { return [line] }
        var pieces: [[Point]] = []
        var piece = [first]
        var (index, left) = (0, dash[0])
        for (from, to) in zip(line, line.dropFirst()) {
            let length = (to - from).length
            var done = 0.0
            while length - done > left {
                done += left
                let point = from + (to - from) * (done / length)
                if index % 2 == 0 { pieces.append(piece + [point]) }
                piece = [point]
                index += 1
                left = dash[index % dash.count]
            }
            left -= length - done
            piece.append(to)
        }
        if index % 2 == 0 { pieces.append(piece) }
        return pieces
    }

    // MARK: text

    private mutating func draw(_ text: Drawing.Text) {
        var pen: Double
        switch text.anchor {
        case .start: pen = 0
        case .middle: pen = -text.width / 2
        case .end: pen = -text.width
        }
        let direction = Sine.direction(degrees: Double(text.rotation))
        for run in text.runs {
            for scalar in run.string.unicodeScalars {
                let advance = FontMetrics.advance(of: scalar, isBold: run.isBold)
                // Bold letters are drawn wider.
                let wide = advance / max(FontMetrics.advance(of: scalar, isBold: false), 1)
                let lines = Glyphs.strokes(of: scalar).map { stroke in
                    stroke.map { point in
                        let place = Point(pen + point.x * wide * run.size, -point.y * run.size)
                        let turned = Point(
                            place.x * direction.x + place.y * direction.y, place.y * direction.x - place.x * direction.y)
                        return (text.origin + turned) * scale
                    }
                }
                stroke(lines, width: Glyphs.thickness(isBold: run.isBold) * run.size * scale, run.color)
                pen += advance * run.size / 1000
            }
        }
    }

    // MARK: outlines

    private static func outline(_ rectangle: Rectangle, corner: Double) -> Path {
        let (left, top, right, bottom) = (rectangle.minX, rectangle.minY, rectangle.maxX, rectangle.maxY)
        let radius = min(corner, rectangle.size.width / 2, rectangle.size.height / 2)
        guard radius > 0 else {
            return Path(
                through: [Point(left, top), Point(right, top), Point(right, bottom), Point(left, bottom), Point(left, top)])
        }
        // How far a cubic's control points are from a quarter circle's ends.
        let rest = radius * (1 - 0.5522847498)
        var path = Path(from: Point(left + radius, top))
        path.line(to: Point(right - radius, top))
        path.curve(Point(right - rest, top), Point(right, top + rest), to: Point(right, top + radius))
        path.line(to: Point(right, bottom - radius))
        path.curve(Point(right, bottom - rest), Point(right - rest, bottom), to: Point(right - radius, bottom))
        path.line(to: Point(left + radius, bottom))
        path.curve(Point(left + rest, bottom), Point(left, bottom - rest), to: Point(left, bottom - radius))
        path.line(to: Point(left, top + radius))
        path.curve(Point(left, top + rest), Point(left + rest, top), to: Point(left + radius, top))
        return path
    }

    private static func bounds(_ points: [Point]) -> (minX: Double, minY: Double, maxX: Double, maxY: Double)? {
        guard let first = points.first else { return nil }
        return points.reduce((first.x, first.y, first.x, first.y)) {
            (min($0.0, $1.x), min($0.1, $1.y), max($0.2, $1.x), max($0.3, $1.y))
        }
    }
}
