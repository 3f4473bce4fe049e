package import Tensors

extension PlotGraph {
    /// The graph laid out and drawn. Throws 69 `plot.tooLarge` for a graph that nobody could look at.
    package func drawing(_ direction: Direction = .topToBottom) throws(LocatedError) -> Drawing {
        let margin = 12.0
        let layout = try GraphLayout(self, direction: direction)
        let offset = Point(margin, margin)
        var marks: [Drawing.Mark] = []
        for frame in layout.frames {
            marks.append(
                .rectangle(
                    frame.rectangle.moved(by: offset), corner: 7, fill: Self.tint(depth: frame.depth),
                    stroke: Drawing.Stroke(Color(hex: 0x8b97a8), width: 1, dash: [5, 3])))
        }
        for arrow in layout.arrows { marks += Self.marks(of: arrow.moved(by: offset)) }
        for frame in layout.frames {
            let label = frame.label.moved(by: offset)
            marks.append(.rectangle(label, corner: 3, fill: Self.tint(depth: frame.depth), stroke: nil))
            marks.append(
                .text(
                    Drawing.Text([GraphLayout.label(frame.name)], at: Point(label.minX + 3, label.maxY - 4.5))))
        }
        for placed in layout.boxes {
            marks.append(.group(BoxStyle.marks(of: placed.box, in: placed.rectangle.moved(by: offset)), title: placed.box.hint))
        }
        return Drawing(size: Size(layout.size.width + 2 * margin, layout.size.height + 2 * margin), marks: marks)
    }

    private static func tint(depth: Int) -> Color {
        [Color(hex: 0xf4f6f9), Color(hex: 0xe9edf3), Color(hex: 0xdfe5ed)][min(depth, 2)]
    }

    private static func marks(of arrow: GraphLayout.Arrow) -> [Drawing.Mark] {
        let color = arrow.goesBack ? Color(hex: 0xb4532a) : Color(hex: 0x5a6675)
        var path = arrow.path
        var marks: [Drawing.Mark] = []
        if arrow.hasHead, let last = path.elements.last {
            let tip = path.end
            let before: Point =
                switch last {
                case .line: path.elements.count > 1 ? path.elements[path.elements.count - 2].end : path.start
                case .curve(_, let control, _): control
                }
            let length = max((tip - before).length, 1e-6)
            let along = (tip - before) * (1 / length)
            let across = Point(-along.y, along.x)
            let back = tip - along * 6.5
            marks.append(.polygon([tip, back + across * 3, back - across * 3], fill: color))
            path.elements[path.elements.count - 1] =
                switch last {
                case .line: .line(to: tip - along * 5)
                case .curve(let first, let second, _): .curve(first, second, to: tip - along * 5)
                }
        }
        marks.insert(.path(path, Drawing.Stroke(color, width: 1.3, dash: arrow.goesBack ? [4, 3] : nil)), at: 0)
        return marks
    }
}
