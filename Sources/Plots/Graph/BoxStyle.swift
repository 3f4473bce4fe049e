/// How a box looks, and how much room it takes.
enum BoxStyle {
    static let titleSize = 12.0
    static let rowSize = 10.5
    static let headHeight = 23.0
    static let rowHeight = 18.0
    static let padding = 9.0
    static let corner = 4.0
    static let border = Color(hex: 0x5f6b7a)
    static let label = Color(hex: 0x6b7684)
    static let value = Color(hex: 0x1c2430)
    static let pale = Color(hex: 0xe4e9f0)
    /// Longer texts lose their middle.
    static let mostCharacters = 60

    static func size(of box: PlotBox) -> Size {
        let head = title(box).width + subtitle(box).width
        let rows = box.rows.map { row in label(row).width + value(row).width }
        let width = max(rows.reduce(head, max), 30) + 2 * padding
        return Size(width.rounded(.up), headHeight + rowHeight * Double(box.rows.count))
    }

    static func marks(of box: PlotBox, in frame: Rectangle) -> [Drawing.Mark] {
        var marks: [Drawing.Mark] = []
        // The heading's colour shows through where nothing else is; white covers the rows.
        marks.append(.rectangle(frame, corner: corner, fill: box.color, stroke: nil))
        for (index, row) in box.rows.enumerated() {
            let top = frame.minY + headHeight + rowHeight * Double(index)
            let isLast = index == box.rows.count - 1
            marks.append(
                .rectangle(
                    Rectangle(frame.minX, top, frame.size.width, rowHeight), corner: isLast ? corner : 0,
                    fill: row.color ?? .white, stroke: nil))
            if isLast {
                marks.append(
                    .rectangle(
                        Rectangle(frame.minX, top, frame.size.width, rowHeight - corner), corner: 0, fill: row.color ?? .white,
                        stroke: nil))
            }
            if index > 0 {
                marks.append(
                    .path(Path(through: [Point(frame.minX, top), Point(frame.maxX, top)]), Drawing.Stroke(pale, width: 0.75)))
            }
            let base = Point(frame.minX + padding, top + rowHeight / 2 + rowSize * 0.35)
            var label = label(row), value = value(row)
            label.origin = base
            value.origin = base + Point(label.width, 0)
            if row.color != nil { (label.color, value.color) = (.white, .white) }
            marks += [.text(label), .text(value)]
        }
        marks.append(.rectangle(frame, corner: corner, fill: nil, stroke: Drawing.Stroke(border, width: 0.9)))
        var title = title(box), subtitle = subtitle(box)
        let base = frame.minY + headHeight / 2 + titleSize * 0.35
        title.origin = Point(frame.center.x - (title.width + subtitle.width) / 2, base)
        subtitle.origin = Point(title.origin.x + title.width, base)
        marks += [.text(title), .text(subtitle)]
        return marks
    }

    private static func title(_ box: PlotBox) -> Drawing.Text {
        Drawing.Text(short(box.title), at: Point(0, 0), size: titleSize, isBold: true, color: .white)
    }

    private static func subtitle(_ box: PlotBox) -> Drawing.Text {
        Drawing.Text(box.subtitle.map { "  " + short($0) } ?? "", at: Point(0, 0), size: titleSize - 1, color: pale)
    }

    private static func label(_ row: PlotBox.Row) -> Drawing.Text {
        Drawing.Text(row.label.isEmpty ? "" : row.label + ":  ", at: Point(0, 0), size: rowSize, color: label)
    }

    private static func value(_ row: PlotBox.Row) -> Drawing.Text {
        Drawing.Text(short(row.value), at: Point(0, 0), size: rowSize, isBold: row.color != nil, color: value)
    }

    private static func short(_ text: String) -> String { FontMetrics.shortened(text, toCharacters: mostCharacters) }
}
