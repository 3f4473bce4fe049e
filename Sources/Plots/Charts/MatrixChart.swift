/// A square of counts as colours and numbers: a confusion matrix. A row's colours are parts of its sum.
package struct MatrixChart: Sendable {
    package var title: String
    package var rowLabel: String
    package var columnLabel: String
    package var labels: [String]
    package var counts: [[Int]]

    /// - Parameter counts: as many rows, and as many columns, as there are labels.
    package init(title: String, rowLabel: String, columnLabel: String, labels: [String], counts: [[Int]]) {
        precondition(counts.count == labels.count && counts.allSatisfy { $0.count == labels.count })
        self.title = title
        self.rowLabel = rowLabel
        self.columnLabel = columnLabel
        self.labels = labels
        self.counts = counts
    }

    private static let ink = Color(hex: 0x333333)

    /// White, through blue, to dark blue.
    private static func color(_ part: Double) -> Color {
        func mix(_ from: UInt8, _ to: UInt8) -> UInt8 { UInt8(Double(from) + (Double(to) - Double(from)) * min(max(part, 0), 1)) }
        return Color(mix(0xf4, 0x08), mix(0xf8, 0x30), mix(0xfd, 0x6b))
    }

    package var drawing: Drawing {
        let count = labels.count
        let cell = count <= 12 ? 44.0 : count <= 30 ? 30 : max(2, 900 / Double(count))
        let showsNumbers = cell >= 30, showsLabels = cell >= 9
        let size = min(10, cell * 0.8)
        let names = labels.map { FontMetrics.shortened($0, toCharacters: 24) }
        let longest = showsLabels ? names.map { FontMetrics.width(of: $0, size: size) }.max() ?? 0 : 0
        let side = cell * Double(count)
        let (left, top) = (longest + 34, longest + 52)
        func text(
            _ string: String, _ point: Point, size: Double, isBold: Bool = false, color: Color = Self.ink, anchor: Drawing.Text.Anchor,
            rotation: Int = 0
        ) -> Drawing.Mark {
            .text(Drawing.Text([.init(string, size: size, isBold: isBold, color: color)], at: point, anchor: anchor, rotation: rotation))
        }
        let width = max(left + side + 16, FontMetrics.width(of: title, size: 13, isBold: true) + 32)
        var marks = [
            text(title, Point(width / 2, 20), size: 13, isBold: true, anchor: .middle),
            text(columnLabel, Point(left + side / 2, 38), size: 10, anchor: .middle),
            text(rowLabel, Point(16, top + side / 2), size: 10, anchor: .middle, rotation: 90),
        ]
        if showsLabels {
            for (place, name) in names.enumerated() {
                let middle = (Double(place) + 0.5) * cell
                marks.append(text(name, Point(left - 5, top + middle + size * 0.36), size: size, anchor: .end))
                marks.append(text(name, Point(left + middle + size * 0.36, top - 5), size: size, anchor: .start, rotation: 90))
            }
        }
        for (row, own) in counts.enumerated() {
            let sum = Double(max(own.reduce(0, +), 1))
            for (column, number) in own.enumerated() where number > 0 || showsNumbers {
                let part = Double(number) / sum
                let square = Rectangle(left + Double(column) * cell, top + Double(row) * cell, cell, cell)
                var group: [Drawing.Mark] = [.rectangle(square, corner: 0, fill: Self.color(part), stroke: nil)]
                if showsNumbers {
                    let string = "\(number)"
                    let fitting = min(11, (cell - 4) / max(FontMetrics.width(of: string, size: 1), 0.1))
                    group.append(
                        text(
                            string, Point(square.center.x, square.center.y + fitting * 0.36), size: fitting,
                            color: part > 0.5 ? .white : Self.ink, anchor: .middle))
                }
                marks.append(.group(group, title: "\(labels[row]) → \(labels[column]): \(number)"))
            }
        }
        marks.append(.rectangle(Rectangle(left, top, side, side), corner: 0, fill: nil, stroke: .init(Self.ink, width: 1)))
        return Drawing(size: Size(width, top + side + 16), marks: marks)
    }
}
