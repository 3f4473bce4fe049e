/// Curves of numbers over a common axis, with ticks, a grid and a legend.
package struct LineChart: Sendable {
    /// One curve. Where a number isn't finite, it has a gap.
    package struct Series: Sendable {
        package var name: String
        package var points: [Point]
        package var color: Color
        package var isDashed: Bool

        /// - Parameter points: in the chart's own units, from left to right.
        package init(_ name: String, _ points: [Point], color: Color, isDashed: Bool = false) {
            self.name = name
            self.points = points
            self.color = color
            self.isDashed = isDashed
        }
    }

    package var title: String
    package var xLabel: String
    package var series: [Series]
    /// Whether ticks of the horizontal axis are whole numbers.
    package var countsX: Bool

    package init(title: String, xLabel: String, series: [Series], countsX: Bool = false) {
        self.title = title
        self.xLabel = xLabel
        self.series = series
        self.countsX = countsX
    }

    private static let grid = Color(hex: 0xe2e2e2)
    private static let ink = Color(hex: 0x333333)

    /// What is drawn within a rectangle.
    package func marks(in frame: Rectangle) -> [Drawing.Mark] {
        let finite = series.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
        let x = Axis(finite.map(\.x), most: max(2, Int(frame.size.width / 60)), isWhole: countsX)
        let y = Axis(finite.map(\.y), most: max(2, Int(frame.size.height / 40)), isWhole: false, widens: true)
        let labelWidth = y.ticks.map { FontMetrics.width(of: y.label($0), size: 9) }.max() ?? 0
        let area = Rectangle(
            frame.minX + labelWidth + 12, frame.minY + 28, max(frame.size.width - labelWidth - 24, 1), max(frame.size.height - 68, 1))
        func place(_ point: Point) -> Point {
            Point(
                area.minX + (point.x - x.low) / (x.high - x.low) * area.size.width,
                area.maxY - (point.y - y.low) / (y.high - y.low) * area.size.height)
        }
        func text(_ string: String, _ point: Point, size: Double = 9, isBold: Bool = false, anchor: Drawing.Text.Anchor) -> Drawing.Mark {
            .text(Drawing.Text([.init(string, size: size, isBold: isBold, color: Self.ink)], at: point, anchor: anchor))
        }
        var marks = [text(title, Point(area.center.x, frame.minY + 16), size: 12, isBold: true, anchor: .middle)]
        for tick in y.ticks {
            let height = place(Point(x.low, tick)).y
            marks.append(.path(Path(through: [Point(area.minX, height), Point(area.maxX, height)]), .init(Self.grid, width: 0.75)))
            marks.append(text(y.label(tick), Point(area.minX - 5, height + 3), anchor: .end))
        }
        for tick in x.ticks {
            let left = place(Point(tick, y.low)).x
            marks.append(.path(Path(through: [Point(left, area.minY), Point(left, area.maxY)]), .init(Self.grid, width: 0.75)))
            marks.append(text(x.label(tick), Point(left, area.maxY + 13), anchor: .middle))
        }
        marks.append(text(xLabel, Point(area.center.x, area.maxY + 26), anchor: .middle))
        for own in series { marks.append(.group(curve(own, place), title: own.name)) }
        marks.append(.rectangle(area, corner: 0, fill: nil, stroke: .init(Self.ink, width: 1)))
        // The legend, a line below the chart.
        let widths = series.map { FontMetrics.width(of: $0.name, size: 9) + 34 }
        var left = area.center.x - widths.reduce(0, +) / 2
        for (own, width) in zip(series, widths) {
            let height = area.maxY + 36
            marks.append(.path(Path(through: [Point(left, height - 3), Point(left + 20, height - 3)]), Self.stroke(own)))
            marks.append(text(own.name, Point(left + 24, height), anchor: .start))
            left += width
        }
        return marks
    }

    private static func stroke(_ series: Series) -> Drawing.Stroke {
        .init(series.color, width: 1.6, dash: series.isDashed ? [5, 3] : nil)
    }

    private func curve(_ series: Series, _ place: (Point) -> Point) -> [Drawing.Mark] {
        var marks: [Drawing.Mark] = []
        var run: [Point] = []
        func end() {
            if run.count > 1 { marks.append(.path(Path(through: run), Self.stroke(series))) }
            // A number between two that aren't finite, or a single epoch, is a dot.
            if run.count == 1 {
                marks.append(.rectangle(Rectangle(run[0].x - 2, run[0].y - 2, 4, 4), corner: 2, fill: series.color, stroke: nil))
            }
            run = []
        }
        for point in series.points {
            if point.x.isFinite, point.y.isFinite { run.append(place(point)) } else { end() }
        }
        end()
        return marks
    }
}

/// A range of numbers with round ticks in it.
struct Axis {
    var low: Double
    var high: Double
    var ticks: [Double]
    /// Digits after the point that tell ticks apart.
    private var digits: Int

    /// - Parameters:
    ///   - most: about how many ticks there is room for.
    ///   - isWhole: whether ticks are whole numbers.
    ///   - widens: whether the range is widened to whole ticks.
    init(_ values: [Double], most: Int, isWhole: Bool, widens: Bool = false) {
        var (low, high) = (values.min() ?? 0, values.max() ?? 1)
        // What is equal to within rounding lies on one line.
        if high - low <= max(abs(low), abs(high), 1e-290) * 1e-13 {
            let rim = isWhole ? 1 : max(abs(low) * 0.1, 1e-12)
            (low, high) = (low - rim, high + rim)
        }
        // Differences beyond what a Double holds have no ticks.
        let span = (high - low).isFinite ? high - low : .greatestFiniteMagnitude
        let rough = max(span / Double(max(most, 1)), .leastNormalMagnitude)
        let power = Self.power(Int(Self.logarithm(rough).rounded(.down)))
        var step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
        if isWhole { step = max(1, step.rounded()) }
        if widens {
            low = (low / step).rounded(.down) * step
            high = (high / step).rounded(.up) * step
        }
        (self.low, self.high) = (low, high)
        var ticks: [Double] = []
        var number = (low / step).rounded(.up)
        while number * step <= high + step * 1e-6, ticks.count < 200 {
            ticks.append(number * step)
            number += 1
        }
        self.ticks = ticks
        digits = max(0, min(12, -Int((Self.logarithm(step) + 1e-9).rounded(.down))))
    }

    func label(_ tick: Double) -> String {
        if tick != 0, abs(tick) >= 1e7 || digits > 6 { return "\(tick)" }
        let scale = Self.power(digits)
        let scaled = Int((abs(tick) * scale).rounded())
        let sign = tick < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: Int(scale))
        let tail = "\(rest)"
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - tail.count) + tail
    }

    /// 10ⁿ.
    private static func power(_ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<min(abs(exponent), 400) { result *= 10 }
        return exponent < 0 ? 1 / result : result
    }

    /// The decimal logarithm, to a hair.
    private static func logarithm(_ value: Double) -> Double {
        // log₁₀ v = (exponent + log₂ significand) · log₁₀ 2; the significand's by its series.
        let significand = value.significand
        let z = (significand - 1) / (significand + 1)
        var (term, sum) = (z, 0.0)
        for odd in stride(from: 1, to: 40, by: 2) {
            sum += term / Double(odd)
            term *= z * z
        }
        return (Double(value.exponent) + 2 * sum / 0.693147180559945309417) * 0.301029995663981195214
    }
}
