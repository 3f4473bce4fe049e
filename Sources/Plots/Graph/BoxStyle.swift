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
    /// Longer names and values lose their middle.
    static let mostCharacters = 60
    static let mostValueCharacters = 84
    /// Fonts that stand in for Helvetica may be a little wider.
    static let slack = 1.05

    static func size(of box: PlotBox) -> Size {
        let widest = ([head(box)] + box.rows.map(line)).map { Drawing.Text($0, at: Point(0, 0)).width }.max() ?? 0
        return Size(
            (max(widest * slack, 30) + 2 * padding).rounded(.up), headHeight + rowHeight * Double(box.rows.count))
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
            marks.append(.text(Drawing.Text(line(row), at: base)))
        }
        marks.append(.rectangle(frame, corner: corner, fill: nil, stroke: Drawing.Stroke(border, width: 0.9)))
        let base = frame.minY + headHeight / 2 + titleSize * 0.35
        marks.append(.text(Drawing.Text(head(box), at: Point(frame.center.x, base), anchor: .middle)))
        return marks
    }

    private static func head(_ box: PlotBox) -> [Drawing.Text.Run] {
        let title = Drawing.Text.Run(
            FontMetrics.shortened(box.title, toCharacters: mostCharacters), size: titleSize, isBold: true, color: .white)
        guard let subtitle = box.subtitle else { return [title] }
        return [
            title,
            Drawing.Text.Run(
                "  " + FontMetrics.shortened(subtitle, toCharacters: mostCharacters), size: titleSize - 1, color: pale),
        ]
    }

    private static func line(_ row: PlotBox.Row) -> [Drawing.Text.Run] {
        let value = Drawing.Text.Run(
            FontMetrics.shortened(row.value, toCharacters: mostValueCharacters), size: rowSize, isBold: row.color != nil,
            color: row.color == nil ? self.value : .white)
        return row.label.isEmpty ? [value] : [Drawing.Text.Run(row.label + ":  ", size: rowSize, color: label), value]
    }
}
