/// A place on a drawing: points (1/72 inch) from the upper left corner.
package struct Point: Hashable, Sendable {
    package var x: Double
    package var y: Double

    package init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }

    package static func + (a: Point, b: Point) -> Point { Point(a.x + b.x, a.y + b.y) }
    package static func - (a: Point, b: Point) -> Point { Point(a.x - b.x, a.y - b.y) }
    package static func * (a: Point, factor: Double) -> Point { Point(a.x * factor, a.y * factor) }
}

/// Width and height in points.
package struct Size: Hashable, Sendable {
    package var width: Double
    package var height: Double

    package init(_ width: Double, _ height: Double) {
        self.width = width
        self.height = height
    }
}

/// A rectangle with sides along the axes.
package struct Rectangle: Hashable, Sendable {
    /// The upper left corner.
    package var origin: Point
    package var size: Size

    package init(_ x: Double, _ y: Double, _ width: Double, _ height: Double) {
        origin = Point(x, y)
        size = Size(width, height)
    }

    package var minX: Double { origin.x }
    package var minY: Double { origin.y }
    package var maxX: Double { origin.x + size.width }
    package var maxY: Double { origin.y + size.height }
    package var center: Point { Point(origin.x + size.width / 2, origin.y + size.height / 2) }

    /// The same rectangle elsewhere.
    package func moved(by offset: Point) -> Rectangle {
        Rectangle(origin.x + offset.x, origin.y + offset.y, size.width, size.height)
    }

    /// Whether both share some area; touching edges don't count.
    package func overlaps(_ other: Rectangle) -> Bool {
        minX < other.maxX && other.minX < maxX && minY < other.maxY && other.minY < maxY
    }

    /// Whether the other lies within, edges included.
    package func contains(_ other: Rectangle) -> Bool {
        minX <= other.minX && maxX >= other.maxX && minY <= other.minY && maxY >= other.maxY
    }
}

/// Lines and cubic curves, one after the other.
package struct Path: Hashable, Sendable {
    package enum Element: Hashable, Sendable {
        case line(to: Point)
        case curve(Point, Point, to: Point)

        package var end: Point {
            switch self {
            case .line(let end), .curve(_, _, let end): end
            }
        }
    }

    package var start: Point
    package var elements: [Element]

    package init(from start: Point, _ elements: [Element] = []) {
        self.start = start
        self.elements = elements
    }

    /// A line through all points, of which there is at least one.
    package init(through points: [Point]) {
        precondition(!points.isEmpty)
        self.init(from: points[0], points.dropFirst().map { .line(to: $0) })
    }

    package var end: Point { elements.last?.end ?? start }

    /// Goes on in a straight line; a line that goes on in the same direction along an axis is made longer instead.
    package mutating func line(to point: Point) {
        guard point != end else { return }
        if case .line(let end)? = elements.last {
            let before = elements.count > 1 ? elements[elements.count - 2].end : start
            if (before.x == end.x && end.x == point.x) || (before.y == end.y && end.y == point.y) { elements.removeLast() }
        }
        elements.append(.line(to: point))
    }

    /// Goes on in a cubic curve with these control points.
    package mutating func curve(_ first: Point, _ second: Point, to point: Point) {
        elements.append(.curve(first, second, to: point))
    }

    /// The same path, every point put elsewhere.
    package func mapped(_ place: (Point) -> Point) -> Path {
        Path(
            from: place(start),
            elements.map {
                switch $0 {
                case .line(let end): .line(to: place(end))
                case .curve(let first, let second, let end): .curve(place(first), place(second), to: place(end))
                }
            })
    }

    /// The same path from its end to its start.
    package var reversed: Path {
        var result = Path(from: end)
        for index in elements.indices.reversed() {
            let before = index == 0 ? start : elements[index - 1].end
            switch elements[index] {
            case .line: result.elements.append(.line(to: before))
            case .curve(let first, let second, _): result.elements.append(.curve(second, first, to: before))
            }
        }
        return result
    }

    /// The path as straight lines, curves cut so finely that nobody sees it.
    ///
    /// - Parameter tolerance: in points: how far a line may be from its curve.
    package func flattened(tolerance: Double) -> [Point] {
        var points = [start]
        for element in elements {
            let from = points[points.count - 1]
            switch element {
            case .line(let end): points.append(end)
            case .curve(let first, let second, let end):
                let bend = max(
                    (from - first * 2 + second).length, (first - second * 2 + end).length)
                let pieces = min(max(Int((bend * 0.75 / max(tolerance, 1e-3)).squareRoot().rounded(.up)), 1), 200)
                for piece in 1...pieces {
                    let t = Double(piece) / Double(pieces), s = 1 - t
                    points.append(
                        from * (s * s * s) + first * (3 * s * s * t) + second * (3 * s * t * t) + end * (t * t * t))
                }
            }
        }
        return points
    }
}

extension Point {
    var length: Double { (x * x + y * y).squareRoot() }
}
